"""What a classification says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, overload

from ._inputs import ImageLike


class LabelScore(NamedTuple):
    """A label, and what the model thinks of it for one image."""

    label: str
    """The label as it was given."""
    probability: float
    """Softmax over the labels given, 0 to 1: which of THESE fits best, not whether one is true."""
    cosine: float
    """Cosine of image and label, -1 to 1."""


class Classification(Sequence[LabelScore]):
    """Scores of all labels for one image, most probable first.

    Examples
    --------
    >>> scores = model.classify("photos/cat.jpg", ["a cat", "a dog"])
    >>> scores[0].label, scores.label
    ('a cat', 'a cat')
    """

    def __init__(self, scores: Sequence[LabelScore], image: ImageLike | None = None) -> None:
        self._scores = tuple(scores)
        self._image = image  # shown in notebooks

    @property
    def label(self) -> str:
        """The most probable label."""
        return self._scores[0].label

    def to_dict(self) -> dict[str, float]:
        """Probability of each label, most probable first."""
        return {score.label: score.probability for score in self._scores}

    @overload
    def __getitem__(self, index: int) -> LabelScore: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LabelScore]: ...
    def __getitem__(self, index: int | slice) -> LabelScore | Sequence[LabelScore]:
        return self._scores[index]

    def __len__(self) -> int:
        return len(self._scores)

    def __repr__(self) -> str:
        width = max(len(score.label) for score in self._scores)
        lines = (
            f"{label:<{width}}  {probability:7.2%}  {cosine:+.4f}" for label, probability, cosine in self._scores
        )
        return "\n".join(lines)
