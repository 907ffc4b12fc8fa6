"""What a run of `clip-rs train` wrote, read by the programs that others use.

    pip install tensorboard torch open_clip_torch==3.3.0 numpy
    cargo build --release
    python tests/reference/training_files.py RUN [--clip-rs target/release/clip-rs]

- TensorBoard's own reader finds every step's loss, accuracies, learning rate, scale and norm in the
  event files of RUN, equal to metrics.jsonl, also where the run was killed and resumed.
- open_clip loads the newest checkpoint with strict=True and gives the features that clip-rs gives,
  to 1e-5.

Prints one JSON object and ends with 1 where something differs.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

TEXTS = ["a photo of a cat", "two dogs on a beach", "the letter A", "snow"]
TAGS = {
    "train/loss": "loss",
    "train/image_accuracy": "image_accuracy",
    "train/text_accuracy": "text_accuracy",
    "train/learning_rate": "learning_rate",
    "train/logit_scale": "logit_scale",
    "train/gradient_norm": "gradient_norm",
}


def tensorboard_differences(run):
    """Scalars of each tag by TensorBoard's reader against metrics.jsonl: (compared, differing)."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "evaluation" not in line]
    compared, differing = 0, []
    for tag, key in TAGS.items():
        expected = [(line["step"], np.float32(line[key])) for line in steps if line[key] is not None]
        found = [(event.step, np.float32(event.value)) for event in events.Scalars(tag)]
        compared += len(expected)
        if found != expected:
            differing.append(tag)
    return compared, differing


def open_clip_difference(checkpoint, program):
    """Greatest difference of text features between open_clip and clip-rs."""
    import open_clip
    import torch
    from safetensors.torch import load_file

    config = json.loads((checkpoint / "open_clip_config.json").read_text())["model_cfg"]
    model = open_clip.CLIP(**config).eval()
    model.load_state_dict(load_file(checkpoint / "open_clip_model.safetensors"), strict=True)
    context = config["text_cfg"]["context_length"]
    tokens = open_clip.SimpleTokenizer(context_length=context)(TEXTS)
    with torch.no_grad():
        theirs = model.encode_text(tokens).numpy()
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "texts.npy"
        texts = "\n".join(TEXTS) + "\n"
        command = [program, "embed", "texts", "-", "--raw", "--model", str(checkpoint), "--out", str(out)]
        subprocess.run(command, input=texts, text=True, check=True, capture_output=True)
        ours = np.load(out)
    return float(np.abs(ours - theirs).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--clip-rs", default="target/release/clip-rs")
    arguments = parser.parse_args()
    checkpoint = sorted((arguments.run / "checkpoints").iterdir())[-1]
    compared, differing = tensorboard_differences(arguments.run)
    features = open_clip_difference(checkpoint, arguments.clip_rs)
    ok = compared > 0 and not differing and features < 1e-5
    print(json.dumps({
        "scalars": compared, "differing_tags": differing, "checkpoint": checkpoint.name,
        "features_max_abs": features, "ok": ok,
    }))
    sys.exit(not ok)


if __name__ == "__main__":
    main()
