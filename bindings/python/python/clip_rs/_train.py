"""Training: what the program ``clip-rs train`` does, with the same weights."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _clip_rs, _progress
from ._evaluate import plain

if TYPE_CHECKING:
    import pandas as pd


class TrainResult:
    """A run: its plan, what it measured, and the model. Made by :func:`train`."""

    def __init__(self, said: dict[str, Any], out: Path) -> None:
        self.plan: dict[str, Any] = said["plan"]
        """The plan in figures: ``parameters``, ``steps``, ``memory``, ``notes``, ``objections``, …"""
        self.out = out
        """The folder of the run."""
        self.warnings: list[str] = said["warnings"]
        """What was said while it trained."""
        self._text = str(said["text"])
        ending: dict[str, Any] = said["ending"] or {}
        self.step = int(ending.get("step", 0))
        """Steps done."""
        self.is_finished = bool(ending.get("is_finished", False))
        """Whether they are all."""
        self.checkpoint = Path(ending["checkpoint"]) if ending else None
        """The last checkpoint, for :func:`load`; None of a plan alone."""

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """A dict for each step: ``step``, ``epoch``, ``loss``, ``image_accuracy``, ``text_accuracy``,
        ``learning_rate``, ``logit_scale``, ``gradient_norm``, …"""
        return [line for line in self._lines() if "evaluation" not in line]

    @property
    def evaluations(self) -> list[dict[str, Any]]:
        """A dict for each measurement: ``step``, and ``evaluation`` with ``dataset``, ``score``, …"""
        return [line for line in self._lines() if "evaluation" in line]

    def _lines(self) -> list[dict[str, Any]]:
        path = self.out / "metrics.jsonl"
        if self.checkpoint is None or not path.is_file():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def to_pandas(self) -> pd.DataFrame:
        """Metrics as a table, one step a row."""
        import pandas as pd

        return pd.DataFrame(self.metrics)

    def __repr__(self) -> str:
        ending = "a plan, nothing is computed"
        if self.checkpoint is not None:
            ending = f"{self.checkpoint}: {self.step} steps"
        return f"{self._text}{'run':<14} {ending}"


def train(
    config: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    *,
    out: str | os.PathLike[str],
    resume: bool = False,
    allow: Sequence[str] = (),
    dry_run: bool = False,
    progress: bool | None = None,
    threads: int | None = None,
) -> TrainResult:
    """Train a CLIP: from scratch, from a checkpoint, with a tower locked, from a teacher.

    The plan is checked before anything is computed: what can only be a mistake is refused, unless
    ``allow`` names it. A run that was interrupted, even by a kill, goes on with ``resume=True`` as
    if nothing had happened, bit for bit, on any number of threads.

    Parameters
    ----------
    config : dict or path, optional
        Sections and keys of the program's TOML file (``model``, ``data``, ``batch``,
        ``objective``, ``optimizer``, ``schedule``, ``towers``, ``run``, ``guard``, ``eval``), or
        the path of one. A run that goes on needs none.
    out : path
        Folder of the run; it must not be there yet, or be empty, unless the run goes on.
    resume : bool
        Go on from the newest checkpoint in ``out``.
    allow : list of str
        Objections that do not hold: ``"learning-rate"``, ``"warm-up"``, ``"duplicates"``,
        ``"memory"``, ``"unreadable"``.
    dry_run : bool
        Make and check the plan, compute nothing, write nothing.
    progress : bool, optional
        A bar of ``tqdm``; on a terminal if none is given.
    threads : int, optional
        Threads to use; results do not depend on it.

    Returns
    -------
    TrainResult

    Raises
    ------
    FileNotFoundError
        The file of the configuration is not there, or no run to go on with.
    TrainingError
        The plan is refused (the message names the objections), a key that there is not, a folder
        that is not empty, data that cannot be read.
    KeyboardInterrupt
        After Ctrl-C: the step is finished and saved first, so that ``resume=True`` goes on.

    Warns
    -----
    UserWarning
        What the plan says that is no mistake, and what was met while it trained.

    Examples
    --------
    >>> run = clip_rs.train(
    ...     {
    ...         "model": {"from": "starter"},
    ...         "data": {"source": "captions.csv"},
    ...         "schedule": {"steps": 1000},
    ...     },
    ...     out="tuned",
    ... )
    >>> model = clip_rs.load(run.checkpoint)
    """
    if isinstance(allow, str):
        allow = [allow]
    table, path = None, None
    if isinstance(config, Mapping):
        table = json.dumps(_table(config))
    elif config is not None:
        path = Path(config)
    request = {
        "config": table,
        "path": path,
        "out": Path(out),
        "resume": resume,
        "allow": list(allow),
        "dry_run": dry_run,
        "threads": threads,
    }
    with _progress.stages(progress) as tell:
        try:
            said: dict[str, Any] = json.loads(_clip_rs.train(request, tell))
        except KeyboardInterrupt as interrupted:
            interrupted.add_note(f"help: clip_rs.train(out={os.fspath(out)!r}, resume=True) goes on from here")
            raise
    for warning in [*said["plan"]["notes"], *said["warnings"]]:
        warnings.warn(warning, stacklevel=2)
    return TrainResult(said, Path(out))


def _table(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as a file says it; what is None is not said."""
    table: dict[str, Any] = {}
    for section, content in config.items():
        if isinstance(content, Mapping):
            table[section] = {
                key: plain(f"config[{section!r}][{key!r}]", value)
                for key, value in content.items()
                if value is not None
            }
        elif isinstance(content, (list, tuple)):
            table[section] = [dict(one) for one in content]
        else:
            raise TypeError(f"config[{section!r}]: {type(content).__name__} is no section: a dict of its keys")
    return table
