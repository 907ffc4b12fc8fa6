"""Batches for training from WebDataset shards: clip-rs against open_clip's transforms in one PyTorch process, in turns.

    cargo bench -p clip-train --bench loading --no-run      # prints where PROGRAM is
    python bench/loading.py PROGRAM 'SHARDS/train-{000000..000005}.tar' [--rounds 5] [--threads 2] [--size 224]

Both read, decode, draw a part of each picture (RandomResizedCrop, scale 0.9 to 1), resize, normalise and tokenize. Printed
for each: pairs per second of the clock, and pairs per second of one processor, which neighbours on a shared machine change
little; median over the rounds.
"""
import argparse
import io
import json
import pathlib
import re
import statistics
import subprocess
import tarfile
import time

import open_clip
import torch
from open_clip.transform import image_transform
from PIL import Image


class Shards(torch.utils.data.Dataset):
    """All pairs in memory as files: reading costs this side nothing."""

    def __init__(self, pattern, size):
        parts = re.match(r"(.*)\{(\d+)\.\.(\d+)\}(.*)", pattern)
        start, end, width = int(parts[2]), int(parts[3]), len(parts[2])
        files = {}
        for number in range(start, end + 1):
            with tarfile.open(f"{parts[1]}{number:0{width}}{parts[4]}") as tar:
                for member in tar:
                    files.setdefault(member.name.split(".")[0], {})[member.name.split(".")[-1]] = tar.extractfile(member).read()
        self.pairs = [(pair["jpg"], pair["txt"].decode()) for pair in files.values()]
        self.transform = image_transform(size, is_train=True)
        self.tokenizer = open_clip.get_tokenizer("ViT-B-32")

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        image, text = self.pairs[index]
        return self.transform(Image.open(io.BytesIO(image)).convert("RGB")), self.tokenizer(text)[0]


def pytorch(shards, batches):
    loader = torch.utils.data.DataLoader(shards, batch_size=64, shuffle=True, drop_last=True)
    clock, processor = time.perf_counter(), time.process_time()
    count = 0
    for images, _ in loader:
        count += len(images)
        if count >= batches * 64:
            break
    return count / (time.perf_counter() - clock), count / (time.process_time() - processor)


def ours(options):
    command = [options.program, options.shards, "--size", str(options.size), "--threads", str(options.threads)]
    line = json.loads(subprocess.run(command + ["--batches", str(options.batches)], check=True, capture_output=True).stdout)
    return line["pairs_per_second"], line["pairs_per_processor_second"][0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("shards")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=224)
    options = parser.parse_args()
    torch.set_num_threads(1)  # its fastest: more of them wait for each other between operations this short
    shards = Shards(options.shards, options.size)
    rounds = [(ours(options), pytorch(shards, options.batches)) for _ in range(options.rounds)]
    for place, what in enumerate(["of the clock", "of one processor"]):
        mine, theirs = (statistics.median(r[side][place] for r in rounds) for side in (0, 1))
        print(f"pairs per second {what}: clip-rs {mine:.0f}, PyTorch {theirs:.0f}, ratio {mine / theirs:.2f}")
