"""Arrays and tensors: pixels as ``uint8`` ``[height, width, 3]``, preprocessed images as ``float32``.

Whatever has ``__dlpack__`` or ``__array__`` is looked at where it lies; numbers of another type, size or
order are refused with the way out, for their conversion is a choice that changes what they mean.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


def is_array(value: object) -> bool:
    """Whether it is an array or a tensor, or a memoryview of one."""
    if isinstance(value, memoryview):
        return value.ndim > 1
    return hasattr(value, "__dlpack__") or hasattr(value, "__array__")


def is_pil(value: object) -> TypeGuard[Image]:
    """Whether it is a PIL image; without importing Pillow."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def as_array(value: Any, argument: str) -> NDArray[Any]:
    """The array itself, or a NumPy view of the same memory where that is possible.

    Raises
    ------
    TypeError
        A masked array.
    ValueError
        A tensor that NumPy cannot look into: on another device, one that requires a gradient.
    """
    import numpy as np

    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{argument}: a masked array\nhelp: say what its gaps are: `.filled(0)`")
    if isinstance(value, np.ndarray):
        return value
    try:
        if hasattr(value, "__dlpack__"):
            try:
                return np.from_dlpack(value)
            except Exception:  # whatever the other library raises; it may still make an array
                if not hasattr(value, "__array__"):
                    raise
        return np.asarray(value)
    except Exception as error:
        raise ValueError(f"{argument}: {type(value).__name__} is no array that can be read here: {error}") from error


def is_preprocessed(image: object) -> bool:
    """Whether it is an array of floating-point numbers: the model's input rather than pixels."""
    if not is_array(image) or is_pil(image):
        return False
    dtype = getattr(image, "dtype", None)
    if dtype is None:
        dtype = as_array(image, "image").dtype
    return getattr(dtype, "kind", "") == "f" or "float" in str(dtype)


def pixels(image: Any, argument: str) -> NDArray[np.uint8]:
    """The pixels of one image, ``[height, width, 3]`` without gaps.

    Raises
    ------
    TypeError
        Numbers of another type than ``uint8``.
    ValueError
        Another shape.
    """
    import numpy as np

    array = as_array(image, argument)
    if array.dtype != np.uint8:
        raise TypeError(
            f"{argument}: an array of {_name(array)}; pixels are uint8 [height, width, 3], preprocessed images "
            "float32 [3, image_size, image_size]"
        )
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(
            f"{argument}: a uint8 array of shape {_shape(array)}; pixels are [height, width, 3]{_way_out(array)}"
        )
    return np.ascontiguousarray(array)


def _way_out(array: NDArray[Any]) -> str:
    if 0 in array.shape:
        return ""
    if array.ndim == 3 and array.shape[0] == 3:
        return "\nhelp: channels come last: `image.transpose(1, 2, 0)`"
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 2, 4)):
        squeezed = "image[..., 0]" if array.shape[2:] == (1,) else "image"
        return f"\nhelp: grey and alpha are known of PIL images: `PIL.Image.fromarray({squeezed})`"
    if array.ndim == 4:
        return "\nhelp: several images are for encode_images, or a list of them"
    return ""


def preprocessed(images: Any, image_size: int, argument: str) -> NDArray[np.float32]:
    """The model's input ``[n, 3, image_size, image_size]``; a view where memory allows.

    Raises
    ------
    TypeError
        Numbers of another type than ``float32`` in this machine's byte order.
    ValueError
        Another shape.
    """
    array = _floats(images, image_size, argument)
    if array.ndim != 4 or array.shape[1:] != (3, image_size, image_size):
        one = array.ndim == 3 and argument == "images"
        way_out = "\nhelp: one image is for encode_image, or a list of it" if one else ""
        raise _wrong_shape(array, f"[n, 3, {image_size}, {image_size}]", argument, way_out)
    return array


def preprocessed_one(image: Any, image_size: int, argument: str) -> NDArray[np.float32]:
    """The model's input of one image ``[3, image_size, image_size]``; a view where memory allows.

    Raises
    ------
    TypeError, ValueError
        As :func:`preprocessed`.
    """
    array = _floats(image, image_size, argument)
    if array.shape != (3, image_size, image_size):
        way_out = "\nhelp: several images are for encode_images" if array.ndim == 4 else ""
        raise _wrong_shape(array, f"[3, {image_size}, {image_size}]", argument, way_out)
    return array


def stacked(images: Sequence[Any], image_size: int) -> NDArray[np.float32]:
    """Preprocessed images as one input ``[n, 3, image_size, image_size]``.

    Raises
    ------
    TypeError, ValueError
        As :func:`preprocessed`, of ``images[place]``; one that is not preprocessed among them.
    """
    import numpy as np

    rows = []
    for place, image in enumerate(images):
        if not is_preprocessed(image):
            raise TypeError(f"images[{place}]: {_MIXED}")
        rows.append(preprocessed_one(image, image_size, f"images[{place}]"))
    return np.stack(rows)


_MIXED = "images that are preprocessed, and others, are given apart"


def refuse_preprocessed(image: object, argument: str) -> None:
    """Raise ``TypeError`` for a preprocessed image among others."""
    if is_preprocessed(image):
        raise TypeError(f"{argument}: {_MIXED}")


def _floats(value: Any, image_size: int, argument: str) -> NDArray[np.float32]:
    import numpy as np

    given = str(getattr(value, "dtype", "float32"))
    foreign = given.rpartition(".")[2]  # of torch.bfloat16
    if foreign in ("bfloat16", "float16", "float64"):
        cast = ".float()" if given.startswith("torch.") else '.astype("float32")'
        raise _wrong_type(given, image_size, argument, cast)
    array = as_array(value, argument)
    if array.dtype != np.float32:  # also in the other byte order
        raise _wrong_type(_name(array), image_size, argument, '.astype("float32")')
    return np.require(array, requirements=["C", "ALIGNED"])


def _wrong_type(found: str, image_size: int, argument: str, cast: str) -> TypeError:
    return TypeError(
        f"{argument}: an array of {found}; preprocessed images are float32 [3, {image_size}, {image_size}], "
        f"pixels uint8 [height, width, 3]\nhelp: of a preprocessed image `{cast}`"
    )


def _wrong_shape(array: NDArray[Any], expected: str, argument: str, way_out: str) -> ValueError:
    return ValueError(
        f"{argument}: a float32 array of shape {_shape(array)}; preprocessed images are {expected}{way_out}"
    )


def _name(array: NDArray[Any]) -> str:
    return array.dtype.name + ("" if array.dtype.isnative else " in the other byte order")


def _shape(array: NDArray[Any]) -> str:
    return str(list(array.shape))
