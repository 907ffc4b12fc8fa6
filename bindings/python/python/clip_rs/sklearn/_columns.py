"""One column of images or texts, however scikit-learn and pandas hand it over."""

from __future__ import annotations

from typing import Any

import numpy as np


def column(X: Any, what: str) -> Any:
    """A table or an array of one column as a list; anything else as it is.

    Parameters
    ----------
    X : list, Series, DataFrame of one column, array ``[n]`` or ``[n, 1]`` of objects or strings
        ``ColumnTransformer`` gives a Series for ``"path"`` and a table for ``["path"]``.
    what : str
        For messages.

    Raises
    ------
    ValueError
        None; a table of several columns.
    """
    if X is None:
        raise ValueError(f"X: there is none; {what} are needed")
    if hasattr(X, "columns") and hasattr(X, "shape"):  # DataFrame
        _one_column(X.shape, what)
        return list(X[X.columns[0]])
    if isinstance(X, np.ndarray) and X.dtype.kind in "OSUT":
        if X.ndim != 1:
            _one_column(X.shape, what)
        return X.ravel().tolist()
    if hasattr(X, "to_list"):  # Series
        return list(X)
    return X


def _one_column(shape: tuple[int, ...], what: str) -> None:
    if len(shape) != 2 or shape[1] != 1:
        raise ValueError(f"X: an array of shape {shape}; {what} are one column, [n] or [n, 1]")
