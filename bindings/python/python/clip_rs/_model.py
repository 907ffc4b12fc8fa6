"""A CLIP model: images and texts in, float32 NumPy arrays out."""

from __future__ import annotations

import json
import math
import os
import warnings
import weakref
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from . import _arrays, _clip_rs, _display, _inputs, _progress
from ._classification import Classification, Classifications, LabelScore
from ._inputs import ImageLike, ImagesLike, TextLike
from ._preprocess import Preprocess
from ._tokenizer import say_truncated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Skip(NamedTuple):
    """An image that was left out, and why."""

    index: int  # type: ignore[assignment]  # a field in place of tuple.index
    """Its place among those given, from 0."""
    input: str
    """Its path, or ``images[index]``."""
    stage: str
    """``read``, ``decode`` or ``encode``."""
    reason: str
    """The error, with the limit."""


class EncodedImages(NamedTuple):
    """What became of a list of images of which some may be unusable."""

    features: NDArray[np.float32]
    """``[usable, embed_dim]``, in the order given."""
    indices: NDArray[np.int64]
    """``[usable]``: the place of each row's image among those given."""
    skipped: list[Skip]
    """The others."""


def load(
    name_or_path: str | os.PathLike[str] = "starter",
    *,
    precision: Literal["f32", "bf16", "int8"] = "f32",
    threads: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    allow_download: bool = False,
    mirror: str | None = None,
    progress: bool | None = None,
    device: Literal["cpu", "reference"] = "cpu",
    activation: Literal["quickgelu", "gelu"] | None = None,
    model_config: str | os.PathLike[str] | None = None,
    max_pixels: int | None = None,
    fast_decode: bool = False,
) -> Model:
    """Load a model. Asks no network unless ``allow_download``.

    Parameters
    ----------
    name_or_path : str or path
        ``"starter"`` (built in), a released model (``"ViT-B/32"``, any spelling),
        ``"hf:owner/name"``, or the path of a checkpoint.
    precision : {"f32", "bf16", "int8"}
        Of the products with weights; ``f32`` is exact.
    threads : int, optional
        Threads to use; all if none is given. Results do not depend on it.
    cache_dir : path, optional
        Folder of downloaded models; ``clip-rs`` in the user's cache folder if none is given.
    allow_download : bool
        Download a released model, or one of Hugging Face, that is not on this machine. Checked by
        SHA-256, resumed where an earlier download stopped. ``CLIP_RS_OFFLINE=true`` forbids it.
    mirror : str, optional
        Address of another server to download from; ``CLIP_RS_MIRROR`` if none is given.
    progress : bool, optional
        Bars of ``tqdm`` while downloading; on a terminal if none is given.
    device : {"cpu", "reference"}
        ``reference`` is the slow definition that the fast path is tested against.
    activation : {"quickgelu", "gelu"}, optional
        Over what the file says.
    model_config : path, optional
        ``open_clip_config.json`` or ``config.json`` for weights that come without one.
    max_pixels : int, optional
        Most pixels that an image may have, decoded here or given as pixels; Pillow's limit of
        178,956,970 if none is given.
    fast_decode : bool
        Decode large JPEGs at a fraction of their size: faster, but other pixels than the reference's.

    Returns
    -------
    Model

    Raises
    ------
    FileNotFoundError
        The name leads to no model on this machine.
    OSError
        The download failed; what came is kept for the next time.
    CheckpointError
        The file is no CLIP checkpoint.
    """
    options: dict[str, Any] = {
        "precision": precision,
        "device": device,
        "activation": activation,
        "model_config": None if model_config is None else _read(model_config),
        "cache_dir": None if cache_dir is None else os.fspath(cache_dir),
        "max_pixels": max_pixels,
        "fast_decode": fast_decode,
    }
    download = {"mirror": mirror or os.environ.get("CLIP_RS_MIRROR") or None} if allow_download else None
    if download and os.environ.get("CLIP_RS_OFFLINE", "").lower() in ("1", "true"):
        warnings.warn("the network is not asked: CLIP_RS_OFFLINE says offline", stacklevel=2)
        download = None
    model = _load(os.fspath(name_or_path), options, threads, download, progress)
    for warning in model.warnings:
        warnings.warn(warning, stacklevel=2)
    return model


