"""What a person may give as an image or a text, and what the compiled part takes.

Images: a path, the bytes of a file, a PIL image, a ``uint8`` array ``[height, width, 3]``, or the
model's own input, a ``float32`` array ``[3, image_size, image_size]``. Arrays are whatever has
``__dlpack__`` or ``__array__``: NumPy, torch, JAX, CuPy on the CPU.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from ._clip_rs import _Image


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
        Something that is no text, by its place.
    ValueError
        None at all; a text with half a surrogate pair.
    """
    if isinstance(texts, str):
        texts = [texts]
    try:
        found = list(texts)
    except TypeError:
        raise TypeError(f"{argument}: {type(texts).__name__} is no text and no list of texts") from None
    for place, text in enumerate(found):
        if not isinstance(text, str):
            raise TypeError(f"{argument}[{place}]: {type(text).__name__} is no text")
    if not found:
        raise ValueError(f"{argument}: there is none")
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
        An array of something else than integers.
    ValueError
        An array that is not ``[n, length]``.
    """
    if is_array(texts):
        array = as_array(texts, argument)
        if array.dtype.kind not in "iu":
            raise TypeError(f"{argument}: an array of {array.dtype}; token ids are integers")
        if array.ndim != 2 or 0 in array.shape:
            raise ValueError(f"{argument}: an array of shape {array.shape}; token ids are [n, length]")
        if (array < 0).any():
            raise ValueError(f"{argument}: a token id below 0")
        ids: list[list[int]] = array.tolist()
        return ids
    if isinstance(texts, (list, tuple)) and texts and isinstance(texts[0], (list, tuple)):
        return [[int(token) for token in text] for text in texts]
    return None
