"""Whole processes, interleaved: load a full-size checkpoint and classify one photo, with clip-rs and with PyTorch.

    cargo build --release
    cargo run --release -p clip-model --example synthetic_weights -- ViT-B/32 vit_b_32.safetensors
    pip install -r bench/requirements.txt
    python bench/load_and_classify.py vit_b_32.safetensors [rounds]

Prints median wall seconds and peak memory of each, and the ratio. Both run on two threads and in f32. The weights
are made by a formula, so the probabilities mean nothing; both programs must print the same ones.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PHOTO = str(ROOT / "photos" / "cat.jpg")
LABELS = ["a cat", "a dog", "a pizza"]
THREADS = "2"


def reference(weights):
    """The peer: OpenAI's model code on PyTorch, fed by the safetensors library."""
    import clip.clip
    import clip.model
    import torch
    from PIL import Image
    from safetensors.torch import load_file

    imported = time.perf_counter()
    torch.set_num_threads(int(THREADS))
    clip.model.convert_weights = lambda model: None  # keep the weights f32: both sides compute the same
    model = clip.model.build_model(load_file(weights))
    preprocess = clip.clip._transform(model.visual.input_resolution)
    with torch.no_grad():
        logits, _ = model(preprocess(Image.open(PHOTO)).unsqueeze(0), clip.clip.tokenize(LABELS))
        probabilities = logits.softmax(-1)[0].tolist()
    print(json.dumps({**dict(zip(LABELS, probabilities)), "seconds after imports": time.perf_counter() - imported}))


def measure(command):
    """Wall seconds, peak resident MB and standard output of one process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return time.perf_counter() - started, usage.ru_maxrss * 1024 / 1e6, output


def main():
    weights, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
    ours = [str(ROOT / "target/release/clip-rs"), "classify", PHOTO, "--labels", ",".join(LABELS),
            "--model", weights, "--threads", THREADS, "--json"]
    theirs = [sys.executable, __file__, "--reference", weights]
    runs = {"clip-rs": [], "PyTorch": []}
    for _ in range(rounds + 1):  # the first round warms the file cache and does not count
        for name, command in (("clip-rs", ours), ("PyTorch", theirs)):
            runs[name].append(measure(command))
    found = {row["label"]: row["probability"] for row in json.loads(runs["clip-rs"][0][2])["labels"]}
    expected = json.loads(runs["PyTorch"][0][2])
    apart = max(abs(found[label] - expected[label]) for label in LABELS)
    print(f"greatest difference of a probability: {apart:.1e}")
    medians = {}
    for name, measured in runs.items():
        wall = statistics.median(run[0] for run in measured[1:])
        peak = statistics.median(run[1] for run in measured[1:])
        medians[name] = wall, peak
        print(f"{name:<8} {wall:7.2f} s  {peak:7.0f} MB peak   (median of {rounds})")
    after = statistics.median(json.loads(run[2])["seconds after imports"] for run in runs["PyTorch"][1:])
    print(f"PyTorch  {after:7.2f} s of these after its imports")
    (wall, peak), (their_wall, their_peak) = medians["clip-rs"], medians["PyTorch"]
    print(f"ratio PyTorch / clip-rs: {their_wall / wall:.1f} in time, {their_peak / peak:.1f} in memory")


if __name__ == "__main__":
    if sys.argv[1] == "--reference":
        reference(sys.argv[2])
    else:
        main()
