"""Images that are none: an exception of Python that names the argument and says the way out, never a panic."""

from __future__ import annotations

import array
import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import clip_rs

ROOT = Path(__file__).resolve().parents[3]
BAD = ROOT / "crates/clip-image/tests/data/bad"
GREY = np.zeros((9, 8), np.uint8)
RGB = np.zeros((9, 8, 3), np.uint8)
INPUT = np.zeros((3, 224, 224), np.float32)


class Unreadable:
    """A tensor of another device."""

    dtype = "uint8"

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("it lies on the moon")


class Brain:
    """A tensor of a type that NumPy has not."""

    dtype = "torch.bfloat16"

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("unsupported")


class BytesPath:
    def __fspath__(self) -> bytes:
        return b"/nowhere/\xff.png"


# One image, the exception, and what its message says after the argument.
ONE: list[tuple[Any, type[Exception], str]] = [
    (None, TypeError, "NoneType is no image"),
    (3, TypeError, "int is no image"),
    ([RGB], TypeError, "list is no image(.|\n)*encode_images"),
    ({}, TypeError, "dict is no image"),
    (io.BytesIO(b"x"), TypeError, r"BytesIO is no image(.|\n)*\.read\(\)"),
    (array.array("B", b"xx"), TypeError, "array is no image"),
    (Image, TypeError, "module is no image"),
    (Unreadable(), ValueError, "Unreadable is no array.*moon"),
    (Brain(), TypeError, r"torch.bfloat16(.|\n)*\.float\(\)"),
    (np.ma.masked_array(RGB), TypeError, "masked"),
    (RGB.astype("int64"), TypeError, "an array of int64; pixels are uint8"),
    (RGB.astype("int8"), TypeError, "an array of int8"),
    (RGB.astype(bool), TypeError, "an array of bool"),
    (RGB.astype(complex), TypeError, "an array of complex128"),
    (RGB.astype(object), TypeError, "an array of object"),
    (RGB.astype(">u2"), TypeError, "an array of uint16 in the other byte order"),
    (GREY, ValueError, r"shape \[9, 8\](.|\n)*fromarray"),
    (GREY[..., None], ValueError, r"shape \[9, 8, 1\](.|\n)*fromarray"),
    (np.zeros((9, 8, 4), np.uint8), ValueError, r"shape \[9, 8, 4\](.|\n)*fromarray"),
    (np.zeros((3, 9, 8), np.uint8), ValueError, r"shape \[3, 9, 8\](.|\n)*transpose\(1, 2, 0\)"),
    (RGB[None], ValueError, r"shape \[1, 9, 8, 3\](.|\n)*encode_images"),
    (RGB[:0], ValueError, r"shape \[0, 8, 3\]"),
    (np.uint8(3), ValueError, r"shape \[\]"),
    (INPUT.astype("float64"), TypeError, r'float64(.|\n)*astype\("float32"\)'),
    (INPUT.astype("float16"), TypeError, "float16"),
    (INPUT.astype(">f4"), TypeError, "float32 in the other byte order"),
    (INPUT[:, :223], ValueError, r"shape \[3, 223, 224\]; preprocessed images are \[3, 224, 224\]"),
    (INPUT.transpose(1, 2, 0), ValueError, r"shape \[224, 224, 3\]"),
    (INPUT[None], ValueError, r"shape \[1, 3, 224, 224\](.|\n)*encode_images"),
    (INPUT * np.float32("nan"), ValueError, "not finite"),
    (INPUT + np.float32("inf"), ValueError, "not finite"),
    (INPUT - np.float32("inf"), ValueError, "not finite"),
    (b"", clip_rs.ImageError, "empty"),
    (b"photos/cat.jpg", clip_rs.ImageError, "not an image of a known format"),
    (bytearray(b"<html>"), clip_rs.ImageError, "known format(.|\n)*web page"),
    (memoryview(b"abc"), clip_rs.ImageError, "known format"),
    (Image.new("RGB", (0, 5)), clip_rs.ImageError, "0 x 5 pixels has none"),
    (Image.new("La", (5, 5)), clip_rs.ImageError, "mode La: conversion"),
]


