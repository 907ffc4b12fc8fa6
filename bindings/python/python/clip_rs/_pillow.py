"""PIL images as the compiled part takes them: their mode decides how they are resized.

Modes that image files have are handed over as they are. What only programs make (``HSV``, ``PA``,
``RGBa``, ...) is resized, cropped and converted here by Pillow itself, by the same recipe, and
arrives as finished RGB pixels, which the recipe leaves as they are.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from ._clip_rs import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image

    from ._clip_rs import _Image, _Pixels
    from ._preprocess import Preprocess

# Modes whose bytes the compiled part takes as `tobytes` gives them, `1` as `L`.
_PLAIN = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I;16B", "I", "F")
# Those in which one value may be transparent, as Pillow obeys it.
_VALUE_TRANSPARENT = ("1", "L", "P", "I", "I;16")
_EXIF_ORIENTATION = 0x0112


def native_pil(image: Image, argument: str, preprocess: Preprocess) -> _Image:
    """A PIL image as the compiled part takes it; a file that is open only is read now.

    Raises
    ------
    ImageError
        The file behind it is broken, it has no or too many pixels, or Pillow cannot convert it.
    """
    preprocess.check_size(image.size, argument)
    try:
        image.load()  # may change mode and palette
        return (argument, _pixels(image, argument, preprocess))
    except ImageError:
        raise
    except Exception as error:  # decoders raise whatever they like
        raise ImageError(f"{argument}: Pillow cannot read the image of mode {image.mode}: {error}") from error


def _pixels(image: Image, argument: str, preprocess: Preprocess) -> _Pixels:
    recipe = preprocess.recipe
    transparency = None
    if recipe.get("transparency") == "white":
        transparency = image.info.get("transparency")
    if image.mode not in _PLAIN or not _is_known(transparency, image.mode):
        image, transparency = _finished(image, argument, preprocess), None
    return {
        "mode": image.mode,
        "width": image.width,
        "height": image.height,
        "data": image.tobytes("raw", "L") if image.mode == "1" else image.tobytes(),
        "palette": bytes(image.getpalette("RGB") or ()) if image.mode == "P" else None,
        "transparency": transparency,
        "orientation": _orientation(image) if recipe["exif_orientation"] else 1,
    }


def _is_known(transparency: Any, mode: str) -> bool:
    """Whether the compiled part does with it what Pillow does."""
    if transparency is None or mode in ("LA", "RGBA"):
        return True
    if isinstance(transparency, bytes):
        return mode == "P"
    if isinstance(transparency, int):
        return mode in _VALUE_TRANSPARENT and 0 <= transparency < 65536
    return mode == "RGB" and isinstance(transparency, tuple) and len(transparency) == 3


def _orientation(image: Image) -> int:
    orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    return orientation if orientation in range(1, 9) else 1


def _finished(image: Image, argument: str, preprocess: Preprocess) -> Image:
    """What the recipe makes of an image, by Pillow alone: RGB, resized and cropped, not turned any more.

    Source: torchvision's Resize and CenterCrop, open_clip's padding, on Pillow's images; protocol 1.8.
    """
    from PIL import ImageOps
    from PIL.Image import Resampling

    recipe = preprocess.recipe
    if recipe["exif_orientation"]:
        image = ImageOps.exif_transpose(image)
    if recipe.get("transparency") == "white":
        image = _on_white(image)
    if recipe["convert_first"]:
        image = image.convert("RGB")
    resized, box = preprocess._native.layout(*image.size)
    preprocess.check_size(resized, f"{argument}, resized")
    image = image.resize(resized, Resampling[recipe["interpolation"].upper()]).crop(box)
    size = recipe["size"]
    if recipe["crop"] != "none" and image.size != (size, size):
        rest = (size - image.width, size - image.height)
        border = (rest[0] // 2, rest[1] // 2, (rest[0] + 1) // 2, (rest[1] + 1) // 2)
        bands = len(image.getbands())
        image = ImageOps.expand(image, border, (recipe["fill"],) * bands if bands > 1 else recipe["fill"])
    image = image.convert("RGB")
    image.info.clear()
    return image


def _on_white(image: Image) -> Image:
    """Source: transformers 5.21 and later; protocol 1.8.6."""
    from PIL import Image as images

    if "A" not in image.getbands() and image.info.get("transparency") is None:
        return image
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = image.convert("RGBA")
    white = images.new("RGBA", image.size, (255, 255, 255, 255))
    return images.alpha_composite(white, image).convert("RGB")
