"""Audits: what is measured, what is refused, and that they say what they are for."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT

from clip_rs import audit


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("audit")
    for name in ["cat", "dog"]:
        below = folder / "pictures" / name
        below.mkdir(parents=True)
        photo = image.open(ROOT / "photos" / f"{name}.jpg")
        for side in range(224, 230):
            photo.resize((side, 224)).save(below / f"{side}.png")
    return folder


def test_taxonomy_ends_in_a_verdict(pictures: Path) -> None:
    options = {"root": pictures, "features": pictures / "features", "draws": 1, "resamples": 50, "min_group": 10}
    labels = {"v1": ["cat", "dog"]}
    found = audit.taxonomy("folder:pictures", labels=labels, require={"accuracy": 0.5}, **options)
    assert found.kind == "taxonomy" and found.met is True and found.verdict
    assert found.counts["scored"] == 12 and all(section.may and section.may_not for section in found.sections)
    assert audit.PURPOSE in repr(found) and audit.LIMITS in repr(found)
    table = pytest.importorskip("pandas") and found.to_pandas()
    assert {"section", "group", "items", "share"} <= set(table.columns)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"min_group": 5}, ValueError, "min_group: 5: a group of fewer than 10"),
        ({"mingroup": 20}, TypeError, "did you mean min_group"),
        ({"c": 1, "without_probe": True}, ValueError, "c: has no meaning beside without_probe"),
        ({"template": "x"}, ValueError, "template: "),
        ({"level": 2}, ValueError, "level: 2"),
        ({}, FileNotFoundError, "fairface"),
    ],
)
def test_options_are_under_the_rules_of_the_program(
    tmp_path: Path, options: dict, error: type, said: str
) -> None:
    with pytest.raises(error, match=said):
        audit.fairface(tmp_path, **options)


def test_missing_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"labels\.txt"):
        audit.association(tmp_path / "groups.csv", tmp_path / "labels.txt")
