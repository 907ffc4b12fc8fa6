"""Evaluations: figures, predictions, errors; the same bytes as the program's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

import clip_rs

CLASSES = ["cat", "dog", "pizza"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small pictures by class, to learn from and to be tested on."""
    folder = tmp_path_factory.mktemp("evaluate")
    image = pytest.importorskip("PIL.Image")
    for split in ["train", "test"]:
        for name in CLASSES:
            below = folder / "pictures" / split / name
            below.mkdir(parents=True)
            photo = image.open(ROOT / "photos" / f"{name}.jpg")
            for side in [224, 230]:
                photo.resize((side + (split == "test"), 224)).save(below / f"{side}.png")
    return folder


@pytest.fixture(scope="module")
def result(pictures: Path, starter: clip_rs.Model) -> clip_rs.Result:
    return clip_rs.evaluate("folder:pictures", pictures, starter, features=pictures / "features")


def test_result_has_figures_and_predictions(result: clip_rs.Result) -> None:
    assert (result.dataset, result.split, result.metric) == ("pictures", "test", "accuracy")
    assert result.counts["scored"] == 6 and result.path is None
    predictions = result.predictions
    assert predictions["item"][0].startswith("test/cat/")
    assert predictions["truth"].tolist() == [0, 0, 1, 1, 2, 2] and predictions["truth"].dtype == np.int64
    assert predictions["probabilities"].shape == (6, 3) and predictions["probabilities"].dtype == np.float32
    assert result.value == predictions["right"].mean() == (predictions["predicted"] == predictions["truth"]).mean()
    assert result.interval is not None and result.low is not None and result.low < 1 and result.level == 0.95
    assert result.figures["accuracy"] == result.score
    assert "accuracy" in repr(result) and result.json["score"]["name"] == "accuracy"


def test_tables_have_a_row_a_figure_and_a_row_an_item(result: clip_rs.Result) -> None:
    pytest.importorskip("pandas")
    figures = result.to_pandas()
    assert figures["name"].tolist() == list(result.figures)
    assert len(result.predictions_to_pandas()) == 6


def test_result_that_is_kept_is_read_again_and_says_when_it_was_changed(pictures: Path, tmp_path: Path) -> None:
    options = {"task": "probe", "c": 0.316, "features": pictures / "features", "out": tmp_path}
    kept = clip_rs.evaluate("folder:pictures", pictures, **options)
    assert kept.path is not None and kept.task == "linear_probe"
    assert clip_rs.Result.load(kept.path).json == kept.json
    again = clip_rs.evaluate("folder:pictures", pictures, **options)
    assert again.json == kept.json, "it is not made again"
    kept.path.write_text(kept.path.read_text().replace('"scored": 6', '"scored": 7'))
    with pytest.warns(UserWarning, match="was changed"):
        clip_rs.Result.load(kept.path)


def test_the_program_gives_the_same_result(pictures: Path, tmp_path: Path, result: clip_rs.Result) -> None:
    program = ROOT / "target" / "debug" / "clip-rs"
    if not program.is_file():
        pytest.skip("the program is not built")
    arguments = ["eval", "zeroshot", "--dataset", "folder:pictures", "--root", pictures, "--out", tmp_path, "--features"]
    subprocess.run([program, *arguments, pictures / "features", "--json"], check=True, capture_output=True)
    theirs = json.loads((tmp_path / "starter/pictures.zeroshot_classification.json").read_text())
    ours = dict(result.json)
    for record in [ours, theirs]:
        record.pop("wall_seconds"), record.pop("blake3")
    assert ours == theirs


def test_names_and_templates_need_no_files(pictures: Path, result: clip_rs.Result) -> None:
    options = {"features": pictures / "features", "wrong_images": np.int64(0), "templates": ["a {}"]}
    names = {"cat": "rocket", "dog": "dog", "pizza": "pizza"}
    other = clip_rs.evaluate("folder:pictures", pictures, classnames=names, **options)
    as_list = clip_rs.evaluate("folder:pictures", pictures, classnames=[*names.values()], **options)
    assert as_list.value == other.value
    assert other.value is not None and result.value is not None and other.value < result.value
    compared = clip_rs.compare(result, other)
    assert compared.difference.value == pytest.approx(result.value - other.value)
    assert compared.items == 6 and compared.p is not None and 0 < compared.p <= 1


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"c": 1.0}, ValueError, "c is not read by zeroshot"),
        ({"level": 95}, ValueError, "level: 95"),
        ({"levle": 0.5}, ValueError, "no option `levle`"),
        ({"task": "zero"}, ValueError, "zero"),
        ({"threads": 0}, ValueError, "threads: 0"),
        ({"precision": "f16"}, ValueError, "precision"),
        ({"model": 3}, TypeError, "model: int"),
        ({"dataset": None}, TypeError, "dataset: NoneType"),
        ({"dataset": "oxford_pets", "root": None}, ValueError, "root: where is oxford_pets"),
        ({"dataset": "oxford_petz"}, clip_rs.DatasetError, "oxford_petz"),
        ({"dataset": "oxford_pets"}, FileNotFoundError, "looked for"),
        ({"dataset": "folder:nowhere"}, FileNotFoundError, "nowhere"),
        ({"dataset": "mnist", "task": "retrieval"}, clip_rs.DatasetError, "captions"),
        ({"level": {1: 2}}, TypeError, "level: dict"),
    ],
)
def test_errors_name_the_argument(pictures: Path, options: dict, error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        clip_rs.evaluate(**{"dataset": "folder:pictures", "root": pictures} | options)


def test_what_is_left_out_is_said(pictures: Path, tmp_path: Path) -> None:
    shutil.copytree(pictures / "pictures", tmp_path / "pictures")
    (tmp_path / "pictures/test/cat/224.png").write_bytes(b"no image")
    with pytest.warns(UserWarning, match="1 items were left out"):
        result = clip_rs.evaluate("folder:pictures", tmp_path, features=pictures / "features")
    assert [skip["stage"] for skip in result.skipped] == ["decode"] and result.counts["scored"] == 5


def test_published_data_that_is_not_whole_is_said(shared: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="31 of 3669"):
        result = clip_rs.evaluate("oxford_pets", shared / "data", features=tmp_path)
    assert result.metric == "mean_per_class" and len(result.predictions["item"]) == 31


def test_exception_in_what_hears_of_progress_ends_the_work(pictures: Path, tmp_path: Path) -> None:
    class Ended(Exception):
        pass

    class Ends:
        def begin(self, name: str, total: int | None) -> None:
            raise Ended(name)

        def __call__(self, done: int) -> None: ...

    suite = {"tasks": ["zeroshot"], "datasets": ["folder:pictures"], "root": str(pictures), "options": {}}
    model = ("starter", "f32", None)
    with pytest.raises(Ended):
        clip_rs._clip_rs.evaluate(model, json.dumps(suite), tmp_path / "out", tmp_path / "features", Ends())
    assert not list((tmp_path / "out").rglob("*.json")) if (tmp_path / "out").exists() else True
