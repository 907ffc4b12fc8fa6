"""What a classification says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from . import _columns, _display

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Columns of probability and cosine with the blanks before them, and labels of a list's row.
_FIGURES, _IN_A_ROW = len("  100.0 %  +0.1234"), 3


class LabelScore(NamedTuple):
    """A label, and what the model thinks of it for one image."""

    label: str
    """The label as it was given."""
    probability: float
    """Softmax over the labels given, 0 to 1: which of THESE fits best, not whether one is true."""
    cosine: float
    """Cosine of image and label, -1 to 1."""


class Classification(Sequence[LabelScore]):
    """Scores of all labels for one image, most probable first. Made by :meth:`Model.classify`.

    A notebook shows the image as the model saw it, and the labels with bars.

    Parameters
    ----------
    scores : sequence of LabelScore
        Most probable first.
    pixels : callable, optional
        Gives the RGB pixels that the model saw, ``uint8`` ``[height, width, 3]``.

    Examples
    --------
    >>> scores = model.classify("photos/cat.jpg", ["a cat", "a dog"])
    >>> scores
    a cat  100.0 %  +0.6622
    a dog   <0.1 %  +0.0307
    >>> scores.label, round(scores[0].cosine, 4)
    ('a cat', 0.6622)
    """

    def __init__(self, scores: Sequence[LabelScore], pixels: Callable[[], NDArray[np.uint8]] | None = None) -> None:
        self._scores = tuple(scores)
        self._pixels = pixels

    @property
    def label(self) -> str:
        """The most probable label."""
        return self._scores[0].label

    def to_dict(self) -> dict[str, float]:
        """Probability of each label, most probable first.

        Returns
        -------
        dict of str to float
        """
        return {score.label: score.probability for score in self._scores}

    def pixels(self) -> NDArray[np.uint8] | None:
        """The pixels that the model saw, for a look at them.

        Returns
        -------
        numpy.ndarray or None
            ``uint8`` ``[image_size, image_size, 3]``; none where the image is no longer there, or
            the classification has been pickled.
        """
        try:
            return None if self._pixels is None else self._pixels()
        except (OSError, ValueError):
            return None

    @overload
    def __getitem__(self, index: int) -> LabelScore: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LabelScore]: ...
    def __getitem__(self, index: int | slice) -> LabelScore | Sequence[LabelScore]:
        return self._scores[index]

    def __len__(self) -> int:
        return len(self._scores)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Classification) and self._scores == other._scores

    def __hash__(self) -> int:
        return hash(self._scores)

    def __reduce__(self) -> tuple[Any, ...]:
        return Classification, (self._scores,)

    def __repr__(self) -> str:
        columns = _columns.fitted([score.label for score in self._scores], _FIGURES)
        return "\n".join(
            f"{_columns.cell(label, columns)}  {_columns.percent(probability):>7}  {cosine:+.4f}"
            for label, probability, cosine in self._scores
        )

    def _repr_html_(self) -> str:
        return _display.classification(self)


class Classifications(list[Classification]):
    """Classifications of several images, in the order given: a list that notebooks show as a table."""

    def __repr__(self) -> str:
        number = len(str(len(self)))
        each = (_columns.WIDTH - number - 2) // _IN_A_ROW - len("  100.0 %  ")
        rows = []
        for place, scores in enumerate(self):
            best = [
                f"{_columns.cell(label, each)}  {_columns.percent(probability):>7}"
                for label, probability, _ in scores[:_IN_A_ROW]
            ]
            rows.append(f"{place:>{number}}  " + "  ".join(best))
        return "\n".join(rows) if rows else "[]"

    def _repr_html_(self) -> str:
        return _display.classifications(self)
