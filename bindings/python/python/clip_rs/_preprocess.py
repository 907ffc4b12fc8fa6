"""How images become a model's input."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from . import _arrays, _clip_rs, _inputs
from ._inputs import ImageLike

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_SIZE = 16384


class Preprocess:
    """How images become a model's input: the reference's pixels, bit for bit.

    ``model.preprocess`` is the model's own; one's own is made of what differs from the reference. Called
    with an image it gives what torchvision's ``Compose([Resize, CenterCrop, ToTensor, Normalize])`` on the
    PIL image gives, as a NumPy array; it can be pickled and shared by threads, as loaders of data need.

    Parameters
    ----------
    size : int
        Side of the square that the model takes, px.
    resize : {"shortest", "longest", "squash"}
        Which side becomes ``size``: the shorter, the longer, or both whatever the aspect ratio.
    interpolation : {"bicubic", "bilinear", "lanczos", "hamming", "box", "nearest"}
        Pillow's filter of that name, with antialiasing.
    crop : {"center", "pad", "none"}, optional
        What makes a square of it: the middle, padding, or nothing; what goes with ``resize`` if none is
        given, in this order.
    crop_offset : {"even", "floor"}
        Where the middle is when an odd number of pixels is left over: as torchvision and open_clip round it,
        or as transformers does.
    fill : int
        What padding is made of, 0 to 255 in every channel.
    mean, std : sequence of three floats, optional
        Subtracted, and divided by, of values 0 to 1; CLIP's if none is given.
    exif_orientation : bool
        Whether to turn the image upright first. The reference does not.
    convert_first : bool
        Whether to convert to RGB before the resize, as transformers and many loaders do, rather than at the
        end: other pixels for images with a palette, with alpha, in CMYK or black and white.
    transparency : {"drop", "white"}
        Whether alpha is dropped at the end (the reference), or the image laid on white first (transformers
        from 5.21 on).
    fast_decode : bool
        Decode large JPEGs at a fraction of their size: faster, but other pixels than the reference's.
    max_pixels : int, optional
        Most pixels that an image may have, decoded here or given as pixels; Pillow's limit of 178,956,970 if
        none is given.

    Raises
    ------
    TypeError, ValueError
        An argument is of another kind, or has no such value.

    Examples
    --------
    >>> preprocess = clip_rs.Preprocess(size=224)
    >>> preprocess("photos/cat.jpg").shape, preprocess.pixels("photos/cat.jpg").shape
    ((3, 224, 224), (224, 224, 3))
    """

    def __init__(
        self,
        size: int = 224,
        *,
        resize: Literal["shortest", "longest", "squash"] = "shortest",
        interpolation: Literal["bicubic", "bilinear", "lanczos", "hamming", "box", "nearest"] = "bicubic",
        crop: Literal["center", "pad", "none"] | None = None,
        crop_offset: Literal["even", "floor"] = "even",
        fill: int = 0,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        exif_orientation: bool = False,
        convert_first: bool = False,
        transparency: Literal["drop", "white"] = "drop",
        fast_decode: bool = False,
        max_pixels: int | None = None,
    ) -> None:
        recipe = {
            "size": _between(size, 1, _MOST_SIZE, "size"),
            "resize": _word(resize, "resize"),
            "interpolation": _word(interpolation, "interpolation"),
            "crop": None if crop is None else _word(crop, "crop"),
            "crop_offset": _word(crop_offset, "crop_offset"),
            "fill": _between(fill, 0, 255, "fill"),
            "mean": None if mean is None else _channels(mean, "mean"),
            "std": None if std is None else _channels(std, "std"),
            "exif_orientation": _flag(exif_orientation, "exif_orientation"),
            "convert_first": _flag(convert_first, "convert_first"),
            "transparency": _word(transparency, "transparency"),
            "fast_decode": _flag(fast_decode, "fast_decode"),
        }
        if max_pixels is not None:
            max_pixels = _between(max_pixels, 1, 2**63 - 1, "max_pixels")
        self._native = _clip_rs.Preprocess(recipe, max_pixels)
        self._recipe: dict[str, Any] = json.loads(self._native.recipe)

    @property
    def recipe(self) -> dict[str, Any]:
        """The arguments that make it, without those that need not be given: ``Preprocess(**recipe)``."""
        return dict(self._recipe)

    @property
    def size(self) -> int:
        """Side of the square that the model takes, px."""
        return int(self._recipe["size"])

    @property
    def max_pixels(self) -> int:
        """Most pixels that an image may have."""
        return self._native.max_pixels

    def __call__(self, image: ImageLike) -> NDArray[np.float32]:
        """The model's input of an image.

        Parameters
        ----------
        image : path, bytes, PIL image or uint8 array
            As :meth:`Model.encode_image` takes it.

        Returns
        -------
        numpy.ndarray
            ``float32``, ``[3, size, size]``. With ``crop="none"`` after another resize than ``"squash"`` the
            sides are what the resize makes of them.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ImageError
            It is no image, or broken, or has more pixels than the limit.
        """
        return self._native.input(_inputs.native_image(image, "image", self))

    def pixels(self, image: ImageLike) -> NDArray[np.uint8]:
        """The RGB pixels that the model sees.

        Parameters
        ----------
        image : image
            As :meth:`Model.encode_image` takes it; of a preprocessed one its pixels again.

        Returns
        -------
        numpy.ndarray
            ``uint8``, ``[size, size, 3]``.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ImageError
            It is no image, or broken, or has more pixels than the limit.
        """
        if not _arrays.is_preprocessed(image):
            return self._native.pixels(_inputs.native_image(image, "image", self))
        import numpy as np

        mean, std = (np.array(self._recipe[name], np.float32)[:, None, None] for name in ("mean", "std"))
        colors = _arrays.preprocessed_one(image, self.size, "image") * std + mean  # 0 to 1
        pixels: NDArray[np.uint8] = np.rint(colors.clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)
        return pixels

    def check_size(self, size: tuple[int, int], argument: str) -> None:
        """Raise :class:`ImageError` for an image without pixels, or with more than the limit.

        Parameters
        ----------
        size : tuple of int
            Width and height.
        argument : str
            What the error calls the image.
        """
        width, height = size
        if width < 1 or height < 1:
            raise _clip_rs.ImageError(f"{argument}: an image of {width} x {height} pixels has none")
        if width * height > self.max_pixels:
            raise _clip_rs.ImageError(
                f"{argument}: {width} x {height} is more than {self.max_pixels} pixels\n"
                "help: if it is to be trusted, raise the limit, `max_pixels`"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Preprocess):
            return NotImplemented
        return self._recipe == other._recipe and self.max_pixels == other.max_pixels

    def __hash__(self) -> int:
        return hash((self._native.recipe, self.max_pixels))

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self._recipe, self.max_pixels)

    def __repr__(self) -> str:
        return f"Preprocess({', '.join(f'{name}={value!r}' for name, value in self._recipe.items())})"


def _again(recipe: dict[str, Any], max_pixels: int) -> Preprocess:
    return Preprocess(**recipe, max_pixels=max_pixels)


def _between(value: object, least: int, most: int, argument: str) -> int:
    number = _inputs.whole_number(value, argument)
    if not least <= number <= most:
        raise ValueError(f"{argument}: {number} is no whole number from {least} to {most}")
    return number


def _word(value: object, argument: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{argument}: {type(value).__name__} is no word; a str is needed")
    return str(value)


def _flag(value: object, argument: str) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{argument}: {type(value).__name__} is neither True nor False")
    return value


def _channels(values: Sequence[float], argument: str) -> list[float]:
    try:
        channels = [float(value) for value in values]
    except (TypeError, ValueError):
        raise TypeError(f"{argument}: three numbers are needed, of red, green and blue") from None
    if len(channels) != 3 or not all(map(math.isfinite, channels)):
        raise ValueError(f"{argument}: {channels} are not three numbers, of red, green and blue")
    if argument == "std" and min(channels) <= 0:
        raise ValueError(f"{argument}: {channels} are not all above 0")
    return channels
