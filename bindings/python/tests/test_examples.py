"""The example scripts run, and say what they should."""

from __future__ import annotations

import importlib.util
import runpy
import shutil
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def classes(photos: Path, tmp_path: Path) -> Path:
    """A folder with a folder for each class."""
    for kind, names in {"animal": ["cat", "elephant"], "machine": ["laptop", "rocket"]}.items():
        (tmp_path / kind).mkdir()
        for name in names:
            shutil.copy(photos / f"{name}.jpg", tmp_path / kind)
    return tmp_path


def run(
    name: str, arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str]:
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    said = capsys.readouterr()
    return said.out, said.err


def test_classify(photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = run("classify", ["a cat,a pizza", str(photos / "pizza.jpg")], capsys, monkeypatch)
    assert ": a pizza (" in out


def test_embed_folder(
    classes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    (classes / "animal" / "notes.txt").write_text("no image")
    output = tmp_path.parent / f"{tmp_path.name}.npz"
    out, err = run("embed_folder", [str(classes), str(output)], capsys, monkeypatch)
    assert out.startswith("4 images") and "notes.txt" in err
    stored = np.load(output)
    assert stored["features"].shape == (4, 128) and stored["names"][0] == "animal/cat.jpg"


def test_compat_openai(photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL")
    out, _ = run("compat_openai", [str(photos / "cat.jpg")], capsys, monkeypatch)
    *_, cat = (float(share) for share in out.split("[[")[1].split("]]")[0].split())
    assert cat > 0.9


def test_sklearn_pipeline(classes: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    out, _ = run("sklearn_pipeline", [str(classes)], capsys, monkeypatch)
    assert out.startswith("accuracy in cross-validation: ")


def test_evaluate(
    classes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent))
    out, _ = run("evaluate", [str(classes)], capsys, monkeypatch)
    assert "of 4 items scored" in out


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_torch_dataloader(photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = run("torch_dataloader", [str(photos / "cat.jpg"), str(photos / "dog.jpg")], capsys, monkeypatch)
    assert out == "(2, 128) float32\n"
