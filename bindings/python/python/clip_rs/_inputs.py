"""What a person may give as an image or a text, and what the compiled part takes.

Images: a path, the bytes of a file, a PIL image, a ``uint8`` array ``[height, width, 3]``, or the
model's own input, a ``float32`` array ``[3, image_size, image_size]``. Arrays are whatever has
``__dlpack__`` or ``__array__``: NumPy, torch, JAX, CuPy on the CPU.
"""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from ._clip_rs import _Image

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
# Several of them; an array has them in its first dimension.
ImagesLike: TypeAlias = "Sequence[ImageLike] | ArrayLike"
# A text, several, or their token ids.
TextLike: TypeAlias = "str | Iterable[str] | Sequence[Sequence[int]] | ArrayLike"


def is_array(value: object) -> bool:
    """Whether it is an array or a tensor, and no PIL image (which has ``__array_interface__``)."""
    return hasattr(value, "__dlpack__") or hasattr(value, "__array__")


def is_pil(value: object) -> TypeGuard[Image]:
    """Whether it is a PIL image; without importing Pillow."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def as_array(value: Any, argument: str) -> NDArray[Any]:
    """The array itself, or a NumPy view of the same memory where that is possible."""
    import numpy as np

    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack__"):
        try:
            return np.from_dlpack(value)
        except (BufferError, RuntimeError, TypeError) as error:
            if not hasattr(value, "__array__"):
                raise ValueError(f"{argument}: {error}") from error
    try:
        return np.asarray(value)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{argument}: {error}") from error


def native_image(image: ImageLike, argument: str) -> _Image:
    """An image that has yet to be preprocessed, as the compiled part takes it."""
    if isinstance(image, (str, os.PathLike)):
        return (image,)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return (argument, bytes(image))
    if is_pil(image):
        from ._pillow import native_pil

        return native_pil(image, argument)
    if is_array(image):
        return _native_pixels(as_array(image, argument), argument)
    raise TypeError(
        f"{argument}: {type(image).__name__} is no image; give a path, bytes, a PIL image, a uint8 array "
        "[height, width, 3], or a preprocessed float32 array [3, image_size, image_size]"
    )


def _native_pixels(array: NDArray[Any], argument: str) -> _Image:
    if array.dtype != "uint8":
        raise TypeError(
            f"{argument}: an array of {array.dtype}; pixels are uint8 [height, width, 3], preprocessed images "
            "float32 [3, image_size, image_size]"
        )
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(f"{argument}: a uint8 array of shape {array.shape}; pixels are [height, width, 3]")
    height, width, _ = array.shape
    return (argument, "RGB", width, height, array.tobytes(), None, 1)


def is_preprocessed(image: object) -> bool:
    """Whether it is an array of floating-point numbers: the model's input rather than pixels."""
    if not is_array(image) or is_pil(image):
        return False
    return "float" in str(getattr(image, "dtype", ""))


def preprocessed(images: Any, image_size: int, argument: str) -> NDArray[np.float32]:
    """The model's input ``[n, 3, image_size, image_size]``; a view where memory allows.

    Raises
    ------
    TypeError
        Numbers of another type than ``float32`` in this machine's byte order.
    ValueError
        Another shape.
    """
    import numpy as np

    array = as_array(images, argument)
    if array.dtype != np.float32 or not array.dtype.isnative:
        order = "" if array.dtype.isnative else " in the other byte order"
        raise TypeError(
            f"{argument}: an array of {array.dtype.name}{order}; preprocessed images are float32: "
            '`.astype("float32")`'
        )
    if array.ndim != 4 or array.shape[1:] != (3, image_size, image_size):
        raise ValueError(
            f"{argument}: an array of shape {array.shape}; preprocessed images are "
            f"[n, 3, {image_size}, {image_size}]"
        )
    return np.ascontiguousarray(array)


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


def listed(images: Any, argument: str) -> list[ImageLike]:
    """Several images as a list; one alone is refused, so that the shape of an answer is plain."""
    if isinstance(images, (str, bytes, bytearray, os.PathLike)) or is_pil(images):
        raise TypeError(f"{argument}: one image; several are a list, for one there is encode_image")
    try:
        found = list(images)
    except TypeError:
        raise TypeError(f"{argument}: {type(images).__name__} is no list of images") from None
    if not found:
        raise ValueError(f"{argument}: there is none")
    return found


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
