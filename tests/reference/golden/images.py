"""Small images in many formats and modes, made with Pillow from the photos of the repository, and what the reference makes
of them: pixels of the decoder, of the resize and of whole recipes; broken files."""
import hashlib
import io
import json
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

PHOTOS = sorted((Path(__file__).resolve().parents[3] / "photos").glob("*.jpg"))
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
FILTERS = {"bicubic": 3, "bilinear": 2, "lanczos": 1, "box": 4, "hamming": 5, "nearest": 0}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def photo(rng, size=None):
    """A part of a photo, shrunk to 60 to 190 pixels a side."""
    image = Image.open(rng.choice(PHOTOS)).convert("RGB")
    size = size or (rng.randint(60, 190), rng.randint(60, 190))
    return ImageOps.fit(image, size, method=Image.Resampling.LANCZOS, centering=(rng.random(), rng.random()))


def in_mode(rng, image, mode):
    if mode in ("RGBA", "LA"):
        alpha = np.linspace(0, 255, image.width * image.height).reshape(image.height, image.width).astype(np.uint8)
        image = image.convert("RGB")
        image.putalpha(Image.fromarray(alpha))
        return image.convert(mode)
    if mode == "I;16":
        grey = np.asarray(image.convert("L")).astype(np.uint16)
        return Image.fromarray(grey * np.uint16(rng.choice([1, 257])))
    if mode == "P":
        return image.convert("P", palette=Image.Palette.ADAPTIVE, colors=rng.choice([2, 15, 200, 256]))
    return image.convert(mode)


def files(rng):
    """Names and bytes."""
    def saved(name, mode, image=None, **options):
        data = io.BytesIO()
        in_mode(rng, image or photo(rng), mode).save(data, **options)
        return name, data.getvalue()

    for quality in (30, 75, 95):
        for subsampling in (0, 1, 2):
            for progressive in (False, True):
                name = f"jpeg_q{quality}_s{subsampling}{'_progressive' if progressive else ''}.jpg"
                yield saved(name, "RGB", format="JPEG", quality=quality, subsampling=subsampling, progressive=progressive)
    for mode in ("L", "CMYK"):
        yield saved(f"jpeg_{mode}.jpg", mode, format="JPEG", quality=85)
    yield saved("jpeg_restarts.jpg", "RGB", format="JPEG", restart_marker_blocks=3)
    yield saved("jpeg_optimised.jpg", "RGB", format="JPEG", optimize=True)
    for size in ((1, 1), (1, 200), (7, 9), (225, 224), (227, 224), (401, 300)):
        yield saved(f"jpeg_{size[0]}x{size[1]}.jpg", "RGB", photo(rng, size), format="JPEG", quality=90)
        yield saved(f"png_{size[0]}x{size[1]}.png", "RGB", photo(rng, size), format="PNG")
    exif = Image.Exif()
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        yield saved(f"jpeg_orientation_{orientation}.jpg", "RGB", format="JPEG", exif=exif)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        yield saved(f"png_{'grey16' if mode == 'I;16' else mode}.png", mode, format="PNG")
    yield saved("png_transparent_palette.png", "P", format="PNG", transparency=3)
    yield saved("png_transparent_colour.png", "RGB", format="PNG", transparency=(12, 34, 56))
    for index in range(4):
        yield saved(f"gif_{index}.gif", "P", format="GIF", interlace=index % 2)
    yield saved("gif_frames.gif", "P", format="GIF", save_all=True, append_images=[photo(rng).convert("P")], loop=0)
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield saved(f"bmp_{mode}.bmp", mode, format="BMP")
    for mode in ("RGB", "RGBA"):
        yield saved(f"webp_lossless_{mode}.webp", mode, format="WEBP", lossless=True)
        yield saved(f"webp_{mode}.webp", mode, format="WEBP", quality=70)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"):
        for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
            yield saved(f"tiff_{mode.replace(';', '')}_{compression}.tif", mode, format="TIFF", compression=compression)
    yield saved("tiff_group4.tif", "1", format="TIFF", compression="group4")  # group 3 is refused (docs/images.md)
    for mode, ending in (("1", "pbm"), ("L", "pgm"), ("RGB", "ppm"), ("I;16", "pgm")):
        yield saved(f"pnm_{mode.replace(';', '')}.{ending}", mode, format="PPM")


