"""What an evaluation found: figures with their intervals, predictions, all that its file holds."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _clip_rs, _display_results

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


class Figure(NamedTuple):
    """A number and how sure it is."""

    name: str
    """``accuracy``, ``mean_per_class``, ``image_retrieval_recall@5``, …"""
    value: float | None
    """In its unit; None where it is undefined, and ``note`` says why."""
    unit: str
    """``share`` (0 to 1), ``points`` (a difference of shares), ``number``, ``rank``, ``kilometre``."""
    low: float | None = None
    """Lower end of the interval."""
    high: float | None = None
    """Upper end of the interval."""
    level: float | None = None
    """Level of the interval, as 0.95."""
    method: str | None = None
    """``Clopper-Pearson``, ``bootstrap``, ``t``, …"""
    over: str | None = None
    """What the interval draws: ``images``, ``photos with their captions``, …"""
    note: str | None = None
    """Why there is no value, or no interval."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper end, where there is an interval."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> Figure:
        """A figure as files of results hold it.

        Parameters
        ----------
        written : mapping
            ``name``, ``value``, ``unit`` and, where there are any, the others.

        Returns
        -------
        Figure
        """
        known: dict[str, Any] = {name: written.get(name) for name in cls._fields}
        return cls(**known)

    def __repr__(self) -> str:
        text = f"{self.name} {self.format(self.value)}"
        if self.interval is not None and self.level is not None:
            low, high = self.interval
            text += f" ({self.format(low)} to {self.format(high)}, level {self.level:g})"
        return text if self.note is None else f"{text} ({self.note})"

    def format(self, value: float | None) -> str:
        """A value in the figure's unit, as people read it: ``93.2 %``.

        Parameters
        ----------
        value : float or None
            Of the figure, or an end of its interval.

        Returns
        -------
        str
        """
        if value is None:
            return "–"
        match self.unit:
            case "share":
                return f"{100 * value:.1f} %"
            case "points":
                return f"{100 * value:+.1f} points"
            case "kilometre":
                return f"{value:,.0f} km"
            case _:
                return f"{value:.4g}"


