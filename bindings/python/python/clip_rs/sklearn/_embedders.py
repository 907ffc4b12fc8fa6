"""Images and texts as features."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from .._inputs import strings
from .._model import Model
from ._columns import column
from ._models import shared_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


# scikit-learn has no types: its classes are `Any` to a type checker.
class _Embedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What both have in common: nothing is learned, one column in, features out."""

    model: str | os.PathLike[str] | Model
    precision: Literal["f32", "bf16", "int8"]
    threads: int | None
    normalize: bool

    def fit(self, X: Any = None, y: Any = None) -> Any:
        """Check the parameters. Nothing is learned: an embedder may be used without.

        Parameters
        ----------
        X : ignored
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        FileNotFoundError
            The name leads to no model on this machine.
        """
        self._model()
        return self

    def _model(self) -> Model:
        return shared_model(self.model, self.precision, self.threads)

    @property
    def _n_features_out(self) -> int:
        return self._model().embed_dim

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        tags.no_validation = True
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = []  # float32, always
        return tags


class ImageEmbedder(_Embedder):
    """Images -> features of a CLIP model, ``float32`` ``[n, embed_dim]``.

    Stateless: it can be used without ``fit``. The model is loaded when it is first needed, and
    shared by all estimators of the process that name it; the estimator itself holds the name alone.

    Parameters
    ----------
    model : str, path or Model, default="starter"
        What :func:`clip_rs.load` takes, or a model that is loaded.
    precision : {"f32", "bf16", "int8"}, default="f32"
        Of the products with weights; ``f32`` is exact.
    threads : int, default=None
        Threads to use; all if none is given. Results do not depend on it. With ``n_jobs`` set it to
        the number of cores divided by ``n_jobs``.
    normalize : bool, default=False
        Whether to divide each row by its norm. The paper's probe takes features as they are.

    Examples
    --------
    >>> from clip_rs.sklearn import ImageEmbedder
    >>> ImageEmbedder().transform(["photos/cat.jpg", "photos/dog.jpg"]).shape
    (2, 128)
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Model = "starter",
        *,
        precision: Literal["f32", "bf16", "int8"] = "f32",
        threads: int | None = None,
        normalize: bool = False,
    ) -> None:
        self.model = model
        self.precision = precision
        self.threads = threads
        self.normalize = normalize

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Features of images.

        Parameters
        ----------
        X : list, array, Series or DataFrame of one column
            Of paths, bytes of files, PIL images or ``uint8`` arrays ``[height, width, 3]``; or one
            array ``uint8`` ``[n, height, width, 3]``, or preprocessed ``float32``
            ``[n, 3, image_size, image_size]``.

        Returns
        -------
        numpy.ndarray
            ``float32``, ``[n, embed_dim]``: a row for every image.

        Raises
        ------
        FileNotFoundError, ImageError
            An image cannot be used. None is left out, as rows must stay with their labels;
            ``clip_rs.Model.encode_images(..., on_error="skip")`` finds those that can be.
        """
        return self._model().encode_images(column(X, "images"), normalize=self.normalize)


class TextEmbedder(_Embedder):
    """Texts -> features of a CLIP model, ``float32`` ``[n, embed_dim]``.

    Stateless: it can be used without ``fit``. The model is shared as :class:`ImageEmbedder`'s is.

    Parameters
    ----------
    model : str, path or Model, default="starter"
        What :func:`clip_rs.load` takes, or a model that is loaded.
    precision : {"f32", "bf16", "int8"}, default="f32"
        Of the products with weights; ``f32`` is exact.
    threads : int, default=None
        Threads to use; all if none is given. Results do not depend on it.
    normalize : bool, default=False
        Whether to divide each row by its norm.
    truncate : bool, default=False
        Cut texts of more than ``context_length`` tokens, with a warning, in place of an error.

    Examples
    --------
    >>> from clip_rs.sklearn import TextEmbedder
    >>> TextEmbedder().transform(["a cat", "a dog"]).shape
    (2, 128)
    """

    truncate: bool

    def __init__(
        self,
        model: str | os.PathLike[str] | Model = "starter",
        *,
        precision: Literal["f32", "bf16", "int8"] = "f32",
        threads: int | None = None,
        normalize: bool = False,
        truncate: bool = False,
    ) -> None:
        self.model = model
        self.precision = precision
        self.threads = threads
        self.normalize = normalize
        self.truncate = truncate

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Features of texts.

        Parameters
        ----------
        X : list, array, Series or DataFrame of one column
            Of strings in plain English.

        Returns
        -------
        numpy.ndarray
            ``float32``, ``[n, embed_dim]``.

        Raises
        ------
        TextError
            A text is too long and ``truncate`` is false.
        TypeError
            What is no text, by its place.
        """
        texts = column(X, "texts")
        if isinstance(texts, str):
            raise TypeError("X: one text; several are a list")
        return self._model().encode_texts(
            strings(texts, "X"), truncate=self.truncate, normalize=self.normalize
        )
