"""What many tests need: the built-in model, photos, and golden data where it is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import clip_rs

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def starter() -> clip_rs.Model:
    """The model that is built in."""
    return clip_rs.load("starter")


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of the project's photos."""
    return ROOT / "photos"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the checkout, with all golden data; a clone has none."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: golden data beside the project alone")
    return folder
