"""Tensors in and out: torch's where it is installed, NumPy arrays where it is not.

torch is imported by the first call that hands out a tensor, never by ``import clip_rs``.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any, TypeAlias

from .. import _inputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# `torch.Tensor`, or `numpy.ndarray` where torch is not installed.
Tensor: TypeAlias = Any
# `str` or `torch.device`.
Device: TypeAlias = Any


@functools.cache
def torch() -> Any:
    """The module ``torch``, or none where it is not installed."""
    try:
        return importlib.import_module("torch")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return None


def tensor(array: NDArray[Any]) -> Tensor:
    """An array as it is handed out: a tensor in the same memory, or the array itself."""
    return array if torch() is None else torch().from_numpy(array)


def float32() -> Any:
    """``torch.float32``, or NumPy's."""
    import numpy as np

    return np.dtype(np.float32) if torch() is None else torch().float32


def is_tensor(value: object) -> bool:
    """Whether it is a tensor of torch."""
    return torch() is not None and isinstance(value, torch().Tensor)


def check_device(device: Device, argument: str = "device") -> None:
    """Refuse any device but the CPU.

    Raises
    ------
    RuntimeError
        Another device.
    """
    if device is not None and str(device).split(":")[0] != "cpu":
        raise RuntimeError(
            f'{argument}: "{device}": clip_rs computes on the CPU alone\n'
            'help: take device="cpu"; with the environment variable CUDA_VISIBLE_DEVICES set to nothing, '
            "scripts that ask torch for a GPU find none"
        )


def check_dtype(dtype: Any, argument: str = "dtype") -> None:
    """Refuse any type of features but float32.

    Raises
    ------
    RuntimeError
        Another type.
    """
    if dtype is not None and getattr(dtype, "__name__", str(dtype)).rpartition(".")[2] != "float32":
        raise RuntimeError(
            f"{argument}: {dtype}: features are float32, always\n"
            'help: convert features instead; `clip_rs.load(name, precision="bf16")` computes with smaller weights'
        )


def image_array(image: Tensor) -> NDArray[np.float32]:
    """Preprocessed images as an array: the same memory where they are float32 and contiguous.

    Raises
    ------
    TypeError
        No tensor, or one that is not of floating-point numbers.
    RuntimeError
        On another device; or a gradient is asked for.
    """
    import numpy as np

    if is_tensor(image):
        check_device(image.device, "image")
        if image.requires_grad and torch().is_grad_enabled():
            raise RuntimeError(
                "image: it requires a gradient, and clip_rs computes none\n"
                "help: call it under torch.no_grad(), or give image.detach()"
            )
        if image.is_floating_point():
            array: NDArray[np.float32] = image.detach().to(torch().float32).contiguous().numpy()
            return array
        raise _no_image(str(image.dtype))
    if not _inputs.is_array(image) or _inputs.is_pil(image):
        raise _no_image(type(image).__name__)
    given = _inputs.as_array(image, "image")
    if given.dtype.kind != "f":
        raise _no_image(f"an array of {given.dtype}")
    return np.ascontiguousarray(given, dtype=np.float32)


def _no_image(found: str) -> TypeError:
    return TypeError(
        f"image: {found}; preprocessed images are floating-point numbers [n, 3, size, size]\n"
        "help: `torch.stack([preprocess(image) for image in images])`"
    )


def token_array(text: Tensor) -> NDArray[Any]:
    """Token ids as an array of integers.

    Raises
    ------
    TypeError
        Texts that are no ids yet; no integers.
    RuntimeError
        On another device.
    """
    if is_tensor(text):
        check_device(text.device, "text")
        text = text.detach().numpy()
    if not _inputs.is_array(text):
        raise TypeError(f"text: {type(text).__name__}; token ids [n, length] are needed\nhelp: `tokenize(texts)`")
    ids = _inputs.as_array(text, "text")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"text: {ids.dtype}; token ids are integers [n, length]\nhelp: `tokenize(texts)`")
    return ids


def say_no_gradients() -> None:
    """Warn where a script could believe that features carry gradients."""
    if torch() is not None and torch().is_grad_enabled():
        warn("features carry no gradients: clip_rs computes none; under torch.no_grad() this is not said")


def warn(message: str) -> None:
    """Warn at the line of the script that called into this package."""
    package, level, frame = os.path.dirname(__file__), 1, sys._getframe()
    while os.path.dirname(frame.f_code.co_filename) == package and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
