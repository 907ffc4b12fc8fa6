"""Types: the package passes `mypy --strict`, and what uses it, the examples, mypy and pyright."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "bindings/python/python"
EXAMPLES = ROOT / "bindings/python/examples"


def files(folder: Path) -> list[Path]:
    """What is checked of a folder: all, but examples of libraries that are not installed."""
    torch = importlib.util.find_spec("torch") is not None
    return sorted(path for path in folder.rglob("*.py") if torch or not path.name.startswith("torch_"))


def run(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr


def checker(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    version = [sys.executable, "-m", name, "--version"]
    if subprocess.run(version, capture_output=True, timeout=200).returncode != 0:
        pytest.skip(f"{name} does not start")  # pyright fetches Node.js when it is first started


@pytest.mark.parametrize("folder", [PACKAGE / "clip_rs", EXAMPLES], ids=["package", "examples"])
def test_mypy(folder: Path) -> None:
    checker("mypy")
    run("mypy", "--strict", *files(folder))


@pytest.mark.parametrize("folder", [PACKAGE / "clip_rs", EXAMPLES], ids=["package", "examples"])
def test_pyright(folder: Path) -> None:
    checker("pyright")
    run("pyright", "--pythonpath", sys.executable, *files(folder))


def test_types_are_shipped() -> None:
    assert (PACKAGE / "clip_rs/py.typed").exists()
