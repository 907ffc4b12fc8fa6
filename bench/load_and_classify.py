"""Whole processes, in turns: load a full-size checkpoint and classify one photo, with clip-rs, PyTorch and ONNX Runtime.

    cargo build --release
    cargo run --release -p clip-model --example synthetic_weights -- ViT-B/32 vit_b_32.safetensors
    pip install -r bench/requirements.txt
    python bench/load_and_classify.py vit_b_32.safetensors [--rounds 7] [--onnx FOLDER]

Prints median wall seconds and peak memory of each, and the ratio. All run on two threads and in f32. The weights
are made by a formula, so the probabilities mean nothing; all programs must print the same ones. ONNX Runtime joins with
the folder that `python -m peers.prepare` made of the same weights (see `bench/peers/prepare.py`); it runs without PyTorch.
"""
import argparse
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


def without_torch(folder):
    """The lean peer: ONNX Runtime, Pillow, numpy and the tokenizers library."""
    import numpy
    import onnxruntime
    from PIL import Image
    from tokenizers import Tokenizer

    imported = time.perf_counter()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = int(THREADS)

    def features(tower, values):
        session = onnxruntime.InferenceSession(f"{folder}/{tower}.onnx", settings, providers=["CPUExecutionProvider"])
        found = session.run(None, {"input": values})[0]
        return found / numpy.linalg.norm(found, axis=1, keepdims=True)

    photo = Image.open(PHOTO).convert("RGB")
    scale = 224 / min(photo.size)
    width, height = (int(side * scale) for side in photo.size)
    left, top = round((width - 224) / 2), round((height - 224) / 2)
    photo = photo.resize((width, height), Image.Resampling.BICUBIC).crop((left, top, left + 224, top + 224))
    mean, deviation = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    pixels = (numpy.asarray(photo, numpy.float32) / 255 - numpy.float32(mean)) / numpy.float32(deviation)
    tokens = numpy.zeros((len(LABELS), 77), numpy.int64)
    for row, text in zip(tokens, Tokenizer.from_file(f"{folder}/tokenizer.json").encode_batch(LABELS)):
        row[:len(text.ids)] = text.ids
    logits = 100 * features("image", pixels.transpose(2, 0, 1)[None]) @ features("text", tokens).T
    weights = numpy.exp(logits - logits.max())
    probabilities = (weights / weights.sum())[0].tolist()
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


def apart(output, expected):
    """The greatest difference of a probability between clip-rs's output and a peer's."""
    found = {row["label"]: row["probability"] for row in json.loads(output)["labels"]}
    expected = json.loads(expected)
    return max(abs(found[label] - expected[label]) for label in LABELS)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weights")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--onnx", help="a folder made by peers.prepare")
    options = parser.parse_args()
    commands = {
        "clip-rs": [str(ROOT / "target/release/clip-rs"), "classify", PHOTO, "--labels", ",".join(LABELS),
                    "--model", options.weights, "--threads", THREADS, "--json"],
        "PyTorch": [sys.executable, __file__, "--reference", options.weights]}
    if options.onnx:
        commands["ONNX Runtime"] = [sys.executable, __file__, "--without-torch", options.onnx]
    runs = {name: [] for name in commands}
    for _ in range(options.rounds + 1):  # the first round warms the file cache and does not count
        for name, command in commands.items():
            runs[name].append(measure(command))
    ours = None
    for name, measured in runs.items():
        wall = statistics.median(run[0] for run in measured[1:])
        peak = statistics.median(run[1] for run in measured[1:])
        print(f"{name:<12} {wall:7.2f} s  {peak:7.0f} MB peak   (median of {options.rounds})")
        if ours is None:
            ours = wall, peak
            continue
        after = statistics.median(json.loads(run[2])["seconds after imports"] for run in measured[1:])
        difference = apart(runs["clip-rs"][0][2], measured[0][2])
        print(f"{'':<12} {after:7.2f} s of these after its imports; probabilities within {difference:.1e}")
        print(f"{'':<12} {wall / ours[0]:7.1f} times the time, {peak / ours[1]:.1f} times the memory of clip-rs")


if __name__ == "__main__":
    if sys.argv[1] == "--reference":
        reference(sys.argv[2])
    elif sys.argv[1] == "--without-torch":
        without_torch(sys.argv[2])
    else:
        main()