@pytest.mark.parametrize("image, exception, message", ONE, ids=[str(place) for place in range(len(ONE))])
def test_one_image(starter: clip_rs.Model, image: Any, exception: type[Exception], message: str) -> None:
    calls: list[tuple[str, Any]] = [("image", starter.encode_image)]
    if not isinstance(image, (np.ndarray, Brain)) or "float" not in str(image.dtype):
        calls += [("image", starter.preprocess), ("image", starter.preprocess.pixels)]
    good = INPUT if "float" in str(getattr(image, "dtype", "")) or getattr(image, "dtype", 0) == ">f4" else RGB
    calls.append((r"images\[1\]", lambda image: starter.encode_images([good, image])))
    for name, call in calls:
        said = message if call == starter.encode_image else message.split("(.|")[0]
        with pytest.raises(exception, match=f"^{name}: .*{said}" if exception is not OSError else said) as caught:
            call(image)
        if exception is clip_rs.ImageError:
            assert hasattr(caught.value, "path") and hasattr(caught.value, "help")


SEVERAL: list[tuple[Any, type[Exception], str]] = [
    ([], ValueError, "there is none"),
    ((), ValueError, "there is none"),
    (iter([]), ValueError, "there is none"),
    (np.zeros((0, 3, 224, 224), np.float32), ValueError, "there is none"),
    (np.zeros((0, 9, 8, 3), np.uint8), ValueError, "there is none"),
    (None, TypeError, "NoneType is no list of images"),
    (7, TypeError, "int is no list of images"),
    ("photos/cat.jpg", TypeError, "one image; several are a list"),
    (Path("photos/cat.jpg"), TypeError, "one image"),
    (b"bytes", TypeError, "one image"),
    (Image.new("RGB", (5, 5)), TypeError, "one image"),
    ({"a": "photos/cat.jpg"}, TypeError, "a dict is no list"),
    ({"photos/cat.jpg"}, TypeError, "a set is no list"),
    (RGB, ValueError, r"shape \[9, 8, 3\].*encode_image"),
    (np.uint8(3), ValueError, r"shape \[\]"),
    (INPUT, ValueError, r"shape \[3, 224, 224\](.|\n)*encode_image"),
    (INPUT.astype("float64")[None], TypeError, "float64"),
    (np.ma.masked_array(INPUT[None]), TypeError, "masked"),
]


@pytest.mark.parametrize("images, exception, message", SEVERAL, ids=[str(place) for place in range(len(SEVERAL))])
def test_several_images(starter: clip_rs.Model, images: Any, exception: type[Exception], message: str) -> None:
    with pytest.raises(exception, match=f"^images: .*{message}"):
        starter.encode_images(images)


def test_lists_of_two_kinds(starter: clip_rs.Model) -> None:
    for images in ([INPUT, RGB], [RGB, INPUT], [RGB, None, INPUT]):
        with pytest.raises(TypeError, match=r"^images\[1\]: "):
            starter.encode_images(images, on_error="skip")  # what is no image is never skipped
    with pytest.raises(ValueError, match=r"^images\[1\]: .*not finite"):
        starter.encode_images(np.stack([INPUT, INPUT * np.float32("nan")]))
    with pytest.raises(ValueError, match="^on_error: "):
        starter.encode_images([RGB], on_error="ignore")  # type: ignore[call-overload]


