"""A model that answers to what scripts call of a ``torch.nn.Module``, and its preprocessing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from .. import _inputs
from .._model import Model
from .._preprocess import Preprocess as NativePreprocess
from . import _torch
from ._torch import Device, Tensor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_Self = TypeVar("_Self", bound="Module")


class LogScale(float):
    """``logit_scale`` where torch is not installed: a number with the methods of a tensor."""

    def exp(self) -> float:
        """What cosines are multiplied by."""
        return math.exp(self)

    def item(self) -> float:
        """The number itself."""
        return float(self)


class Visual:
    """The image tower as scripts look into it; calling it gives features, as there."""

    def __init__(self, module: Module) -> None:
        self._module = module
        native = module.native
        self.input_resolution: int = native.image_size
        """Side of the image that the model takes, px; openai/CLIP's name."""
        self.image_size: tuple[int, int] = (native.image_size, native.image_size)
        """The same; open_clip's name."""
        self.output_dim: int = native.embed_dim
        """Length of features."""

    @property
    def preprocess_cfg(self) -> dict[str, Any]:
        """The recipe of the pixels under open_clip's names."""
        recipe = self._module.native.preprocess.recipe
        return {
            "size": self.image_size,
            "mode": "RGB",
            "mean": tuple(recipe["mean"]),
            "std": tuple(recipe["std"]),
            "interpolation": recipe["interpolation"],
            "resize_mode": recipe["resize"],
            "fill_color": recipe["fill"],
        }

    def __call__(self, image: Tensor) -> Tensor:
        """Features of preprocessed images, not normalised."""
        return _torch.tensor(self._module._image_features(image, False))


class Module:
    """What both libraries' models have in common."""

    training = False
    """Always false: there is nothing to train."""

    def __init__(self, native: Model) -> None:
        self.native = native
        """The :class:`clip_rs.Model` behind it."""
        self.visual = Visual(self)

    @property
    def context_length(self) -> int:
        """Most tokens of a text."""
        return self.native.context_length

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return int(self.native._about["vocab_size"])

    @property
    def dtype(self) -> Any:
        """float32."""
        return _torch.float32()

    @property
    def logit_scale(self) -> Tensor:
        """The learned parameter: logits are ``logit_scale.exp()`` times the cosines."""
        value = self.native.logit_scale
        torch = _torch.torch()
        return LogScale(value) if torch is None else torch.tensor(value, dtype=torch.float32)

    def _image_features(self, image: Tensor, normalize: bool) -> NDArray[np.float32]:
        _torch.say_no_gradients()
        size = self.native.image_size
        images = _inputs.preprocessed(_torch.image_array(image), size, "image")
        if not len(images):
            return self._none()
        return self.native.encode_images(images, normalize=normalize, progress=False)

    def _text_features(self, text: Tensor, normalize: bool) -> NDArray[np.float32]:
        _torch.say_no_gradients()
        ids = _torch.token_array(text)
        if ids.ndim == 2 and not len(ids):
            return self._none()
        return self.native.encode_texts(ids, normalize=normalize, progress=False)

    def _none(self) -> NDArray[np.float32]:
        import numpy as np

        return np.empty((0, self.native.embed_dim), dtype=np.float32)

    def eval(self: _Self) -> _Self:
        """Itself: it always infers."""
        return self

    def train(self: _Self, mode: bool = True) -> _Self:
        """Itself with ``mode=False``; training is refused."""
        if mode:
            raise RuntimeError(
                "train: clip_rs's models carry no gradients and cannot be trained from Python's loops\n"
                "help: `clip_rs.train` trains; `.eval()` is what inference needs"
            )
        return self

    def requires_grad_(self: _Self, requires_grad: bool = True) -> _Self:
        """Itself with ``requires_grad=False``; nothing here can require a gradient."""
        if requires_grad:
            raise RuntimeError("requires_grad_: clip_rs computes no gradients\nhelp: `clip_rs.train` trains")
        return self

    def to(self: _Self, *args: Any, **kwargs: Any) -> _Self:
        """Itself, for the CPU and float32; anything else is refused."""
        device, dtype = kwargs.get("device"), kwargs.get("dtype")
        for value in args[:2]:
            if _torch.is_tensor(value):
                device, dtype = value.device, value.dtype
            elif _is_dtype(value):
                dtype = value
            elif not isinstance(value, bool) and value is not None:
                device = value
        _torch.check_device(device)
        _torch.check_dtype(dtype)
        return self

    def cpu(self: _Self) -> _Self:
        """Itself."""
        return self

    def float(self: _Self) -> _Self:
        """Itself: it computes in float32."""
        return self

    def cuda(self, device: Device = None) -> NoReturn:
        """Refused: there is no computation on a GPU."""
        _torch.check_device("cuda" if device is None else device)
        raise RuntimeError("cuda: clip_rs computes on the CPU alone")

    def half(self) -> NoReturn:
        """Refused: features are float32."""
        self._refuse_dtype("float16")

    def bfloat16(self) -> NoReturn:
        """Refused: features are float32."""
        self._refuse_dtype("bfloat16")

    def double(self) -> NoReturn:
        """Refused: features are float32."""
        self._refuse_dtype("float64")

    def _refuse_dtype(self, dtype: str) -> NoReturn:
        _torch.check_dtype(dtype)
        raise AssertionError(dtype)

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """Names and **shapes** of the parameters, to be counted: the numbers are NaN, except ``logit_scale``.

        The weights stay in the compiled part, in an order of its own; their file has them.
        """
        import numpy as np

        for name, shape in self.native._clip.parameters():
            value = self.native.logit_scale if name == "logit_scale" else math.nan
            torch = _torch.torch()
            if torch is None:
                parameter = np.broadcast_to(np.float32(value), shape)
            else:
                parameter = torch.tensor(value, dtype=torch.float32).expand(shape)
            yield f"{prefix}.{name}" if prefix else name, parameter

    def parameters(self, recurse: bool = True) -> Iterator[Tensor]:
        """Shapes of the parameters; see :meth:`named_parameters`."""
        return (parameter for _, parameter in self.named_parameters())

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"{type(self).__name__} of clip_rs has no `{name}`: layers, weights and their states stay in the "
            "compiled part\nhelp: read weights from their file; torch's own library runs layer by layer"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.native!r})"


def _is_dtype(value: object) -> bool:
    torch = _torch.torch()
    return torch is not None and isinstance(value, torch.dtype)


class Preprocess:
    """From a PIL image to the model's input: the reference's pixels, bit for bit.

    Also takes paths, bytes and ``uint8`` arrays ``[height, width, 3]``.
    """

    def __init__(self, native: NativePreprocess) -> None:
        self._native = native

    def __call__(self, image: _inputs.ImageLike) -> Tensor:
        """The input of an image, ``float32`` ``[3, size, size]``."""
        return _torch.tensor(self._native(image))

    def __repr__(self) -> str:
        return repr(self._native)