def _load(
    name: str,
    options: dict[str, Any],
    threads: int | None,
    download: dict[str, Any] | None = None,
    progress: bool | None = None,
) -> Model:
    threads = None if threads is None else _inputs.whole_number(threads, "threads")
    bar = _progress.DownloadBar(progress)
    try:
        clip = _clip_rs.Clip.load(name, options, threads, download, bar)
    finally:
        bar.close()
    # A process with another folder finds a relative path too.
    here = os.path.abspath(name) if os.path.exists(name) else name
    return Model(clip, (here, options, threads))


def _reload(name: str, options: dict[str, Any], threads: int | None) -> Model:
    """A model that was pickled: one for all pickles of it, as long as somebody has it."""
    key = repr((name, options, threads))
    model = _reloaded.get(key)
    if model is None:
        model = _reloaded[key] = _load(name, options, threads)
    return model


_reloaded: weakref.WeakValueDictionary[str, Model] = weakref.WeakValueDictionary()


def _read(path: str | os.PathLike[str]) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


class Model:
    """A CLIP model with its tokenizer and its preprocessing. Made by :func:`load`.

    Features are what the towers give, **not** normalised, as the reference's ``encode_image``;
    ``normalize=True`` gives rows of norm 1, whose dot products are cosines.
    An embedding has the same bits in any batch and on any number of threads.

    A model never changes, so threads share it, and a copy is the model itself. Forked processes use
    their parent's memory. A pickle holds the name and the options, not the weights: it loads them
    again where it is opened, from the same name or path, without asking the network.
    """

    def __init__(
        self, clip: _clip_rs.Clip, loaded: tuple[str, dict[str, Any], int | None] | None = None
    ) -> None:
        self._clip = clip
        self._loaded = loaded  # how to load it again
        self._about: dict[str, Any] = json.loads(clip.describe())
        self._preprocess = Preprocess(**self._about["preprocess"], max_pixels=self._about["max_pixels"])

    def __copy__(self) -> Model:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self._loaded is None:
            raise TypeError("a model that was not made by clip_rs.load cannot be pickled")
        return _reload, self._loaded

    def encode_image(self, image: ImageLike, *, normalize: bool = False) -> NDArray[np.float32]:
        """Features of one image.

        Parameters
        ----------
        image : path, bytes, PIL image or array
            ``uint8`` arrays are pixels ``[height, width, 3]``; ``float32`` arrays are preprocessed,
            ``[3, image_size, image_size]``.
        normalize : bool
            Whether to divide by the norm.

        Returns
        -------
        numpy.ndarray
            ``float32``, ``[embed_dim]``.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ImageError
            It is no image, or broken.
        """
        if _inputs.is_preprocessed(image):
            array = _arrays.preprocessed_one(image, self.image_size, "image")
            features = self._clip.encode_input(array[None], "image", None)
        else:
            native = _inputs.native_image(image, "image", self.preprocess)
            features, _, _ = self._clip.encode_images([native], False, None)
        row: NDArray[np.float32] = _normalized(features, normalize)[0]
        return row

    @overload
    def encode_images(
        self,
        images: ImagesLike,
        *,
        normalize: bool = ...,
        on_error: Literal["raise"] = ...,
        progress: bool | None = ...,
    ) -> NDArray[np.float32]: ...
    @overload
    def encode_images(
        self,
        images: ImagesLike,
        *,
        normalize: bool = ...,
        on_error: Literal["skip"],
        progress: bool | None = ...,
    ) -> EncodedImages: ...
    def encode_images(
        self,
        images: ImagesLike,
        *,
        normalize: bool = False,
        on_error: Literal["raise", "skip"] = "raise",
        progress: bool | None = None,
    ) -> NDArray[np.float32] | EncodedImages:
        """Features of images: of files they are read and decoded while others are encoded.

        Parameters
        ----------
        images : iterable of paths, bytes, PIL images or arrays; or one array
            ``uint8`` ``[n, height, width, 3]`` is pixels, ``float32``
            ``[n, 3, image_size, image_size]`` preprocessed, and not copied. Of a generator 256 images
            are held at a time. Preprocessed images are not given among others.
        normalize : bool
            Whether to divide each row by its norm.
        on_error : {"raise", "skip"}
            Whether an image that cannot be used (no file, broken, too large) is an exception, or left
            out and listed. What is no image at all, by its type or shape, is always one.
        progress : bool, optional
            A bar of ``tqdm`` on a terminal if none is given and the work is long.

        Returns
        -------
        numpy.ndarray or EncodedImages
            ``float32``, ``[n, embed_dim]``; with ``on_error="skip"`` the features of those that
            could be used, their places, and the others with the reason.

        Raises
        ------
        FileNotFoundError, ImageError
            As :meth:`encode_image`, with ``on_error="raise"``.
        TypeError
            Something that is no image, by its place: ``images[3]: ...``.
        ValueError
            No image at all; an array of a shape that no image has, or of numbers that are not finite.
        """
        import numpy as np

        if on_error not in ("raise", "skip"):
            raise ValueError(f'on_error: {on_error!r} is neither "raise" nor "skip"')
        skip = on_error == "skip"
        if _inputs.is_preprocessed(images):
            encoded = self._encode_inputs(_inputs.preprocessed(images, self.image_size, "images"), progress)
        else:
            encoded = self._encode_listed(_inputs.listed(images, "images"), skip, progress)
        encoded = encoded._replace(features=_normalized(encoded.features, normalize))
        return encoded if skip else encoded.features

    def _encode_inputs(self, inputs: NDArray[np.float32], progress: bool | None) -> EncodedImages:
        import numpy as np

        if not len(inputs):
            raise ValueError("images: there is none")
        with _progress.bar(len(inputs), "images", progress) as tell:
            features = self._clip.encode_input(inputs, "images", tell)
        return EncodedImages(features, np.arange(len(features)), [])

    def _encode_listed(self, images: Iterable[ImageLike], skip: bool, progress: bool | None) -> EncodedImages:
        import numpy as np

        rows: list[NDArray[np.float32]] = []
        indices: list[int] = []
        skipped: list[Skip] = []
        first = 0
        with _progress.bar(len(images) if isinstance(images, list) else None, "images", progress) as tell:
            for block in _inputs.blocks(images):
                if first == 0 and _inputs.is_preprocessed(block[0]):
                    whole = images if isinstance(images, list) else [*block, *images]
                    return self._encode_inputs(_arrays.stacked(whole, self.image_size), progress)
                native, failed = self._native(block, first, skip)
                features, usable, failed_here = self._clip.encode_images(list(native.values()), skip, tell)
                places = list(native)
                rows.append(features)
                indices.extend(places[place] for place in usable)
                failed.extend(Skip(places[place], *why) for place, *why in failed_here)
                skipped.extend(sorted(failed))
                first += len(block)
        if not rows:
            raise ValueError("images: there is none")
        return EncodedImages(np.concatenate(rows), np.array(indices, dtype=np.int64), skipped)

    def _native(
        self, images: list[ImageLike], first: int, skip: bool
    ) -> tuple[dict[int, _clip_rs._Image], list[Skip]]:
        """Images by their place, as the compiled part takes them; and those that Pillow could not read."""
        native: dict[int, _clip_rs._Image] = {}
        failed: list[Skip] = []
        for place, image in enumerate(images, first):
            name = f"images[{place}]"
            _arrays.refuse_preprocessed(image, name)
            try:
                native[place] = _inputs.native_image(image, name, self.preprocess)
            except _clip_rs.ImageError as error:
                if not skip:
                    raise
                failed.append(Skip(place, name, "decode", str(error).removeprefix(f"{name}: ")))
        return native, failed

    def encode_text(self, text: str, *, truncate: bool = False, normalize: bool = False) -> NDArray[np.float32]:
        """Features of one text.

        Parameters
        ----------
        text : str
            In plain English.
        truncate : bool
            Cut a text of more than ``context_length`` tokens, with a warning, in place of an error.
        normalize : bool
            Whether to divide by the norm.

        Returns
        -------
        numpy.ndarray
            ``float32``, ``[embed_dim]``.

        Raises
        ------
        TextError
            The text is too long and ``truncate`` is false.
        """
        if not isinstance(text, str):
            raise TypeError(f"text: {type(text).__name__} is no text; for several there is encode_texts")
        row: NDArray[np.float32] = self._encode_strings([text], "text", truncate, normalize, False)[0]
        return row

    def encode_texts(
        self,
        texts: TextLike,
        *,
        truncate: bool = False,
        normalize: bool = False,
        progress: bool | None = None,
    ) -> NDArray[np.float32]:
        """Features of texts.

        Parameters
        ----------
        texts : list of str, or token ids
            Ids are an integer array ``[n, length]`` as :meth:`tokenize` gives it, or lists of ids.
        truncate : bool
            Cut texts of more than ``context_length`` tokens, with a warning, in place of an error.
        normalize : bool
            Whether to divide each row by its norm.
        progress : bool, optional
            A bar of ``tqdm`` on a terminal if none is given and the work is long.

        Returns
        -------
        numpy.ndarray
            ``float32``, ``[n, embed_dim]``.

        Raises
        ------
        TextError
            A text is too long and ``truncate`` is false; the model's tokenizer is not CLIP's.
        """
        ids = _inputs.token_ids(texts, "texts")
        if ids is None:
            return self._encode_strings(_inputs.strings(texts, "texts"), "texts", truncate, normalize, progress)
        with _progress.bar(len(ids), "texts", progress) as tell:
            features = self._clip.encode_token_ids(ids, tell)
        return _normalized(features, normalize)

    def _encode_strings(
        self, strings: list[str], argument: str, truncate: bool, normalize: bool, progress: bool | None
    ) -> NDArray[np.float32]:
        with _progress.bar(len(strings), "texts", progress) as tell:
            features, truncated = self._clip.encode_texts(strings, argument, truncate, tell)
        say_truncated(len(truncated), len(strings), stacklevel=4)
        return _normalized(features, normalize)

    def tokenize(
        self, texts: str | Iterable[str], *, context_length: int | None = None, truncate: bool = False
    ) -> NDArray[np.int32]:
        """Token ids of texts, as the reference's ``clip.tokenize`` has them.

        Parameters
        ----------
        texts : str or iterable of str
            One text or several.
        context_length : int, optional
            Length of a row; the model's if none is given.
        truncate : bool
            Cut texts that are too long, keeping the end-of-text token, in place of an error.

        Returns
        -------
        numpy.ndarray
            ``int32``, ``[texts, context_length]``, padded with zeros.

        Raises
        ------
        TextError
            A text is too long and ``truncate`` is false.
        """
        length = self.context_length
        if context_length is not None:
            length = _inputs.whole_number(context_length, "context_length")
        ids, truncated = self._clip.tokenize(_inputs.strings(texts, "texts"), length, truncate)
        say_truncated(len(truncated), len(ids), stacklevel=3)
        return ids

    @overload
    def classify(
        self,
        images: list[Any] | tuple[Any, ...],
        labels: Sequence[str],
        *,
        templates: Sequence[str] = ...,
        truncate: bool = ...,
        progress: bool | None = ...,
    ) -> Classifications: ...
    @overload
    def classify(
        self,
        images: ImageLike,
        labels: Sequence[str],
        *,
        templates: Sequence[str] = ...,
        truncate: bool = ...,
        progress: bool | None = ...,
    ) -> Classification: ...
    def classify(
        self,
        images: ImageLike | Sequence[ImageLike],
        labels: Sequence[str],
        *,
        templates: Sequence[str] = (),
        truncate: bool = False,
        progress: bool | None = None,
    ) -> Classification | Classifications:
        """Rank labels for an image, or for each of a list of images.

        Parameters
        ----------
        images : image, or list of images
            As :meth:`encode_image` takes them.
        labels : list of str
            In plain English. Two that are one text to the model are refused.
        templates : list of str
            Sentences with ``{}`` for the label, of which each label's vector is the mean; without
            any, a label is its own sentence.
        truncate : bool
            Cut sentences that are too long, in place of an error.
        progress : bool, optional
            A bar of ``tqdm`` on a terminal if none is given and the work is long.

        Returns
        -------
        Classification or Classifications
            Of a list a list. Most probable first. Probabilities are over these labels alone.
        """
        several = isinstance(images, (list, tuple))
        listed: list[Any] = list(images) if isinstance(images, (list, tuple)) else [images]
        labels, templates = _inputs.strings(labels, "labels"), list(templates)
        features = self.encode_images(listed, progress=progress)
        scores, _ = self._clip.classify(features, labels, templates, truncate, None)
        pixels = self.preprocess.pixels
        found = Classifications(
            Classification([LabelScore(*score) for score in row], partial(pixels, image))
            for row, image in zip(scores, listed, strict=True)
        )
        return found if several else found[0]

    def similarity(self, images: ImagesLike, texts: TextLike) -> NDArray[np.float32]:
        """Cosine of every image with every text.

        Parameters
        ----------
        images : list of images, or an array
            As :meth:`encode_images` takes them.
        texts : list of str, or token ids
            As :meth:`encode_texts` takes them.

        Returns
        -------
        numpy.ndarray
            ``float32``, ``[images, texts]``, -1 to 1.

        Raises
        ------
        FileNotFoundError, ImageError, TextError
            As the two.

        Examples
        --------
        >>> model.similarity(["photos/cat.jpg", "photos/pizza.jpg"], ["a cat", "a pizza"]).round(2)
        array([[0.66, 0.02],
               [0.01, 0.58]], dtype=float32)
        """
        return self._clip.cosines(self.encode_images(images), self.encode_texts(texts))

    @property
    def preprocess(self) -> Preprocess:
        """How images become inputs; call it with an image."""
        return self._preprocess

    @property
    def logit_scale(self) -> float:
        """The learned parameter, a logarithm as in the reference: logits are
        ``exp(logit_scale) * cosine``."""
        return math.log(self._clip.scale)

    @property
    def name(self) -> str:
        """The name or path it was loaded by."""
        return str(self._about["name"])

    @property
    def image_size(self) -> int:
        """Side of the image that the model takes, px."""
        return int(self._about["image_size"])

    @property
    def context_length(self) -> int:
        """Most tokens of a text, start and end included."""
        return int(self._about["context_length"])

    @property
    def embed_dim(self) -> int:
        """Length of features and embeddings."""
        return int(self._about["embed_dim"])

    @property
    def precision(self) -> str:
        """``f32``, ``bf16`` or ``int8``."""
        return str(self._about["precision"])

    @property
    def threads(self) -> int:
        """Threads that it computes on."""
        return int(self._about["threads"])

    @property
    def warnings(self) -> list[str]:
        """What had to be guessed or was ignored while loading."""
        return list(self._about["warnings"])

    @property
    def provenance(self) -> dict[str, Any]:
        """What identifies the model: name, SHA-256 of the tensors, files, layout, activation."""
        provenance: dict[str, Any] = json.loads(self._clip.provenance())
        return provenance

    def __repr__(self) -> str:
        about = self._about
        return (
            f"Model({about['name']!r}, image_size={about['image_size']}, embed_dim={about['embed_dim']}, "
            f"precision={about['precision']!r}, threads={about['threads']})"
        )

    def _repr_html_(self) -> str:
        names = ("name", "image_size", "context_length", "embed_dim", "precision", "threads")
        return _display.model([(name, self._about[name]) for name in names], _clip_rs.LIMITS)


def _normalized(features: NDArray[np.float32], normalize: bool) -> NDArray[np.float32]:
    if not normalize:
        return features
    return _clip_rs.normalize(features)
