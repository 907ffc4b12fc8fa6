"""CLIP as scikit-learn estimators: for ``Pipeline``, ``GridSearchCV`` and ``ColumnTransformer``.

=========================  =========================================================================
`ImageEmbedder`            images -> features ``[n, embed_dim]``; learns nothing
`TextEmbedder`             texts -> features ``[n, embed_dim]``; learns nothing
`ZeroShotClassifier`       images, or their features -> classes that are named in words
`LinearProbe`              features -> classes that are learned: logistic regression, as the paper's
=========================  =========================================================================

>>> from sklearn.pipeline import make_pipeline
>>> from clip_rs.sklearn import ImageEmbedder, LinearProbe
>>> paths = ["photos/cat.jpg", "photos/dog.jpg", "photos/rocket.jpg", "photos/motorcycle.jpg"]
>>> classifier = make_pipeline(ImageEmbedder(), LinearProbe(C=0.316))
>>> classifier.fit(paths, ["animal", "animal", "machine", "machine"]).predict(["photos/elephant.jpg"])
array(['animal'], dtype='<U7')

A research tool. Out of scope: any deployed use without in-domain testing on a fixed taxonomy;
surveillance and face recognition, always; languages other than English.
"""

from __future__ import annotations

try:
    from sklearn.utils.validation import validate_data as _needed  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"clip_rs.sklearn needs scikit-learn 1.6 or newer: {error}\nhelp: pip install --upgrade scikit-learn",
        name="sklearn",
    ) from error

from ._embedders import ImageEmbedder, TextEmbedder
from ._probe import LinearProbe
from ._zero_shot import ZeroShotClassifier

__all__ = ["ImageEmbedder", "LinearProbe", "TextEmbedder", "ZeroShotClassifier"]
