"""CLIP's own tokenizer without a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from . import _clip_rs
from ._inputs import strings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def tokenize(
    texts: str | Iterable[str], context_length: int = 77, truncate: bool = False, threads: int | None = None
) -> NDArray[np.int32]:
    """Token ids of texts, as the reference's ``clip.tokenize`` has them.

    Parameters
    ----------
    texts : str or iterable of str
        One text or several.
    context_length : int
        Length of a row; all released models have 77.
    truncate : bool
        Cut texts that are too long, keeping the end-of-text token, in place of an error.
    threads : int, optional
        Threads to use; all if none is given.

    Returns
    -------
    numpy.ndarray
        ``int32``, ``[texts, context_length]``, padded with zeros.

    Raises
    ------
    TextError
        A text is too long and ``truncate`` is false.
    """
    ids, _ = _clip_rs.tokenize_texts(strings(texts, "texts"), context_length, truncate, threads)
    return ids
