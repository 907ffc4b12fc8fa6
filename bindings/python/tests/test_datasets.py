"""The catalogue of data sets."""

from __future__ import annotations

from pathlib import Path

import pytest

import clip_rs


def test_catalogue_has_what_a_person_asks_of_a_data_set() -> None:
    everything = clip_rs.datasets()
    assert len({dataset.id for dataset in everything}) == len(everything) > 30
    pets = clip_rs.dataset("oxford_pets")
    assert pets in everything and len(pets.classes) == 37 and "{}" in pets.templates[0]
    assert pets.metric == "mean_per_class" and pets.splits["test"] == 3669 and pets.url.startswith("https://")


def test_unknown_name_says_the_nearest() -> None:
    with pytest.raises(clip_rs.DatasetError, match="did you mean oxford_pets"):
        clip_rs.dataset("oxfordpets")


def test_folders_are_searched_and_checked(shared: Path, tmp_path: Path) -> None:
    assert clip_rs.datasets(tmp_path) == []
    assert "mnist" in [dataset.id for dataset in clip_rs.datasets(shared / "data")]
    found = clip_rs.check_dataset("oxford_pets", shared / "data")
    assert not found.is_whole and found.splits["test"] == 31 and "3669" in found.problems[1]
    with pytest.raises(FileNotFoundError, match="root: "):
        clip_rs.datasets(tmp_path / "nowhere")
