"""HTML for notebooks: all of it is made here.

Self-contained (no script, nothing from a network), and readable on light and dark pages alike: text has the
page's colour, bars and lines one that shows on both, and without any styles a table of figures is left.
Whatever comes from outside is escaped.
"""

from __future__ import annotations

import base64
import html
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ._columns import percent, shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._classification import Classification, LabelScore

# Labels of one image that are shown, of one among several, and images.
_LABELS, _LABELS_EACH, _IMAGES = 10, 3, 24
# Sides of the images shown, px at most.
_SIDE, _SIDE_EACH = 128, 64

# `@` is three times the class, to come before what notebooks say of all tables.
_STYLE = """<style>
@ { font-variant-numeric: tabular-nums; max-width: 100%; overflow-x: auto; }
@ table { border-collapse: collapse; margin: 0; border: none; font-size: inherit; color: inherit; }
@ td, @ th { padding: 2px 10px 2px 0; border: none; text-align: left; vertical-align: middle;
  background: none; color: inherit; font-weight: normal; max-width: 40em; overflow-wrap: break-word;
  white-space: normal; }
@ tr { background: none; }
@ th { opacity: .7; }
@ .number { text-align: right; white-space: nowrap; min-width: 5.5em; }
@ .note { opacity: .75; font-size: 90%; margin: 4px 0 0; }
@ .bar { background: rgba(127, 127, 127, .18); width: 12em; height: .7em; }
@ .bar div { background: #3a87d0; height: 100%; }
@ img { border-radius: 3px; margin: 0; display: block; max-width: none; }
</style>""".replace("@", 3 * ".clip-rs")


def escaped(text: object) -> str:
    """Text for a page: no markup, no control characters."""
    return html.escape(shown(str(text)))


def block(*parts: str) -> str:
    """An output: its parts with the styles."""
    return f'{_STYLE}<div class="clip-rs">{"".join(parts)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """A table of cells that are HTML; ``numbers`` are the columns set to the right; ``head`` may be empty."""
    right = set(numbers)

    def line(tag: str, cells: Sequence[str]) -> str:
        kinds = (' class="number"' if place in right else "" for place in range(len(cells)))
        return "".join(f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))

    top = f"<thead><tr>{line('th', head)}</tr></thead>" if head else ""
    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return f"<table>{top}<tbody>{body}</tbody></table>"


def note(text: str) -> str:
    """A sentence below; plain text."""
    return f'<p class="note">{escaped(text)}</p>'


def bar(share: float) -> str:
    """A bar of a share of 1."""
    return f'<div class="bar"><div style="width: {100 * share:.1f}%"></div></div>'


def picture(pixels: NDArray[np.uint8], side: int) -> str:
    """Pixels as an inline image, made smaller by a whole number until it is ``side`` or less."""
    import numpy as np

    height, width, _ = pixels.shape
    factor = -(-max(height, width) // side)
    height, width = height // factor, width // factor
    blocks = pixels[: height * factor, : width * factor].reshape(height, factor, width, factor, 3)
    small = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    data = base64.b64encode(png(small)).decode()
    return f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" alt="">'


def png(pixels: NDArray[np.uint8]) -> bytes:
    """RGB pixels ``[height, width, 3]`` as a PNG file."""
    import numpy as np

    height, width, _ = pixels.shape
    rows = pixels.reshape(height, width * 3)
    # Each byte as the difference to the pixel above it (filter 2), which compresses better.
    above = np.vstack([np.zeros((1, width * 3), np.uint8), rows[:-1]])
    filtered = np.hstack([np.full((height, 1), 2, np.uint8), rows - above])

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(filtered.tobytes(), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _scores(scores: Sequence[LabelScore], head: bool = True) -> str:
    rows = [
        [escaped(label), bar(probability), escaped(percent(probability)), f"{cosine:+.4f}"]
        for label, probability, cosine in scores
    ]
    return table(["label", "", "probability", "cosine"] if head else [], rows, numbers=(2, 3))


def _rest(shown_: int, all_: int, what: str) -> list[str]:
    return [note(f"… and {all_ - shown_:,} more {what}")] if all_ > shown_ else []


def classification(scores: Classification) -> str:
    """One image: the pixels that the model saw, and its labels with bars."""
    pixels = scores.pixels()
    image = "" if pixels is None else picture(pixels, _SIDE)
    best = _scores(scores[:_LABELS]) + "".join(_rest(_LABELS, len(scores), "labels"))
    return block(table([], [[image, best]]) if image else best, note(_OF_THESE))


def classifications(found: Sequence[Classification]) -> str:
    """Several images: a row each, with the best labels."""
    rows = []
    for place, scores in enumerate(found[:_IMAGES]):
        pixels = scores.pixels()
        image = "" if pixels is None else picture(pixels, _SIDE_EACH)
        rows.append([str(place), image, _scores(scores[:_LABELS_EACH], head=place == 0)])
    return block(table([], rows, numbers=(0,)), *_rest(_IMAGES, len(found), "images"), note(_OF_THESE))


_OF_THESE = "Probabilities are over these labels alone: which fits best, not whether one is true."


def model(facts: Sequence[tuple[str, object]], limits: str) -> str:
    """A model: what it is, and what it is not for."""
    return block(table([], [[escaped(name), escaped(value)] for name, value in facts]), note(limits))
