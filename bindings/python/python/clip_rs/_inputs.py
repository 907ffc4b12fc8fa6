"""What a person may give as an image or a text, and what the compiled part takes.

Images: a path, the bytes of a file, a PIL image, a ``uint8`` array ``[height, width, 3]``, or the
model's own input, a ``float32`` array ``[3, image_size, image_size]``. Arrays are whatever has
``__dlpack__`` or ``__array__``: NumPy, torch, JAX, CuPy on the CPU.
"""

from __future__ import annotations

import itertools
import operator
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ._arrays import as_array as as_array
from ._arrays import is_array as is_array
from ._arrays import is_pil as is_pil
from ._arrays import is_preprocessed as is_preprocessed
from ._arrays import pixels
from ._arrays import preprocessed as preprocessed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from ._clip_rs import _Image, _Pixels
    from ._preprocess import Preprocess

# Images handed to the compiled part at a time.
_IMAGES_AT_A_TIME = 256
# Ids are 32 bits wide; which of them a model has, the model knows.
_LARGEST_ID = 2**32 - 1


class SupportsArray(Protocol):
    """Whatever NumPy makes an array of."""

    def __array__(self) -> Any: ...


class SupportsDLPack(Protocol):
    """A tensor that others may look into: of torch, JAX, CuPy."""

    def __dlpack__(self) -> Any: ...


# What has pixels or numbers.
ArrayLike: TypeAlias = "NDArray[Any] | SupportsArray | SupportsDLPack"
# A path, the bytes of a file, a PIL image, an array or tensor.
ImageLike: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | Image | ArrayLike"
# Several of them, one after the other; an array has them in its first dimension.
ImagesLike: TypeAlias = "Iterable[ImageLike] | ArrayLike"
# A text, several, or their token ids.
TextLike: TypeAlias = "str | Iterable[str] | Sequence[Sequence[int]] | ArrayLike"


def native_image(image: ImageLike, argument: str, preprocess: Preprocess) -> _Image:
    """An image that has yet to be preprocessed, as the compiled part takes it.

    Raises
    ------
    TypeError, ValueError
        It is of a kind, a type or a shape that no image has.
    ImageError
        A PIL image that is broken; no or too many pixels.
    """
    if isinstance(image, (str, os.PathLike)):
        path: str | bytes = os.fspath(image)
        return (os.fsdecode(path),)
    if isinstance(image, (bytes, bytearray)) or (isinstance(image, memoryview) and image.ndim == 1):
        return (argument, bytes(image))
    if is_pil(image):
        from ._pillow import native_pil

        return native_pil(image, argument, preprocess)
    if is_array(image):
        array = pixels(image, argument)
        height, width, _ = array.shape
        preprocess.check_size((width, height), argument)
        return (argument, _rgb(array))
    raise _no_image(image, argument)


def _rgb(array: NDArray[np.uint8]) -> _Pixels:
    height, width, _ = array.shape
    return {
        "mode": "RGB",
        "width": width,
        "height": height,
        "data": array,
        "palette": None,
        "transparency": None,
        "orientation": 1,
    }


def _no_image(found: object, argument: str) -> TypeError:
    way_out = ""
    if isinstance(found, (list, tuple)):
        way_out = "\nhelp: several images are for encode_images"
    elif hasattr(found, "read"):
        way_out = "\nhelp: give what it reads: `.read()`"
    return TypeError(
        f"{argument}: {type(found).__name__} is no image; give a path, bytes, a PIL image, a uint8 array "
        f"[height, width, 3], or a preprocessed float32 array [3, image_size, image_size]{way_out}"
    )


def strings(texts: Any, argument: str) -> list[str]:
    """A text or several as a list.

    Raises
    ------
    TypeError
        Something that is no text, by its place; what has no order.
    ValueError
        None at all.
    """
    if isinstance(texts, str):
        return [str(texts)]
    if isinstance(texts, (bytes, bytearray, memoryview)):
        raise TypeError(f"{argument}: {type(texts).__name__} is no text; decode it first: `.decode()`")
    if isinstance(texts, (Mapping, Set)):
        raise TypeError(f"{argument}: a {type(texts).__name__} is no list of texts")
    try:
        found = list(texts)
    except TypeError:
        raise TypeError(f"{argument}: {type(texts).__name__} is no text and no list of texts") from None
    if not found:
        raise ValueError(f"{argument}: there is none")
    if set(map(type, found)) != {str}:  # many texts are looked at as a whole
        for place, text in enumerate(found):
            if not isinstance(text, str):
                raise TypeError(f"{argument}[{place}]: {type(text).__name__} is no text")
    return found


