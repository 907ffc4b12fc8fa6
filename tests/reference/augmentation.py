"""What torchvision draws, cuts and changes, for the tests of training's images.

    python tests/reference/augmentation.py

writes crates/clip-train/tests/data/augmentation.json (distribution of RandomResizedCrop's parts,
changes of colours) and crates/clip-image/tests/data/views.json (pixels of parts).
"""

import hashlib
import json
import pathlib

import numpy as np
import torch
import torchvision.transforms as T
import torchvision.transforms.functional as F
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]


def crop(image, scale, ratio, draws=40_000):
    picture = Image.new("RGB", image)
    parts = np.array([T.RandomResizedCrop.get_params(picture, scale, ratio) for _ in range(draws)], float)
    parts = parts[:, [1, 0, 3, 2]]  # top, left, height, width -> left, top, width, height
    both = parts[:, 2:].std(axis=0)
    correlation = float(np.corrcoef(parts[:, 2], parts[:, 3])[0, 1]) if both.min() > 0 else 0.0
    return {
        "image": image, "scale": scale, "ratio": ratio, "draws": draws,
        "means": parts.mean(axis=0).tolist(), "deviations": parts.std(axis=0).tolist(),
        "shares": SHARES, "quantiles": np.quantile(parts, SHARES, axis=0, method="inverted_cdf").T.tolist(),
        "correlation": correlation,
    }


def picture():
    i = np.arange(64 * 64, dtype=np.int64)
    return Image.fromarray(np.stack([i * 7 % 256, i // 16 % 256, i * i % 253], 1).astype(np.uint8).reshape(64, 64, 3))


def digest(image):
    return hashlib.sha256(np.asarray(image.convert("RGB")).tobytes()).hexdigest()


def colors():
    changes = {
        "brightness": (F.adjust_brightness, [0.0, 0.4, 0.731, 1.0, 1.27, 3.0]),
        "contrast": (F.adjust_contrast, [0.0, 0.4, 0.731, 1.0, 1.27, 3.0]),
        "saturation": (F.adjust_saturation, [0.0, 0.4, 0.731, 1.0, 1.27, 3.0]),
        "hue": (F.adjust_hue, [-0.5, -0.1, -0.013, 0.0, 0.07, 0.5]),
        "grey": (lambda image, _: F.to_grayscale(image, 3), [0.0]),
    }
    return [
        {"change": name, "factor": factor, "sha256": digest(change(picture(), factor))}
        for name, (change, factors) in changes.items() for factor in factors
    ]


def views(size=24):
    """Parts of JPEGs of several kinds, and of images of the modes that resize in their own ways."""
    data = ROOT / "crates/clip-image/tests/data"
    files = [f"jpeg/{name}.jpg" for name in ["422_progressive", "420_33x33", "441", "grey_sampling_2x2", "ycck_444"]]
    files += [f"images/{name}" for name in [
        "png_rgba_noise.png", "png_palette8_trns_one.png", "png_grey16_dark.png", "png_la_noise.png",
        "bmp_8bit_grey_table.bmp", "tiff_bilevel_group4.tif",
    ]]
    cases = []
    for name in files:
        path = data / name
        image = Image.open(path)
        image.load()
        width, height = image.size
        for left, top, w, h in [
            (0, 0, width, height), (1, 1, width - 1, height - 1),
            (width // 3, height // 4, max(width // 2, 1), max(height // 2, 1)), (width - 1, 0, 1, height),
        ]:
            part = F.resized_crop(image, top, left, h, w, [size, size], T.InterpolationMode.BICUBIC)
            cases.append({"file": name, "part": [left, top, w, h], "sha256": digest(part)})
        for shorter in [24, 31]:
            resized = F.resize(image, shorter, T.InterpolationMode.BICUBIC)
            left, top = (resized.width - size) // 2, (resized.height - size) // 3
            part = F.crop(resized, top, left, size, size)
            cases.append({"file": name, "square": [shorter, left, top], "sha256": digest(part)})
    return {"size": size, "views": cases}


if __name__ == "__main__":
    torch.manual_seed(0)
    ratio = (3 / 4, 4 / 3)
    crops = [
        crop((640, 480), (0.9, 1.0), ratio), crop((128, 170), (0.9, 1.0), ratio), crop((100, 100), (0.08, 1.0), ratio),
        crop((400, 150), (0.5, 1.0), ratio), crop((300, 200), (0.9, 1.0), (1.0, 1.0)), crop((37, 500), (0.9, 1.0), ratio),
    ]
    for path, content in [
        ("crates/clip-train/tests/data/augmentation.json", {"crops": crops, "colors": colors()}),
        ("crates/clip-image/tests/data/views.json", views()),
    ]:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(json.dumps(content, indent=1) + "\n")
