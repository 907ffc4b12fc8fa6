"""Pixels: the golden data of the reference, and PIL images of every mode as Pillow gives them to it."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import pickle
import tracemalloc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from PIL import Image, ImageOps

import clip_rs
from clip_rs import _inputs

ROOT = Path(__file__).resolve().parents[3]
SMALL = ROOT / "crates/clip-image/tests/data"
MODES = "1 L LA La P PA RGB RGBA RGBX RGBa CMYK YCbCr LAB HSV I F I;16 I;16L I;16B I;16N".split()
SIZES = [(1, 1), (1, 40), (57, 33), (64, 64), (90, 65)]
RNG = np.random.default_rng(7)


def preprocess_of(recipe: dict[str, Any]) -> clip_rs.Preprocess:
    """A recipe of the golden data."""
    names = ("size", "resize", "interpolation", "crop", "mean", "std", "convert_first")
    same = {name: recipe[name] for name in names}
    return clip_rs.Preprocess(fill=recipe["fill"] or 0, exif_orientation=recipe["exif"] == "apply", **same)


def differences(folder: Path, cases: list[dict[str, Any]], kind: str) -> Iterator[str]:
    """The cases whose pixels or tensors are not the reference's, bit for bit."""
    for case in cases:
        path = folder / case["file"]
        with Image.open(path) as image:
            given: Any = {"path": path, "bytes": path.read_bytes(), "PIL": image}.get(kind)
            if kind == "array":
                if image.mode != "RGB" or case["recipe"]["exif"] == "apply":
                    continue
                given = np.asarray(image)
            preprocess = preprocess_of(case["recipe"])
            pixels, tensor = preprocess.pixels(given), preprocess(given)
        expect = case["expect"]
        assert pixels.dtype == np.uint8 and tensor.dtype == np.float32
        if list(pixels.shape) != expect["shape"]:
            yield f"{case['id']} {case['file']}: shape {pixels.shape}"
        elif hashlib.sha256(pixels.tobytes()).hexdigest() != expect["rgb_sha256"]:
            yield f"{case['id']} {case['file']}: pixels"
        elif hashlib.sha256(tensor.astype("<f4").tobytes()).hexdigest() != expect["tensor_f32le_chw_sha256"]:
            yield f"{case['id']} {case['file']}: tensor"


def check_golden(folder: Path, kind: str, count: int) -> None:
    if kind in ("PIL", "array") and PIL.__version__.split(".")[0] != "13":
        pytest.skip(f"Pillow {PIL.__version__} decodes here; the golden data are Pillow 13's")
    cases = json.loads((folder / "manifest.json").read_text())["cases"]
    assert len(cases) == count
    assert not list(differences(folder, cases, kind))


@pytest.mark.parametrize("kind", ["path", "bytes", "PIL", "array"])
def test_golden_pixels(kind: str) -> None:
    check_golden(SMALL, kind, 72)


@pytest.mark.parametrize("kind", ["path", "PIL", "array"])
def test_all_golden_pixels(kind: str, shared: Path) -> None:
    check_golden(shared / "golden/preprocess", kind, 420)


def reference(image: Image.Image, size: int, *, convert_first: bool = False, white: bool = False) -> np.ndarray:
    """Torchvision's Resize (bicubic) and CenterCrop on a PIL image, RGB last, as openai/CLIP composes them."""
    if white and ("A" in image.getbands() or image.info.get("transparency") is not None):
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, image).convert("RGB")
    if convert_first:
        image = image.convert("RGB")
    width, height = image.size
    long = int(size * max(width, height) / min(width, height))
    resized = image.resize((size, long) if width <= height else (long, size), Image.Resampling.BICUBIC)
    left, top = (int(round((side - size) / 2.0)) for side in resized.size)
    return np.asarray(resized.crop((left, top, left + size, top + size)).convert("RGB"))