def listed(images: Any, argument: str) -> Iterable[ImageLike]:
    """Several images; one alone is refused, so that the shape of an answer is plain.

    Raises
    ------
    TypeError
        One image, or no list of them; what has no order.
    ValueError
        None at all; one image as an array.
    """
    if isinstance(images, (str, bytes, bytearray, os.PathLike)) or is_pil(images):
        raise TypeError(f"{argument}: one image; several are a list, for one there is encode_image")
    if isinstance(images, (Mapping, Set)):
        raise TypeError(f"{argument}: a {type(images).__name__} is no list of images")
    if is_array(images):
        images = as_array(images, argument)
        if images.dtype.kind not in "OSTU" and images.ndim < 4:
            shape = list(images.shape)
            raise ValueError(
                f"{argument}: an array of shape {shape}; several images are uint8 [n, height, width, 3] or "
                "preprocessed float32, for one there is encode_image"
            )
    if isinstance(images, Iterator):
        return images
    try:
        found = list(images)
    except TypeError:
        raise TypeError(f"{argument}: {type(images).__name__} is no list of images") from None
    if not found:
        raise ValueError(f"{argument}: there is none")
    return found


def blocks(images: Iterable[ImageLike]) -> Iterator[list[ImageLike]]:
    """What is handed to the compiled part at a time: all paths at once; what is in memory is copied."""
    if isinstance(images, list) and all(isinstance(image, (str, os.PathLike)) for image in images):
        yield images
        return
    images = iter(images)
    while block := list(itertools.islice(images, _IMAGES_AT_A_TIME)):
        yield block


def token_ids(texts: TextLike, argument: str) -> list[list[int]] | None:
    """Token ids as lists; none where texts are no ids.

    Raises
    ------
    TypeError
        Numbers that are no integers.
    ValueError
        An array that is not ``[n, length]``; an id that no vocabulary has.
    """
    if is_array(texts):
        array = as_array(texts, argument)
        if array.dtype.kind in "OSTU":
            return None
        if array.dtype.kind not in "iu":
            raise TypeError(f"{argument}: an array of {array.dtype}; token ids are integers")
        if array.ndim != 2 or 0 in array.shape:
            raise ValueError(f"{argument}: an array of shape {array.shape}; token ids are [n, length]")
        ids: list[list[int]] = array.tolist()
    elif isinstance(texts, (list, tuple)) and any(_is_row(text) for text in texts[:1]):
        ids = [_row(text, f"{argument}[{place}]") for place, text in enumerate(texts)]
    else:
        return None
    for place, row in enumerate(ids):
        if row and (min(row) < 0 or max(row) > _LARGEST_ID):
            wrong = next(token for token in row if not 0 <= token <= _LARGEST_ID)
            raise ValueError(f"{argument}[{place}]: {wrong} is no token id")
    return ids


def _is_row(text: object) -> bool:
    return isinstance(text, (list, tuple)) or (is_array(text) and not isinstance(text, str))


def _row(text: Any, argument: str) -> list[int]:
    """The ids of one text."""
    if is_array(text):
        array = as_array(text, argument)
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise TypeError(f"{argument}: an array of {array.dtype} of shape {array.shape}; token ids are integers")
        row: list[int] = array.tolist()
        return row
    if not isinstance(text, (list, tuple)):
        raise TypeError(f"{argument}: {type(text).__name__} is no list of token ids")
    for place, token in enumerate(text):
        if isinstance(token, bool) or not hasattr(token, "__index__"):
            raise TypeError(f"{argument}[{place}]: {type(token).__name__} is no token id")
    return [operator.index(token) for token in text]


def whole_number(value: Any, argument: str) -> int:
    """A number without a fraction, of Python or NumPy.

    Raises
    ------
    TypeError
        Something else, ``True`` among it.
    ValueError
        More than 63 bits.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{argument}: {type(value).__name__} is no whole number")
    number = operator.index(value)
    if abs(number) >= 2**63:
        raise ValueError(f"{argument}: {number} is out of range")
    return number