def decoded(folder, file):
    image = Image.open(folder / file)
    image.load()
    row = {"file": file, "mode": image.mode, "width": image.width, "height": image.height, "pixels_sha256": sha256(image.tobytes())}
    if image.mode == "P":
        palette = image.palette.tobytes()
        row |= {"palette_entries": len(palette) // len(image.palette.mode), "palette_sha256": sha256(palette)}
    if "transparency" in image.info:
        value = image.info["transparency"]
        row["transparency"] = value.hex() if isinstance(value, bytes) else value
    return row


def resized(folder, rng, file, index):
    image = Image.open(folder / file)
    to, name = (rng.randint(1, 300), rng.randint(1, 300)), rng.choice(list(FILTERS))
    pixels = image.resize(to, Image.Resampling(FILTERS[name]))
    return {"id": f"r{index}", "file": file, "mode": image.mode, "to": to, "interpolation": name, "pixels_sha256": sha256(pixels.tobytes())}


def transformed(path, recipe):
    """The reference's transform step by step: resize in the file's mode, crop, convert; `convert_first` as folder loaders."""
    image = Image.open(path)
    image.load()
    if recipe["exif"] == "apply":
        image = ImageOps.exif_transpose(image)
    if recipe["convert_first"]:
        image = image.convert("RGB")
    size, sampling = recipe["size"], Image.Resampling(FILTERS[recipe["interpolation"]])
    if recipe["resize"] == "squash":
        image = image.resize((size, size), sampling)
    else:
        short, long = sorted(image.size)
        scaled = int(size * long / short)
        if short != size:
            image = image.resize((size, scaled) if image.width <= image.height else (scaled, size), sampling)
        left, top = (int(round((side - size) / 2.0)) for side in image.size)
        image = image.crop((left, top, left + size, top + size))
    return image.convert("RGB")


def case(folder, file, index, recipe):
    image = transformed(folder / file, recipe)
    array = np.asarray(image)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    tensor = (torch.from_numpy(array.copy()).permute(2, 0, 1).float() / 255 - mean) / std
    expect = {"shape": list(array.shape), "rgb_sha256": sha256(array.tobytes()), "tensor_f32le_chw_sha256": sha256(tensor.contiguous().numpy().tobytes())}
    return {"id": index, "file": file, "recipe": recipe, "expect": expect}


def recipes(rng):
    plain = {"exif": "ignore", "convert_first": False, "size": 224, "resize": "shortest", "interpolation": "bicubic", "crop": "center", "fill": None, "mean": MEAN, "std": STD}
    yield plain
    other = dict(plain, size=rng.choice([224, 288, 336]), interpolation=rng.choice(list(FILTERS)), convert_first=rng.random() < 0.5, exif=rng.choice(["ignore", "apply"]))
    if rng.random() < 0.3:
        other |= {"resize": "squash", "crop": "none"}
    yield other


def broken(folder, rng, names):
    """Files cut short and files with bytes changed. Where Pillow gives pixels, they or an error are right."""
    bad = folder / "bad"
    bad.mkdir(exist_ok=True)
    plain = next(recipes(rng))
    cases = []
    for index, name in enumerate(rng.sample(names, 60)):
        data = bytearray((folder / "images" / name).read_bytes())
        if index % 2:
            data, what = data[:rng.randrange(1, len(data))], "cut short"
        else:
            for _ in range(3):
                data[rng.randrange(12, len(data)) if len(data) > 12 else 0] = rng.randrange(256)
            what = "three bytes changed"
        file = f"{index:03}_{name}"
        (bad / file).write_bytes(data)
        try:
            outcome = {"outcome": "ok", "rgb_sha256": sha256(np.asarray(transformed(bad / file, plain)).tobytes())}
        except Exception as error:  # whatever Pillow raises is a refusal
            outcome = {"outcome": "error", "exception": type(error).__name__}
        kind = "truncated" if index % 2 else "mutant"
        expect = "ok_or_error"  # what Pillow refuses today it may read tomorrow, and the other way round
        cases.append({"file": file, "what": what, "class": kind, "expect": expect, "reference": outcome})
    (bad / "bad.json").write_text(json.dumps({"cases": cases}, indent=1) + "\n")


def make(folder):
    rng = random.Random(1)
    (folder / "images").mkdir(exist_ok=True)
    names = []
    for name, data in files(rng):
        (folder / "images" / name).write_bytes(data)
        names.append(name)
    paths = [f"images/{name}" for name in names]
    stages = {"decoded": [decoded(folder, path) for path in paths],
              "resized": [resized(folder, rng, path, index) for index, path in enumerate(paths * 2)]}
    (folder / "stages.json").write_text(json.dumps(stages, indent=1) + "\n")
    plans = [(path, recipe) for path in paths for recipe in recipes(rng)]
    cases = [case(folder, path, index, recipe) for index, (path, recipe) in enumerate(plans)]
    (folder / "manifest.json").write_text(json.dumps({"cases": cases}, indent=1) + "\n")
    broken(folder, rng, names)