def noise(mode: str, size: tuple[int, int]) -> Image.Image:
    """An image of a mode, of random bytes."""
    width, height = size
    if mode == "F":
        return Image.fromarray(RNG.normal(128, 200, (height, width)).astype("float32"))
    if mode == "I":
        return Image.fromarray(RNG.integers(-300, 600, (height, width)).astype("int32"))
    if mode.startswith("I;16"):
        values = RNG.integers(0, 600, (height, width)).astype(">u2" if mode == "I;16B" else "<u2")
        return Image.frombytes(mode, size, values.tobytes())
    channels = Image.new(mode, (1, 1)).tobytes()
    length = (width + 7) // 8 * height if mode == "1" else len(channels) * width * height
    image = Image.frombytes(mode, size, RNG.bytes(length))
    if mode in ("P", "PA"):
        image.putpalette(RNG.bytes(3 * 200))
    return image


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_pillows(mode: str) -> None:
    options: list[dict[str, Any]] = [{}, {"convert_first": True}, {"white": True}]
    for size in SIZES:
        for option in options:
            image = noise(mode, size)
            recipe = {"convert_first": option.get("convert_first", False)}
            preprocess = clip_rs.Preprocess(64, transparency="white" if "white" in option else "drop", **recipe)
            try:
                expected = reference(image, 64, **option)
            except ValueError as error:  # Pillow cannot convert it
                with pytest.raises(clip_rs.ImageError, match=f"^image: .*mode {mode}: {error}"):
                    preprocess.pixels(image)
                continue
            assert np.array_equal(preprocess.pixels(image), expected), (mode, size, option)


@pytest.mark.parametrize("rawmode", ["RGB", "RGBA", "BGR", "RGBX", "BGRX"])
def test_palettes_in_every_form(rawmode: str) -> None:
    for entries in (0, 1, 3, 200, 256):
        image = Image.frombytes("P", (57, 33), RNG.bytes(57 * 33))
        image.putpalette(RNG.bytes(entries * len(rawmode)), rawmode)
        for option in ({}, {"convert_first": True}, {"white": True}):
            preprocess = clip_rs.Preprocess(
                64,
                transparency="white" if "white" in option else "drop",
                convert_first="convert_first" in option,
            )
            assert np.array_equal(preprocess.pixels(image), reference(image, 64, **option)), (entries, option)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_transparency_on_white() -> None:
    given = [
        ("P", 7), ("P", bytes(range(0, 250, 3))), ("L", 9), ("1", 255), ("1", 0), ("I", 44), ("I;16", 300),
        ("RGB", (3, 2, 1)), ("F", 9), ("CMYK", 9), ("LA", 9), ("RGBA", (1, 2, 3)), ("I;16B", 300), ("PA", 9),
        ("HSV", (1, 2, 3)), ("LAB", 9), ("RGBX", 5),
    ]
    preprocess = clip_rs.Preprocess(64, transparency="white")
    for mode, transparency in given:
        image = noise(mode, (57, 33))
        image.info["transparency"] = transparency
        try:
            expected = reference(image, 64, white=True)
        except (TypeError, ValueError):
            with pytest.raises(clip_rs.ImageError):
                preprocess.pixels(image)
            continue
        assert np.array_equal(preprocess.pixels(image), expected), (mode, transparency)
        assert np.array_equal(clip_rs.Preprocess(64).pixels(image), reference(image, 64)), mode
    flat = Image.new("RGB", (70, 64), (3, 2, 1))
    flat.info["transparency"] = (3, 2, 1)
    assert (preprocess.pixels(flat) == 255).all()


def test_transparency_of_another_kind_is_an_error() -> None:
    image = noise("P", (57, 33))
    image.info["transparency"] = (1, 2, 3)
    with pytest.raises(clip_rs.ImageError, match="^image: .*Transparency for P mode"):
        clip_rs.Preprocess(64, transparency="white").pixels(image)


@pytest.mark.parametrize("mode", ["RGB", "P", "HSV", "La", "I;16"])
@pytest.mark.parametrize("orientation", [*range(1, 10), 0])
def test_orientation_is_obeyed_where_it_is_asked_for(mode: str, orientation: int) -> None:
    image = noise(mode, (57, 33))
    image.getexif()[0x0112] = orientation
    if mode == "La":
        with pytest.raises(clip_rs.ImageError):
            clip_rs.Preprocess(64, exif_orientation=True).pixels(image)
        return
    turned = clip_rs.Preprocess(64, exif_orientation=True).pixels(image)
    assert np.array_equal(turned, reference(ImageOps.exif_transpose(image), 64))
    assert np.array_equal(clip_rs.Preprocess(64).pixels(image), reference(image, 64))


