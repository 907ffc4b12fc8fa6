"""What terminals and notebooks show: within the width, escaped, the pixels that the model saw."""

from __future__ import annotations

import base64
import io
import pickle
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import clip_rs
from clip_rs import _columns, _display

PHOTOS = Path(__file__).parents[3] / "photos"
HOSTILE = '<script>alert("1")</script>&amp;\n\x1b[31m\u202e'


class Tags(HTMLParser):
    """Names of tags and attributes; every tag is closed by its own."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_page(page: str) -> None:
    tags = Tags(page)
    assert "script" not in tags.names
    assert not any(name.startswith("on") for name in tags.attributes)
    assert not re.search(r"https?:|url\(|@import", page)
    assert "\x1b" not in page and "\u202e" not in page


@pytest.fixture(scope="module")
def model() -> clip_rs.Model:
    return clip_rs.load()


def test_a_classification_fits_the_terminal(model: clip_rs.Model) -> None:
    labels = ["a cat", HOSTILE, "写真の猫" * 12, "a very long label " * 20, "ne\u0301e"]
    scores = model.classify(PHOTOS / "cat.jpg", labels, truncate=True)
    lines = repr(scores).split("\n")
    assert len(lines) == len(labels)
    assert lines[0].startswith("a cat ") and re.search(r"  \d+\.\d %  \+0\.\d{4}$", lines[0])
    assert {_columns.width(line) for line in lines} == {_columns.WIDTH}
    several = model.classify([PHOTOS / "cat.jpg", PHOTOS / "dog.jpg"], labels, truncate=True)
    lines = repr(several).split("\n")
    assert len(lines) == 2 and all(_columns.width(line) <= _columns.WIDTH for line in lines)
    assert lines[0].startswith("0  a cat")


def test_a_classification_as_html(model: clip_rs.Model) -> None:
    labels = ["a cat", HOSTILE, *(f"thing {number}" for number in range(20))]
    page = model.classify(PHOTOS / "cat.jpg", labels, truncate=True)._repr_html_()
    check_page(page)
    assert "a cat" in page and "and 12 more labels" in page
    several = model.classify([PHOTOS / "cat.jpg"] * 30, [HOSTILE, "a cat"], truncate=True)._repr_html_()
    check_page(several)
    assert several.count("<img") == 24 and "and 6 more images" in several
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;\\n\\x1b[31m\\u202e" in several
    check_page(model._repr_html_())
    assert "surveillance and face recognition" in model._repr_html_()


def test_the_image_shown_is_what_the_model_saw(model: clip_rs.Model) -> None:
    pillow = pytest.importorskip("PIL.Image")
    data = (PHOTOS / "coffee.jpg").read_bytes()
    pixels = model.preprocess.pixels(PHOTOS / "coffee.jpg")
    decoded = pillow.open(PHOTOS / "coffee.jpg")
    for image in (data, decoded, model.preprocess(data), np.asarray(decoded.convert("RGB"))):
        assert np.array_equal(model.classify(image, ["coffee", "tea"]).pixels(), pixels)
    found = re.search(r'base64,([^"]+)', _display.picture(pixels, 1000))
    assert found is not None
    shown = pillow.open(io.BytesIO(base64.b64decode(found[1])))
    assert np.array_equal(np.asarray(shown), pixels)
    found = re.search(r'base64,([^"]+)', _display.picture(pixels, 112))
    assert found is not None
    shown = np.asarray(pillow.open(io.BytesIO(base64.b64decode(found[1]))))
    assert shown.shape == (112, 112, 3)
    assert abs(shown.astype(float).mean() - pixels.mean()) < 0.5


def test_what_is_gone_is_not_shown(model: clip_rs.Model, tmp_path: Path) -> None:
    photo = tmp_path / "cat.jpg"
    photo.write_bytes((PHOTOS / "cat.jpg").read_bytes())
    scores = model.classify(photo, ["a cat", "a dog"])
    photo.unlink()
    assert scores.pixels() is None and "<img" not in scores._repr_html_()
    again = pickle.loads(pickle.dumps(scores))
    assert again == scores and again.pixels() is None
    assert hash(again) == hash(scores)


def test_widths() -> None:
    assert _columns.cell("abc", 5) == "abc  "
    assert _columns.cell("abcdef", 4) == "abc…"
    assert _columns.cell("猫猫猫", 4) == "猫… "
    assert _columns.width("e\u0301") == 1
    assert _columns.shown("a\tb\u202e\ud800") == "a\\tb\\u202e\\ud800"
    shares = (0, 0.0004, 0.0006, 0.9996, 1)
    assert [_columns.percent(share) for share in shares] == ["0.0 %", "<0.1 %", "0.1 %", "100.0 %", "100.0 %"]


def test_a_result_as_html() -> None:
    share = {"unit": "share", "level": 0.95, "method": "Clopper-Pearson", "over": "images"}
    record = {
        "model": HOSTILE, "task": "zeroshot_classification", "dataset": "mine", "split": "all",
        "score": {"name": HOSTILE, "value": 0.75, "low": 0.25, "high": 1.0, **share},
        "figures": [{"name": "loss", "value": None, "unit": "number", "note": HOSTILE}],
        "counts": {"expected": None, "found": 12, "scored": 11, "skipped": 1}, "notes": [HOSTILE],
    }
    page = clip_rs.Result(record, [])._repr_html_()
    check_page(page)
    assert "75.0 %" in page and "25.0 % to 100.0 %" in page and "11 of 12 items scored, 1 left out" in page
    # The axis is 300 px from 220: the interval's ends and the value are where they should be.
    assert 'x1="295.0" x2="520.0"' in page and 'cx="445.0"' in page
