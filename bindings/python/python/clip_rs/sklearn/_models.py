"""Models by name, loaded when they are first needed and shared by all estimators of a process.

Estimators hold the name alone, so that they are cheap to clone, to pickle and to send to another
process.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from .._model import Model, load

# Models kept in memory: a search over models meets one after the other.
_KEPT = 2


def shared_model(model: Any, precision: Any, threads: int | None) -> Model:
    """The model of an estimator's parameters.

    Parameters
    ----------
    model : str, path or Model
        What :func:`clip_rs.load` takes; or a model that is loaded.
    precision : {"f32", "bf16", "int8"}
        As :func:`clip_rs.load` has it.
    threads : int, optional
        Threads to use; all if none is given.

    Raises
    ------
    TypeError
        Something else as a model.
    ValueError
        Precision or threads of a model that is loaded already, and has its own.
    """
    if isinstance(model, Model):
        if precision != "f32" or threads is not None:
            raise ValueError("model: a loaded model has its own precision and threads; leave out both here")
        return model
    if not isinstance(model, (str, os.PathLike)):
        raise TypeError(f"model: {type(model).__name__} is no model; give a name, a path or a clip_rs.Model")
    name = os.fspath(model)
    return _load(name, precision, threads, _version(name))


@lru_cache(maxsize=_KEPT)
def _load(name: str, precision: Any, threads: int | None, version: tuple[int, int] | None) -> Model:
    return load(name, precision=precision, threads=threads)


def _version(name: str) -> tuple[int, int] | None:
    """What changes when a file is written anew; none of a name that is no file."""
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size
