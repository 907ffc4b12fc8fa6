"""The catalogue of benchmark data sets."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from . import _clip_rs, _progress


class Dataset(NamedTuple):
    """What is known of a data set before its files are seen."""

    id: str
    """Its name in :func:`evaluate` and in results."""
    title: str
    """Its name among people."""
    task: str
    """``classification``, ``multi_label``, ``retrieval``, ``ocr``, ``audit``, …"""
    metric: str
    """``accuracy``, ``mean_per_class``, ``roc_auc``, …"""
    splits: Mapping[str, int | None]
    """Items of each split as published; None where nobody says."""
    test: str
    """The split that is scored."""
    train: tuple[str, ...]
    """The splits that a probe learns from; none where there is no probe."""
    classes: tuple[str, ...]
    """The first name of each class, in the authors' order; empty where there are none."""
    names: tuple[tuple[str, ...], ...]
    """All names of each class."""
    templates: tuple[str, ...]
    """Sentences with ``{}`` for the name."""
    url: str
    """Where to get it; nothing is downloaded."""
    licence: str
    """On what terms, in few words."""
    status: str
    """``ready``, ``needs-manual-download`` or ``dead-links``."""
    traps: tuple[str, ...]
    """What trips readers up, and what is done about it."""
    json: Mapping[str, Any]
    """Everything, as ``clip-rs datasets info --json`` has it, with names and templates."""

    def __repr__(self) -> str:
        return (
            f"Dataset({self.id!r}, title={self.title!r}, task={self.task!r}, metric={self.metric!r}, "
            f"splits={dict(self.splits)}, classes={len(self.classes)}, status={self.status!r})"
        )


class DatasetCheck(NamedTuple):
    """What was found of a data set below a folder."""

    dataset: str
    """Its id."""
    folder: Path | None
    """Its own folder, if its files are unpacked."""
    splits: Mapping[str, int | None]
    """Items of each split that are there; None where the split is not there or cannot be read."""
    problems: tuple[str, ...]
    """What is wrong, in words that say what to do."""
    json: Mapping[str, Any]
    """Everything, as ``clip-rs datasets check --json`` has it."""

    def __repr__(self) -> str:
        return f"DatasetCheck({self.dataset!r}, splits={dict(self.splits)}, problems={list(self.problems)})"

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def datasets(root: str | os.PathLike[str] | None = None) -> list[Dataset]:
    """The data sets of the catalogue: those of CLIP's paper and model card, and shifts of ImageNet.

    Parameters
    ----------
    root : path, optional
        A folder of data sets: only those that lie there are listed, unpacked or as archives.

    Returns
    -------
    list of Dataset
        In the order of their ids.

    Raises
    ------
    FileNotFoundError
        ``root`` is no folder.

    Examples
    --------
    >>> [dataset.id for dataset in clip_rs.datasets() if dataset.task == "retrieval"]
    ['flickr30k', 'flickr8k', 'mscoco']
    """
    everything = [_dataset(written) for written in json.loads(_clip_rs.datasets())]
    if root is None:
        return everything
    if not os.path.isdir(root):
        raise FileNotFoundError(f"root: {os.fspath(root)} is no folder")
    found = set(_clip_rs.found_datasets(Path(root)))
    return [dataset for dataset in everything if dataset.id in found]


def dataset(id: str) -> Dataset:
    """One data set of the catalogue, with its class names and templates.

    Parameters
    ----------
    id : str
        As in :func:`datasets`.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        There is none of that name.

    Examples
    --------
    >>> pets = clip_rs.dataset("oxford_pets")
    >>> pets.classes[:2], pets.templates
    (('Abyssinian', 'Bengal'), ('a photo of a {}, a type of pet.',))
    """
    everything = datasets()
    for known in everything:
        if known.id == id:
            return known
    near = [known.id for known in everything if isinstance(id, str) and id[:3].lower() in known.id]
    way = f"did you mean {' or '.join(near)}?" if near and id else "clip_rs.datasets() lists them"
    raise _clip_rs.DatasetError(f"no data set called {id!r}\nhelp: {way}")


def check_dataset(
    id: str, root: str | os.PathLike[str], *, progress: bool | None = None
) -> DatasetCheck:
    """Compare what lies below a folder with what is published of a data set.

    Counts of every split, files that lists name and that are not there, checksums of archives that
    lie beside it.

    Parameters
    ----------
    id : str
        As in :func:`datasets`.
    root : path
        Its own folder, or the one that holds it.
    progress : bool, optional
        A bar of ``tqdm`` while archives are read; on a terminal if none is given.

    Returns
    -------
    DatasetCheck
        What is missing is no exception: it stands in ``problems``.
    """
    known = dataset(id)
    with _progress.stages(progress) as tell:
        written: dict[str, Any] = json.loads(_clip_rs.check_dataset(known.id, Path(root), tell))
    folder = written["folder"]
    return DatasetCheck(
        dataset=known.id,
        folder=None if folder is None else Path(folder),
        splits={split["name"]: split["n_found"] for split in written["splits"]},
        problems=tuple(written["problems"]),
        json=written,
    )


def _dataset(written: dict[str, Any]) -> Dataset:
    names = tuple(tuple(names) for names in written["classes"])
    return Dataset(
        id=written["id"],
        title=written["title"],
        task=written["task"],
        metric=written["metric"],
        splits={split["name"]: split["expected"] for split in written["splits"]},
        test=written["test"],
        train=tuple(written["train"]),
        classes=tuple(of_class[0] for of_class in names),
        names=names,
        templates=tuple(written["templates"]),
        url=written["url"],
        licence=written["licence"],
        status=written["status"],
        traps=tuple(written["traps"]),
        json=written,
    )
