"""Tasks on data sets: what the program ``clip-rs eval`` does, with the same figures."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, TypeAlias

from . import _clip_rs, _progress
from ._model import Model
from ._result import Figure, Result

Task: TypeAlias = Literal["zeroshot", "retrieval", "probe", "fewshot", "robustness"]
Precision: TypeAlias = Literal["f32", "bf16", "int8"]
ModelOrName: TypeAlias = "Model | str | os.PathLike[str]"


def evaluate(
    dataset: str,
    root: str | os.PathLike[str] | None = None,
    model: ModelOrName = "starter",
    task: Task = "zeroshot",
    *,
    out: str | os.PathLike[str] | None = None,
    features: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    threads: int | None = None,
    precision: Precision | None = None,
    **options: Any,
) -> Result:
    """Measure a model on a data set, with an interval and all that is needed to repeat the figure.

    Features of images are computed once and kept by content, so that a second task on the same
    images begins with them.

    Parameters
    ----------
    dataset : str
        Id of the catalogue (see :func:`datasets`), or your own files: ``"folder:PATH"`` with a
        folder for each class, ``"csv:PATH"`` with columns file and label (or caption),
        ``"webdataset:PATH"`` with shards.
    root : path, optional
        Folder of the data sets, each in a folder of its own, or of one data set; paths of your own
        files start there, or in the working directory.
    model : Model, str or path
        A loaded model, or what :func:`load` takes.
    task : {"zeroshot", "retrieval", "probe", "fewshot", "robustness"}
        What is asked of the model.
    out : path, optional
        Folder for results, as the program writes them: ``OUT/MODEL/DATASET.TASK.json`` and its
        predictions; one that is there already, made from the same things, is not made again.
        Nothing is kept without it.
    features : path, optional
        Folder for features; ``features`` in the cache folder if none is given.
    progress : bool, optional
        Bars of ``tqdm``; on a terminal if none is given.
    threads : int, optional
        Threads to use; results do not depend on it.
    precision : {"f32", "bf16", "int8"}, optional
        Of the products with weights; ``f32`` if none is given.
    **options
        By the names of the program's suite files: ``level``, ``seed``, ``resamples``, ``split``,
        ``split_file``, ``classnames`` (``{class: name}``, a list, or the path of a file),
        ``templates`` (a list or a path), ``c``, ``probe_features``, ``shots``, ``draws``, ``caption_template``, ``captions``, ``frames``,
        ``fps``, ``average``, ``strip_banner``, ``wrong_images``.

    Returns
    -------
    Result

    Raises
    ------
    FileNotFoundError
        The data set is not below ``root``; the message says what was looked for.
    DatasetError
        There is no such data set, it is broken, or not for this task.
    ValueError
        An option that there is not, that the task does not read, or out of its range.
    KeyboardInterrupt
        After Ctrl-C; features computed until then are kept.

    Examples
    --------
    >>> result = clip_rs.evaluate("oxford_pets", "data", "ViT-B/32")
    >>> result.value, result.interval
    >>> probe = clip_rs.evaluate("folder:photos", task="probe", c=0.316, level=0.99)
    """
    from tempfile import TemporaryDirectory

    if not isinstance(dataset, str):
        raise TypeError(f"dataset: {type(dataset).__name__} is no name of a data set")
    if root is None and ":" not in dataset:
        raise ValueError(
            f"root: where is {dataset}?\nhelp: root= is the folder that holds it; your own files need none: "
            '"folder:PATH", "csv:PATH", "webdataset:PATH"'
        )
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="clip-rs-")))
        suite = {
            "tasks": [task],
            "datasets": [dataset],
            "root": "" if root is None else os.fspath(root),
            "options": _written(options, scratch),
        }
        tell = stack.enter_context(_progress.stages(progress))
        folder = scratch / "results" if out is None else Path(out)
        cache = None if features is None else Path(features)
        path = _clip_rs.evaluate(
            native_model(model, precision, threads), json.dumps(suite), folder, cache, tell
        )
        result = Result.load(path)
    if out is None:
        result.path = None
    _say_what_is_missing(result)
    return result


def compare(first: Result, second: Result, *, level: float = 0.95) -> Comparison:
    """Compare two models on the same images by the metric of their results.

    Images are paired: both models keep or lose an image together when intervals are drawn.

    Parameters
    ----------
    first, second : Result
        Of the same data set, split and task.
    level : float
        Of the interval of the difference.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        The results have different metrics, no predictions, or no image in common.
    """
    from tempfile import TemporaryDirectory

    if first.metric != second.metric:
        raise ValueError(f"the two results have different metrics: {first.metric} and {second.metric}")
    with TemporaryDirectory(prefix="clip-rs-") as folder:
        of_first, of_second = (Path(folder, f"{name}.predictions.jsonl") for name in ("first", "second"))
        for name, result, path in [("first", first, of_first), ("second", second, of_second)]:
            lines = [json.dumps(line) + "\n" for line in result._predictions]
            if not lines:
                raise ValueError(f"{name}: the result keeps no predictions, so that nothing can be paired")
            path.write_text("".join(lines), encoding="utf-8")
        compared: dict[str, Any] = json.loads(_clip_rs.compare(of_first, of_second, first.metric, level))
    return Comparison(compared, (first.model, second.model))


class Comparison:
    """Two models on the same images. Made by :func:`compare`."""

    def __init__(self, written: dict[str, Any], models: tuple[str, str]) -> None:
        self.json = written
        """Everything, as ``clip-rs eval compare --json`` prints it."""
        self.models = models
        """Names of the first and the second."""

    @property
    def difference(self) -> Figure:
        """First minus second, with its interval over paired images."""
        interval: Mapping[str, Any] = self.json["interval"] or {}
        return Figure(
            self.json["metric"],
            self.json["difference"],
            "points",
            interval.get("low"),
            interval.get("high"),
            interval.get("level"),
            note=self.json.get("note"),
        )

    @property
    def p(self) -> float | None:
        """Of McNemar's exact test; None for metrics other than accuracy."""
        return self.json.get("p")

    @property
    def items(self) -> int:
        """Images that both results have with the same truth."""
        return int(self.json["items"])

    def __repr__(self) -> str:
        first, second = self.models
        test = "" if self.p is None else f"; McNemar exact p = {self.p:.3g}"
        return f"{first} minus {second} on {self.items} images: {self.difference!r}{test}"