@pytest.mark.parametrize("resize, crop", [("longest", "pad"), ("squash", "none"), ("longest", "none")])
def test_other_recipes_of_modes_that_pillow_resizes(resize: Any, crop: Any) -> None:
    """HSV has no way of its own: as long as it is resized as RGB's three bands are, so is its result."""
    bands = noise("RGB", (57, 33))
    image = Image.frombytes("HSV", bands.size, bands.tobytes())
    preprocess = clip_rs.Preprocess(64, resize=resize, crop=crop, fill=40)
    expected = Image.fromarray(preprocess.pixels(bands))
    expected = Image.frombytes("HSV", expected.size, expected.tobytes()).convert("RGB")
    assert np.array_equal(preprocess.pixels(image), np.asarray(expected))


def encoded(image: Image.Image, kind: str, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def test_images_that_are_open_rotated_or_one_of_many() -> None:
    frames = [noise("RGB", (57, 33)).quantize(17 + index) for index in range(3)]
    preprocess = clip_rs.Preprocess(64)
    for kind in ("GIF", "PNG", "TIFF", "WEBP"):
        options = {"save_all": True, "append_images": frames[1:]}
        file = encoded(frames[0], kind, **options)
        for frame in (0, 2):
            given, same = Image.open(io.BytesIO(file.getvalue())), Image.open(io.BytesIO(file.getvalue()))
            given.seek(frame)
            same.seek(frame)
            assert np.array_equal(preprocess.pixels(given), reference(same, 64)), (kind, frame)
    photo = noise("RGB", (90, 65))
    for image in (photo.rotate(90, expand=True), photo.crop((3, 5, 40, 60)), photo.crop((-5, -5, 40, 60)),
                  photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT), photo.getchannel("G"), photo.reduce(2),
                  photo.convert("P"), photo.quantize(9).crop((1, 1, 50, 50)), photo.convert("1")):
        assert np.array_equal(preprocess.pixels(image), reference(image, 64))


