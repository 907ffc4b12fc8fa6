"""JPEG files to the model's input on one thread: clip-rs against Pillow and torchvision, interleaved, same bits checked.

    pip install -r bench/requirements.txt
    python bench/preprocess.py make GROUPS FOLDER...     # sorts the JPEGs of the folders by size, makes camera pictures
    cargo build --release -p clip-image --benches
    python bench/preprocess.py GROUPS [rounds]

Every round each side runs over each group once to warm up and once measured; CPU time of the one thread, so that
neighbours on a shared machine count little. Printed: milliseconds per file (the sum over the files of a group of each
file's median over the rounds, divided by the files) and the ratio.
"""
import hashlib
import io
import json
import pathlib
import random
import statistics
import subprocess
import sys
import time

import numpy
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Megapixels of the files taken as they are, and how many of them.
GROUPS = {"small": (0.07, 0.13, 100), "photo": (0.15, 0.30, 50)}
CAMERA_SIZES = [(3872, 2592), (3648, 2736)]  # 3:2 and 4:3, ten megapixels
CAMERA_QUALITY = 90


def make(out, folders):
    """Fills the groups; the same folders give the same groups."""
    files = sorted(path for folder in folders for path in pathlib.Path(folder).rglob("*") if is_jpeg(path))
    random.Random(9).shuffle(files)
    for name, (least, most, count) in GROUPS.items():
        chosen = [path for path in files if least <= megapixels(path) < most][:count]
        write(out / name, [path.read_bytes() for path in chosen])
    photos = [Image.open(path).convert("RGB") for path in files if megapixels(path) >= 0.15]
    write(out / "camera", [camera_picture(photos, index) for index in range(8)])


def is_jpeg(path):
    return path.is_file() and path.open("rb").read(3) == b"\xff\xd8\xff"


def megapixels(path):
    width, height = Image.open(path).size
    return width * height / 1e6


def write(folder, pictures):
    folder.mkdir(parents=True, exist_ok=True)
    for index, data in enumerate(pictures):
        (folder / f"{index:03}.jpg").write_bytes(data)
    total = sum(map(len, pictures))
    pixels = sum(megapixels(path) * 1e6 for path in folder.glob("*.jpg"))
    print(f"{folder.name:8} {len(pictures):4} files, {pixels / len(pictures) / 1e6:.2f} Mpixel, {total * 8 / pixels:.2f} bits a pixel")


def camera_picture(photos, index):
    """A photograph enlarged to ten megapixels, with the fine detail of others and the noise of a sensor."""
    width, height = CAMERA_SIZES[index % 2]
    scene = photos[index % len(photos)].resize((width, height), Image.Resampling.BICUBIC)
    mosaic = Image.new("RGB", (width, height))
    x = y = row = 0
    for number in range(index, index + 10_000):
        tile = photos[number % len(photos)]
        tile = tile.resize((tile.width * 3 // 2, tile.height * 3 // 2), Image.Resampling.BICUBIC)
        mosaic.paste(tile, (x, y))
        x, row = x + tile.width, max(row, tile.height)
        if x >= width:
            x, y, row = 0, y + row, 0
        if y >= height:
            break
    blurred = mosaic.resize((width // 8, height // 8), Image.Resampling.BOX).resize((width, height), Image.Resampling.BICUBIC)
    noise = numpy.random.default_rng(index).normal(0, 4, (height, width, 1))
    detail = numpy.asarray(mosaic, float) - numpy.asarray(blurred, float)
    picture = numpy.clip(numpy.asarray(scene, float) + detail + noise, 0, 255).round().astype(numpy.uint8)
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=CAMERA_QUALITY, subsampling="4:2:0")
    return data.getvalue()


def reference():
    """What a researcher runs: OpenAI's own transform, torchvision on Pillow."""
    import torch
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor

    torch.set_num_threads(1)
    return Compose([
        Resize(224, interpolation=InterpolationMode.BICUBIC),
        CenterCrop(224),
        lambda image: image.convert("RGB"),
        ToTensor(),
        Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    ])


def theirs(transform, files):
    """Milliseconds and the hash of the result, per file."""
    for path in files[:3]:
        transform(Image.open(path))
    rows = []
    for path in files:
        start = time.thread_time_ns()
        tensor = transform(Image.open(path))
        ms = (time.thread_time_ns() - start) / 1e6
        rows.append({"input_ms": ms, "sha256": hashlib.sha256(tensor.numpy().tobytes()).hexdigest()})
    return rows


def ours(program, files):
    output = subprocess.run([program, "--json", *files], check=True, capture_output=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def main():
    groups, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 7
    programs = list((ROOT / "target/release/deps").glob("files-*[!.d]"))
    if not programs:
        sys.exit("first: cargo build --release -p clip-image --benches")
    program = max(programs, key=lambda path: path.stat().st_mtime)
    transform = reference()
    print(f"{'':8} {'files':>5} {'clip-rs':>9} {'Pillow':>9}   ms per file, median of {rounds} rounds")
    for name in [*GROUPS, "camera"]:
        files = sorted(map(str, (groups / name).glob("*.jpg")))
        runs = {"ours": [], "theirs": []}
        for _ in range(rounds):
            runs["ours"].append(ours(program, files))
            runs["theirs"].append(theirs(transform, files))
        for index, path in enumerate(files):
            if runs["ours"][0][index]["sha256"] != runs["theirs"][0][index]["sha256"]:
                sys.exit(f"{path}: other bits")
        mean = {}
        for side, measured in runs.items():
            medians = [statistics.median(run[i]["input_ms"] for run in measured) for i in range(len(files))]
            mean[side] = sum(medians) / len(files)
        ratio = mean["theirs"] / mean["ours"]
        print(f"{name:8} {len(files):5} {mean['ours']:9.3f} {mean['theirs']:9.3f}   {ratio:.2f} times")


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    if sys.argv[1] == "make":
        make(pathlib.Path(sys.argv[2]), sys.argv[3:])
    else:
        main()
