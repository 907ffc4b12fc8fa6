"""Training: plan, run, what is refused, going on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import clip_rs

pytestmark = pytest.mark.filterwarnings("ignore:a batch of 4", "ignore:nothing guards")


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """Two steps on eight photos."""
    names = ["cat", "dog", "pizza", "rocket", "coffee", "flower", "horses", "laptop"]
    lines = [f"{ROOT / 'photos' / name}.jpg,a photo of a {name}" for name in names]
    (tmp_path / "captions.csv").write_text("\n".join(["image,caption", *lines]) + "\n")
    return {
        "model": {"from": "starter"},
        "data": {"source": tmp_path / "captions.csv"},
        "batch": {"batch_size": 4},
        "schedule": {"steps": 2, "warmup": None},
    }


def test_run_has_a_plan_metrics_and_a_model(config: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "run"
    plan = clip_rs.train(config, out=out, dry_run=True)
    assert plan.plan["steps"] == 2 and plan.checkpoint is None and not out.exists()
    run = clip_rs.train(config, out=out)
    assert run.is_finished and run.step == 2 and run.checkpoint is not None
    assert [line["step"] for line in run.metrics] == [1, 2] and run.metrics[0]["loss"] > 0
    assert len(clip_rs.load(run.checkpoint).encode_text("a cat")) == 128
    assert clip_rs.train(out=out, resume=True).step == 2
    with pytest.raises(clip_rs.TrainingError, match="resume=True"):
        clip_rs.train(config, out=out)
    with pytest.raises(clip_rs.TrainingError, match="batch_size was 4"):
        clip_rs.train(config | {"batch": {"batch_size": 2}}, out=out, resume=True)


def test_plan_without_a_guard_is_noted(config: dict[str, Any], tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="nothing guards"):
        clip_rs.train(config, out=tmp_path / "run", dry_run=True)


def test_mistakes_are_refused_by_name_unless_they_are_allowed(config: dict[str, Any], tmp_path: Path) -> None:
    config["optimizer"] = {"learning_rate": 1.0}
    with pytest.raises(clip_rs.TrainingError, match=r'learning-rate: (.|\n)*allow=\["learning-rate"\]'):
        clip_rs.train(config, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "options", "error", "said"),
    [
        ({"optimizer": {"lerning_rate": 1}}, {}, clip_rs.TrainingError, "did you mean `learning_rate`"),
        ({"batch": {"batch_size": "four"}}, {}, clip_rs.TrainingError, "batch_size"),
        ({"batch": 3}, {}, TypeError, r"config\['batch'\]: int"),
        ({"data": {"source": "/nowhere.csv"}}, {}, clip_rs.TrainingError, "nowhere"),
        ({}, {"resume": True}, FileNotFoundError, "no run to go on with"),
        ({}, {"threads": -1}, ValueError, "threads: -1"),
    ],
)
def test_errors_name_the_key(
    config: dict[str, Any], tmp_path: Path, change: dict, options: dict, error: type, said: str
) -> None:
    with pytest.raises(error, match=said):
        clip_rs.train(config | change, out=tmp_path / "run", **options)


def test_file_that_is_not_there_is_python_s_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.toml"):
        clip_rs.train(tmp_path / "nowhere.toml", out=tmp_path / "run")
