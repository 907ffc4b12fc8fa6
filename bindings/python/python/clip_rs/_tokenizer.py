"""CLIP's own tokenizer without a model."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from . import _clip_rs
from ._inputs import strings, whole_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Tokens of CLIP's own vocabulary.
_VOCABULARY = 49408


def tokenize(
    texts: str | Iterable[str], context_length: int = 77, truncate: bool = False, threads: int | None = None
) -> NDArray[np.int32]:
    """Token ids of texts, as the reference's ``clip.tokenize`` has them.

    Parameters
    ----------
    texts : str or iterable of str
        One text or several. Surrogate pairs become the character they stand for, half a pair
        becomes U+FFFD, as in the reference.
    context_length : int
        Length of a row; all released models have 77.
    truncate : bool
        Cut texts that are too long, with a warning, keeping the end-of-text token, in place of an
        error.
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
    TypeError, ValueError
        Something is no text, or there is none; no such ``context_length``.

    Examples
    --------
    >>> clip_rs.tokenize("a photo of a cat", context_length=8)
    array([[49406,   320,  1125,   539,   320,  2368, 49407,     0]],
          dtype=int32)
    """
    ids, truncated = token_rows(texts, context_length, truncate, threads)
    say_truncated(len(truncated), len(ids), stacklevel=3)
    return ids


def decode(ids: Iterable[int]) -> str:
    """The text of token ids, as the reference's tokenizer decodes them.

    Parameters
    ----------
    ids : iterable of int
        Of one text. Padding decodes to ``!``, since id 0 is no padding token.

    Returns
    -------
    str
        Clean text, every word with a space behind it, markers spelled out.

    Raises
    ------
    ValueError
        The vocabulary has no such id.

    Examples
    --------
    >>> clip_rs.decode([320, 2368])
    'a cat '
    """
    row = [whole_number(token, f"ids[{place}]") for place, token in enumerate(ids)]
    for place, token in enumerate(row):
        if not 0 <= token < _VOCABULARY:
            raise ValueError(f"ids[{place}]: {token} is no token id; there are 0 to {_VOCABULARY - 1}")
    return _clip_rs.decode(row)


def token_rows(
    texts: Any, context_length: int, truncate: bool, threads: int | None
) -> tuple[NDArray[np.int32], list[tuple[int, int]]]:
    """Token ids, and the texts that were cut: place, tokens lost."""
    length = whole_number(context_length, "context_length")
    threads = None if threads is None else whole_number(threads, "threads")
    return _clip_rs.tokenize_texts(strings(texts, "texts"), length, truncate, threads)


def say_truncated(truncated: int, texts: int, stacklevel: int) -> None:
    """Warns of texts that lost their end, if any did."""
    if truncated:
        warnings.warn(f"texts: {truncated} of {texts} were cut to the context length", stacklevel=stacklevel)
