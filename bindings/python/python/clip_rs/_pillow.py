"""Pixels of PIL images, in the mode that Pillow has them in: the mode decides how they are resized."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

    from ._clip_rs import _Image

# Modes whose bytes the compiled part takes as `tobytes` gives them.
_PLAIN = ("L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I;16B", "I", "F")
_EXIF_ORIENTATION = 0x0112


def native_pil(image: Image, argument: str) -> _Image:
    """A PIL image as the compiled part takes it."""
    width, height = image.size
    mode = image.mode
    if mode == "1":
        pixels = image.tobytes("raw", "L")
    elif mode in _PLAIN:
        pixels = image.tobytes()
    else:
        raise ValueError(f"{argument}: a PIL image of mode {mode}; convert it first: `.convert('RGB')`")
    palette = bytes(image.getpalette("RGB") or ()) if mode == "P" else None
    orientation = int(image.getexif().get(_EXIF_ORIENTATION, 1))
    return (argument, mode, width, height, pixels, palette, orientation if 1 <= orientation <= 8 else 1)
