"""Zero-shot classification: classes that are named in words, and nothing learned from images."""

from __future__ import annotations

import os
import warnings
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d

from .._inputs import is_array, strings
from .._model import Model
from ._columns import column
from ._models import shared_model
from ._untyped import check_array, softmax

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


# scikit-learn has no types: its classes are `Any` to a type checker.
class ZeroShotClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Images, or their features -> the class whose words fit best.

    ``fit`` encodes the names of the classes; nothing is learned from images. Probabilities are over
    these classes alone: they say which fits best, not whether one is true.

    A research tool. Out of scope: any deployed use without in-domain testing on a fixed taxonomy;
    surveillance and face recognition, always; languages other than English.

    Parameters
    ----------
    labels : list of str, or dict of class to str, default=None
        Names of the classes in plain English. A dict says what the classes of ``y`` are called, as
        ``{0: "cat", 1: "dog"}``, or ``dict(enumerate(names))``. Without, ``y`` must be strings, and
        the classes are those that occur in it.
    templates : list of str, default=()
        Sentences with ``{}`` for the name, of which each class's vector is the mean, as
        ``["a photo of a {}."]``; without any, a name is its own sentence.
    model : str, path or Model, default="starter"
        What :func:`clip_rs.load` takes, or a model that is loaded.
    precision : {"f32", "bf16", "int8"}, default="f32"
        Of the products with weights; ``f32`` is exact.
    threads : int, default=None
        Threads to use; all if none is given. Results do not depend on it.
    truncate : bool, default=False
        Cut sentences that are too long, with a warning, in place of an error.

    Attributes
    ----------
    classes_ : ndarray, ``[n_classes]``
        Sorted, as scikit-learn's measures expect it.
    labels_ : list of str
        Their names, in the order of ``classes_``.
    text_features_ : ndarray of float32, ``[n_classes, embed_dim]``
        Their vectors, of norm 1.

    Notes
    -----
    ``X`` may be what :class:`ImageEmbedder` takes, or what it gives: a table of numbers
    ``[n, embed_dim]`` is taken as features, so that both of these work::

        ZeroShotClassifier(labels)
        make_pipeline(ImageEmbedder(), ZeroShotClassifier(labels))

    Both parts of such a pipeline must name one model.

    Examples
    --------
    >>> from clip_rs.sklearn import ZeroShotClassifier
    >>> classifier = ZeroShotClassifier(["a cat", "a dog", "a pizza"]).fit()
    >>> classifier.predict(["photos/cat.jpg", "photos/dog.jpg"])
    array(['a cat', 'a dog'], dtype='<U7')
    """

    def __init__(
        self,
        labels: Sequence[str] | Mapping[Any, str] | None = None,
        templates: Sequence[str] = (),
        *,
        model: str | os.PathLike[str] | Model = "starter",
        precision: Literal["f32", "bf16", "int8"] = "f32",
        threads: int | None = None,
        truncate: bool = False,
    ) -> None:
        self.labels = labels
        self.templates = templates
        self.model = model
        self.precision = precision
        self.threads = threads
        self.truncate = truncate

    def fit(self, X: Any = None, y: ArrayLike | None = None) -> ZeroShotClassifier:
        """Encode the names of the classes.

        Parameters
        ----------
        X : ignored
        y : array, ``[n]``, optional
            Classes; needed only where no ``labels`` are given.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            No names; one class only; a class of ``y`` without a name; two names that are one text to
            the model; a template without ``{}``.
        TextError
            A sentence is too long and ``truncate`` is false.
        """
        seen = None if y is None else np.unique(column_or_1d(y, warn=True))
        classes, names = self._named(seen)
        unknown = np.setdiff1d([] if seen is None else seen, classes).tolist()
        if unknown:
            raise ValueError(
                f"y: class {unknown[0]!r} is none of `labels` ({len(unknown)} in all); a dict of class to name "
                "says what numbers mean: labels=dict(enumerate(names))"
            )
        if len(classes) < 2:
            raise ValueError(f"labels: there is one class only: {names[0]!r}; two are needed to choose from")
        if isinstance(self.templates, str):
            raise TypeError("templates: one text; several are a list")
        templates = list(self.templates)
        if templates:
            templates = strings(templates, "templates")
        vectors, cut = self._model()._clip.label_embeddings(names, templates, self.truncate, None)
        if cut:
            warnings.warn(f"labels: {len(cut)} of {len(names)} were cut to the context length", stacklevel=2)
        order = np.argsort(classes, kind="stable")
        self.classes_ = classes[order]
        self.labels_ = [names[place] for place in order]
        self.text_features_ = vectors[order]
        return self

    def _named(self, seen: NDArray[Any] | None) -> tuple[NDArray[Any], list[str]]:
        """Classes and their names, in the order they were given in."""
        if self.labels is None:
            if seen is None:
                raise ValueError("labels: none are given, and there is no y to take them from")
            if not all(isinstance(value, str) for value in seen.tolist()):
                raise ValueError(
                    f"y: classes are {seen.dtype} and not words; say what they are called: "
                    'labels={0: "cat", 1: "dog"}'
                )
            return seen, [str(value) for value in seen.tolist()]
        if isinstance(self.labels, str):
            raise TypeError("labels: one text; several are a list")
        if not isinstance(self.labels, Mapping):
            names = strings(self.labels, "labels")
            return np.array(names), names
        keys: list[Hashable] = list(self.labels)
        if len({isinstance(key, str) for key in keys}) > 1:
            raise TypeError("labels: some classes are strings and some are not")
        return np.array(keys), strings(self.labels.values(), "labels")

    def decision_function(self, X: Any) -> NDArray[np.float32]:
        """Logits, ``exp(logit_scale) * cosine``; for two classes the second's less the first's.

        Parameters
        ----------
        X : images, or features ``[n, embed_dim]``

        Returns
        -------
        numpy.ndarray
            ``float32``, ``[n, n_classes]``, or ``[n]`` for two classes.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict(self, X: Any) -> NDArray[Any]:
        """The class that fits best, for each image.

        Parameters
        ----------
        X : images, or features ``[n, embed_dim]``

        Returns
        -------
        numpy.ndarray
            ``[n]``, of ``classes_``.
        """
        best = self._logits(X).argmax(axis=1)
        chosen: NDArray[Any] = self.classes_[best]
        return chosen

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Softmax of the logits over these classes, in the order of ``classes_``.

        Parameters
        ----------
        X : images, or features ``[n, embed_dim]``

        Returns
        -------
        numpy.ndarray
            ``float32``, ``[n, n_classes]``.
        """
        probabilities: NDArray[np.float64] = softmax(self._logits(X).astype(np.float64), axis=1)
        return probabilities.astype(np.float32)

    def _logits(self, X: Any) -> NDArray[np.float32]:
        check_is_fitted(self, "text_features_")
        clip = self._model()._clip
        return clip.cosines(self._features(X), self.text_features_) * np.float32(clip.scale)

    def _features(self, X: Any) -> NDArray[np.float32]:
        """Of images; features as they are."""
        model = self._model()
        if not _is_numbers(X):
            return model.encode_images(column(X, "images"))
        features: NDArray[np.float32] = check_array(X, dtype=np.float32, order="C", input_name="X")
        if features.shape[1] != model.embed_dim:
            raise ValueError(
                f"X: features of {features.shape[1]} columns; those of model={self.model!r} have {model.embed_dim}"
            )
        return features

    def _model(self) -> Model:
        return shared_model(self.model, self.precision, self.threads)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False  # but for features, whose width the model decides
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        tags.target_tags.required = False
        tags.no_validation = True
        return tags


def _is_numbers(X: Any) -> bool:
    """Whether it is a table of numbers: features rather than images."""
    if hasattr(X, "dtypes") and hasattr(X, "columns"):  # DataFrame
        return all(getattr(dtype, "kind", "O") in "fiu" for dtype in X.dtypes)
    if hasattr(X, "tocsr"):  # sparse: refused by scikit-learn, in its words
        return True
    return is_array(X) and len(getattr(X, "shape", ())) == 2 and "float" in str(getattr(X, "dtype", ""))
