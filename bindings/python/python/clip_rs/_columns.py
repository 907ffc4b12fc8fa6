"""Text in columns of a terminal: as wide as it is shown, never wider than a hundred."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

WIDTH = 100
"""Columns of a line."""


def shown(text: str) -> str:
    """The text on one line: what is not printable (line ends, controls, directions) as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def width(text: str) -> int:
    """Columns that a terminal gives to a text."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cell(text: str, columns: int) -> str:
    """A text in exactly so many columns: filled with blanks, or cut with an ellipsis."""
    text = shown(text)
    if width(text) > columns:
        kept, used = "", 1  # the ellipsis
        for char in text:
            used += _columns(char)
            if used > columns:
                break
            kept += char
        text = kept + "…"
    return text + " " * (columns - width(text))


def fitted(texts: Sequence[str], others: int) -> int:
    """Columns for the widest of the texts where the rest of the line takes ``others``."""
    return min(max((width(shown(text)) for text in texts), default=0), WIDTH - others)


def percent(share: float) -> str:
    """``97.3 %``; what is there but rounds to nothing as ``<0.1 %``."""
    if 0 < share < 0.0005:
        return "<0.1 %"
    return f"{100 * share:.1f} %"