def test_file_that_breaks_while_pillow_reads_it(starter: clip_rs.Model) -> None:
    data = encoded(noise("RGB", (90, 65)), "JPEG").getvalue()
    broken = Image.open(io.BytesIO(data[: len(data) // 2]))
    with pytest.raises(clip_rs.ImageError, match=r"^images\[1\]: .*truncated"):
        starter.encode_images([Image.open(io.BytesIO(data)), broken])
    closed = Image.open(io.BytesIO(data))
    closed.close()
    with pytest.raises(clip_rs.ImageError, match=r"^image: "):
        starter.encode_image(closed)


def test_limit_of_pixels_holds_for_everything() -> None:
    image = noise("RGB", (90, 65))
    file = encoded(image, "PNG").getvalue()
    for given in (image, np.asarray(image), file, Image.open(io.BytesIO(file)), image.convert("HSV")):
        with pytest.raises(clip_rs.ImageError, match="5849(.|\n)*max_pixels"):
            clip_rs.Preprocess(8, max_pixels=90 * 65 - 1).pixels(given)
        assert clip_rs.Preprocess(8, max_pixels=90 * 65).pixels(given).shape == (8, 8, 3)
    # Pillow would resize the whole image before it cuts out the middle.
    with pytest.raises(clip_rs.ImageError, match="resized: (.|\n)*max_pixels"):
        clip_rs.Preprocess(8, max_pixels=5000).pixels(noise("HSV", (900, 1)))
    assert clip_rs.Preprocess(8, max_pixels=5000).pixels(noise("RGB", (900, 1))).shape == (8, 8, 3)


def test_preprocess_is_a_value() -> None:
    preprocess = clip_rs.Preprocess(
        32, resize="squash", interpolation="lanczos", mean=(0.5, 0.5, 0.5), std=[0.1, 0.2, 0.3], fast_decode=True,
        transparency="white", crop_offset="floor", convert_first=True, exif_orientation=True, max_pixels=9999,
    )
    assert preprocess.recipe["mean"] == [0.5, 0.5, 0.5] and preprocess.recipe["crop"] == "none"
    again = clip_rs.Preprocess(**preprocess.recipe, max_pixels=9999)
    for other in (again, pickle.loads(pickle.dumps(preprocess)), copy.deepcopy(preprocess)):
        assert other == preprocess and hash(other) == hash(preprocess) and repr(other) == repr(preprocess)
    assert preprocess != clip_rs.Preprocess(32) and preprocess != "preprocess"
    assert eval(repr(preprocess), {"Preprocess": clip_rs.Preprocess}).recipe == preprocess.recipe


def test_model_sees_what_its_preprocess_gives(starter: clip_rs.Model, photos: Path) -> None:
    preprocess = starter.preprocess
    assert preprocess == clip_rs.Preprocess(**preprocess.recipe)
    path = photos / "cat.jpg"
    image = Image.open(path)
    features = starter.encode_image(path)
    for given in (str(path), path.read_bytes(), image, np.asarray(image), preprocess(path)):
        assert np.array_equal(starter.encode_image(given), features)
    assert np.array_equal(preprocess.pixels(preprocess(path)), preprocess.pixels(path))


class Tensor:
    """What another library has: an array that can be looked into by DLPack alone."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


def test_float32_is_not_copied(starter: clip_rs.Model) -> None:
    size = starter.image_size
    array = RNG.normal(size=(12, 3, size, size)).astype("float32")
    for given in (array, Tensor(array), array[3:7], array.view()):
        found = _inputs.preprocessed(given, size, "images")
        assert np.shares_memory(found, array)
    expected = starter.encode_images(array)
    tracemalloc.start()
    try:
        assert np.array_equal(starter.encode_images(Tensor(array)), expected)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < array.nbytes / 20, peak
    read_only = array.copy()
    read_only.flags.writeable = False
    assert np.array_equal(starter.encode_images(read_only[:2]), expected[:2])


def layouts(array: np.ndarray) -> Iterator[np.ndarray]:
    """The same numbers, otherwise in memory."""
    yield np.asfortranarray(array)
    yield array[..., ::-1].copy()[..., ::-1]
    yield array[::-1].copy()[::-1]
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    yield wide[..., ::2]
    still = array.copy()
    still.flags.writeable = False
    yield still
    yield array.view(type("Subclass", (np.ndarray,), {}))
    yield np.frombuffer(bytes(1) + array.tobytes(), np.uint8)[1:].view(array.dtype).reshape(array.shape)


def test_memory_of_any_layout_gives_the_same_bits(starter: clip_rs.Model) -> None:
    size = starter.image_size
    pixels = RNG.integers(0, 256, (2, 40, 56, 3), dtype=np.uint8)
    inputs = np.stack([starter.preprocess(image) for image in pixels])
    expected = starter.encode_images(list(pixels))
    assert inputs.shape == (2, 3, size, size)
    for array in (pixels, inputs):
        for same in layouts(array):
            assert np.array_equal(starter.encode_images(same), expected)
            assert np.array_equal(starter.encode_images(list(same)), expected)
            assert np.array_equal(starter.encode_image(same[0]), expected[0])
        assert np.array_equal(starter.encode_images(memoryview(array)), expected)
        assert np.array_equal(starter.encode_image(memoryview(array[0])), expected[0])
        if array.dtype == np.uint8:
            assert np.array_equal(starter.encode_images(Tensor(array)), expected)
            assert np.array_equal(starter.encode_images([Tensor(image) for image in array]), expected)


def test_one_list_of_many_kinds(
    starter: clip_rs.Model, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_inputs, "_IMAGES_AT_A_TIME", 4)
    path = photos / "dog.jpg"
    image = Image.open(path)
    kinds = [path, str(path), np.str_(path), path.read_bytes(), bytearray(path.read_bytes()),
             memoryview(path.read_bytes()), image, image.convert("RGBX"), np.asarray(image), Tensor(np.asarray(image))]
    features = starter.encode_images(kinds)
    assert (features == features[0]).all()
    assert np.array_equal(starter.encode_images(tuple(kinds)), features)
    assert np.array_equal(starter.encode_images(kind for kind in kinds), features)
    assert np.array_equal(starter.encode_images(np.array([str(path)] * 2)), features[:2])
    inputs = [starter.preprocess(path)] * 6
    for several in (inputs, iter(inputs)):
        assert np.array_equal(starter.encode_images(several), features[:6])


def test_generators_are_not_held(starter: clip_rs.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_inputs, "_IMAGES_AT_A_TIME", 2)
    given: list[weakref.ref[Image.Image]] = []
    most = 0

    def images() -> Iterator[Image.Image]:
        nonlocal most
        for _ in range(7):
            image = noise("RGB", (8, 8))
            given.append(weakref.ref(image))
            most = max(most, sum(each() is not None for each in given))
            yield image

    assert starter.encode_images(images()).shape == (7, starter.embed_dim)
    assert most <= 5