def test_files_that_are_none(starter: clip_rs.Model, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere.png"):
        starter.encode_image(tmp_path / "nowhere.png")
    with pytest.raises(FileNotFoundError):
        starter.encode_image(BytesPath())  # type: ignore[arg-type]
    for path in ("", "a\0b", "\udcff.png", str(tmp_path), "x" * 5000):
        with pytest.raises((OSError, clip_rs.ImageError)):
            starter.encode_image(path)


def test_skipped_images_are_listed(starter: clip_rs.Model, photos: Path, tmp_path: Path) -> None:
    good = (photos / "cat.jpg").read_bytes()
    broken = Image.open(io.BytesIO(good[:3000]))
    images = [b"bad", RGB, broken, tmp_path / "none.png", good, Image.new("La", (5, 5)), Image.new("RGB", (9, 9))]
    encoded = starter.encode_images(images, on_error="skip")
    assert encoded.indices.tolist() == [1, 4, 6] and encoded.features.shape == (3, starter.embed_dim)
    assert [skip.index for skip in encoded.skipped] == [0, 2, 3, 5]
    assert [skip.input for skip in encoded.skipped] == ["images[0]", "images[2]", str(images[3]), "images[5]"]
    assert [skip.stage for skip in encoded.skipped] == ["decode", "decode", "read", "decode"]
    assert all(skip.reason for skip in encoded.skipped)
    none = starter.encode_images([b"bad", Image.new("La", (5, 5))], on_error="skip")
    assert none.features.shape == (0, starter.embed_dim) and len(none.skipped) == 2


RECIPES: list[tuple[str, Any, type[Exception]]] = [
    ("size", 0, ValueError), ("size", -1, ValueError), ("size", 2**70, ValueError), ("size", "224", TypeError),
    ("size", 224.0, TypeError), ("size", (224, 224), TypeError), ("size", True, TypeError), ("size", None, TypeError),
    ("resize", "crop", ValueError), ("resize", None, TypeError), ("interpolation", "cubic", ValueError),
    ("interpolation", 3, TypeError), ("crop", "middle", ValueError), ("crop_offset", "odd", ValueError),
    ("fill", 256, ValueError), ("fill", -1, ValueError), ("fill", 0.5, TypeError), ("mean", 0.5, TypeError),
    ("mean", (1, 2), ValueError), ("mean", ("a", "b", "c"), TypeError), ("mean", (1, 2, float("nan")), ValueError),
    ("std", (1, 1, 0), ValueError), ("std", (1, 1, -1), ValueError), ("exif_orientation", "apply", TypeError),
    ("convert_first", 1, TypeError), ("transparency", "black", ValueError), ("fast_decode", None, TypeError),
    ("max_pixels", 0, ValueError), ("max_pixels", "many", TypeError),
]


@pytest.mark.parametrize("name, value, exception", RECIPES)
def test_recipes(name: str, value: Any, exception: type[Exception]) -> None:
    with pytest.raises(exception, match=f"^{name}: "):
        clip_rs.Preprocess(**{name: value})


def test_broken_files_raise_no_panic() -> None:
    preprocess = clip_rs.Preprocess(8)
    files = [path for path in BAD.iterdir() if path.suffix != ".json"]
    assert len(files) > 30
    draw = random.Random(3)
    for path in files + sorted((BAD.parent / "images").iterdir()):
        data = bytearray(path.read_bytes())
        for _ in range(6):
            for given in (bytes(data), path):
                try:
                    assert preprocess(given).shape == (3, 8, 8)
                except clip_rs.ImageError as error:
                    assert str(error).startswith("image: " if given is not path else str(path)), error
            for _ in range(3):
                if data:
                    data[draw.randrange(len(data))] = draw.randrange(256)


def test_arrays_drawn_at_random_raise_no_panic(starter: clip_rs.Model) -> None:
    draw = random.Random(4)
    types = ["u1", "i1", "?", ">u2", "i8", "f2", "f4", ">f4", "f8", "c8", "O", "U3", "S2", "M8[s]", "V4"]
    for _ in range(300):
        shape = [draw.choice([0, 1, 2, 3, 4, 224]) for _ in range(draw.randrange(4))]
        value = np.zeros(shape, draw.choice(types))
        for call, name in ((starter.encode_image, "image"), (starter.encode_images, "images")):
            try:
                call(value)
            except (TypeError, ValueError) as error:
                assert str(error).startswith(name) or "S2" in value.dtype.str or "U3" in value.dtype.str, error
            except OSError:
                assert value.dtype.kind == "U"  # paths