class Result:
    """One model on one data set and task. Made by :func:`evaluate` or :meth:`load`.

    The figure that is usually reported stands in the attributes; all others in ``figures``;
    whatever the file of the result holds in ``json``.
    """

    def __init__(
        self, record: dict[str, Any], predictions: list[dict[str, Any]], path: Path | None = None
    ) -> None:
        self.json = record
        """Everything that the file of the result holds."""
        self.path = path
        """The file of the result; None where it was not kept."""
        self.score = Figure.from_dict(record["score"])
        """The figure that the paper reports for such a data set."""
        self._predictions = predictions

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Result:
        """Read a result that :func:`evaluate` or the program ``clip-rs eval`` wrote.

        Parameters
        ----------
        path : path
            ``OUT/MODEL/DATASET.TASK.json``; its predictions are looked for beside it.

        Returns
        -------
        Result

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            It is no result.

        Warns
        -----
        UserWarning
            The file was changed after it was written.
        """
        path = Path(path)
        changed = _clip_rs.check_result(path)
        if changed is not None:
            warnings.warn(changed, stacklevel=2)
        record = json.loads(path.read_text(encoding="utf-8"))
        beside = path.with_suffix(".predictions.jsonl")
        lines = beside.read_text(encoding="utf-8").splitlines() if beside.is_file() else []
        return cls(record, [json.loads(line) for line in lines], path)

    @property
    def value(self) -> float | None:
        """The figure; None where it is undefined, and ``score.note`` says why."""
        return self.score.value

    @property
    def low(self) -> float | None:
        """Lower end of its interval."""
        return self.score.low

    @property
    def high(self) -> float | None:
        """Upper end of its interval."""
        return self.score.high

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper end of its interval, where it has one."""
        return self.score.interval

    @property
    def level(self) -> float | None:
        """Level of its interval, as 0.95."""
        return self.score.level

    @property
    def metric(self) -> str:
        """What the figure is: ``accuracy``, ``mean_per_class``, …"""
        return self.score.name

    @property
    def figures(self) -> dict[str, Figure]:
        """All figures by name, the reported one first."""
        others = [Figure.from_dict(written) for written in self.json.get("figures", [])]
        return {figure.name: figure for figure in [self.score, *others]}

    @property
    def metrics(self) -> dict[str, float | None]:
        """Figures under the names of CLIP_benchmark: ``acc1``, ``mean_per_class_recall``, …"""
        return dict(self.json["metrics"])

    @property
    def dataset(self) -> str:
        """Id of the data set."""
        return str(self.json["dataset"])

    @property
    def split(self) -> str:
        """The split that was scored."""
        return str(self.json["split"])

    @property
    def task(self) -> str:
        """``zeroshot_classification``, ``zeroshot_retrieval``, ``linear_probe``, ``few_shot``, …"""
        return str(self.json["task"])

    @property
    def model(self) -> str:
        """Name or path of the model."""
        return str(self.json["model"])

    @property
    def counts(self) -> dict[str, int | None]:
        """Items: ``expected`` (as published), ``found``, ``scored``, ``skipped``."""
        return dict(self.json["counts"])

    @property
    def skipped(self) -> list[dict[str, str]]:
        """The first hundred items left out: ``input``, ``stage``, ``reason``."""
        return list(self.json.get("skipped", []))

    @property
    def notes(self) -> list[str]:
        """What was left out, guessed or drawn."""
        return list(self.json.get("notes", []))

    @property
    def details(self) -> dict[str, Any]:
        """What tables and plots are made of: ``per_class``, ``confusions``, ``search``, ``shots``, …"""
        return dict(self.json.get("details", {}))

    @property
    def predictions(self) -> dict[str, NDArray[Any]]:
        """What the model said of each item; empty for tasks that keep no predictions.

        Returns
        -------
        dict of numpy.ndarray
            All with one row an item, in the order of the split:

            - ``item``: ids, text
            - ``truth``: class, ``int64`` ``[n]``; lists of classes as objects where an item has
              several or none
            - ``predicted``: the best class, ``int64`` ``[n]``; ``best``: the best five, ``[n, 5]``
            - ``probabilities``: of ``best``, ``float32``; ``truth_probability``: of the true class,
              NaN where there is none
            - ``scores``: of every class, ``float32`` ``[n, classes]``, where the metric needs them
            - ``right``: whether the best class is right, ``bool``
            - ``text_rank`` and ``image_ranks`` of retrieval, from 1; ``truth_text`` and
              ``predicted_text`` where a text is chosen
        """
        return _columns(self._predictions)

    def to_pandas(self) -> pd.DataFrame:
        """All figures as a table, one a row, with model, data set, split and task beside them."""
        import pandas as pd

        about = {"model": self.model, "dataset": self.dataset, "split": self.split, "task": self.task}
        return pd.DataFrame([about | figure._asdict() for figure in self.figures.values()])

    def predictions_to_pandas(self) -> pd.DataFrame:
        """Predictions as a table, one item a row; what has several values an item is a list."""
        import pandas as pd

        columns = self.predictions
        return pd.DataFrame({name: list(column) for name, column in columns.items()})

    def __repr__(self) -> str:
        counts = self.counts
        lines = [
            f"{self.model} · {self.task} · {self.dataset} {self.split}",
            f"  {self.score!r}",
            f"  {counts['scored']} of {_of(counts)} items scored"
            + (f", {counts['skipped']} left out" if counts["skipped"] else ""),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return _display_results.result(self)


def _of(counts: Mapping[str, int | None]) -> int | None:
    return counts["found"] if counts["expected"] is None else counts["expected"]


def _columns(predictions: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    import numpy as np

    if not predictions:
        return {}
    truths: list[list[int]] = [one["truth"] for one in predictions]
    columns: dict[str, NDArray[Any]] = {"item": np.array([one["item"] for one in predictions])}
    if predictions[0].get("words") is not None:
        words = [one["words"] for one in predictions]
        columns["truth_text"] = np.array([truth for truth, _ in words])
        columns["predicted_text"] = np.array([chosen for _, chosen in words])
    elif predictions[0].get("retrieved") is not None:
        found = [one["retrieved"] for one in predictions]
        columns["text_rank"] = np.array([one["text_rank"] for one in found], dtype=np.int64)
        columns["image_ranks"] = _ragged([one["image_ranks"] for one in found])
        return columns
    else:
        columns["truth"] = _ragged(truths)
        if all(len(truth) == 1 for truth in truths):
            columns["truth"] = np.array(truths, dtype=np.int64)[:, 0]
        best = np.array([one["best"] for one in predictions], dtype=np.int64)
        columns["predicted"], columns["best"] = best[:, 0], best
        columns["right"] = np.array(
            [one["best"][0] in truth for one, truth in zip(predictions, truths, strict=True)]
        )
    columns["probabilities"] = np.array([one["probabilities"] for one in predictions], dtype=np.float32)
    columns |= _of_the_truth(predictions)
    return columns


def _of_the_truth(predictions: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    import numpy as np

    columns: dict[str, NDArray[Any]] = {}
    probabilities = [one.get("truth_probability") for one in predictions]
    if any(probability is not None for probability in probabilities):
        columns["truth_probability"] = np.array(
            [np.nan if one is None else one for one in probabilities], dtype=np.float32
        )
    if all(one.get("scores") is not None for one in predictions):
        columns["scores"] = np.array([one["scores"] for one in predictions], dtype=np.float32)
    if any(one.get("difficult") for one in predictions):
        columns["difficult"] = _ragged([one.get("difficult", []) for one in predictions])
    return columns


def _ragged(rows: list[list[int]]) -> NDArray[np.object_]:
    """An array of arrays of different lengths."""
    import numpy as np

    column = np.empty(len(rows), dtype=object)
    for place, row in enumerate(rows):
        column[place] = np.array(row, dtype=np.int64)
    return column