def native_model(model: ModelOrName, precision: str | None, threads: int | None) -> Any:
    """A model as the compiled part takes it."""
    if isinstance(model, Model):
        for name, value in [("precision", precision), ("threads", threads)]:
            if value is not None:
                raise ValueError(f"{name}: the model is loaded already\nhelp: choose it in clip_rs.load")
        return model._clip
    if not isinstance(model, (str, os.PathLike)):
        raise TypeError(f"model: {type(model).__name__} is neither a Model nor a name or path")
    return os.fspath(model), "f32" if precision is None else precision, threads


def _written(options: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Options as a suite file has them; class names and templates that are no files become some."""
    written = {}
    for name, value in options.items():
        if name in ("classnames", "templates") and isinstance(value, (list, tuple, dict)):
            path = scratch / f"{name}.json"
            path.write_text(json.dumps(value), encoding="utf-8")
            value = path
        written[name] = plain(name, value)
    return written


def plain(name: str, value: Any) -> Any:
    """A value that JSON has: of paths their text, of NumPy's numbers the number."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):
        return [plain(name, one) for one in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{name}: {type(value).__name__} is no value of an option")


def _say_what_is_missing(result: Result) -> None:
    counts = result.counts
    if counts["skipped"]:
        first = result.skipped[0]
        warnings.warn(
            f"{result.dataset}: {counts['skipped']} items were left out, the first: {first['input']}: "
            f"{first['reason']}",
            stacklevel=3,
        )
    expected, scored = counts["expected"], counts["scored"] or 0
    if expected is not None and scored < expected:
        warnings.warn(f"{result.dataset}: {scored} of {expected} published items were scored", stacklevel=3)
