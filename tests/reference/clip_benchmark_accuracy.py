"""CLIP_benchmark and clip-rs on the same folder with the same weights: the same accuracy, and results it can join.

    python tests/reference/clip_benchmark_accuracy.py ROOT [--program target/release/clip-rs]

ROOT holds `val/<wnid>/*`, as ImageNet is unpacked. Both score it with the starter model, ImageNet's names and the 80
templates, in f32. CLIP_benchmark's files of names and templates are handed to clip-rs, so that both read the same text.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import clip_benchmark
import open_clip
from clip_benchmark import cli

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
STARTER = PROJECT / "crates/clip/assets/starter"
THEIRS = pathlib.Path(clip_benchmark.__file__).parent / "datasets"


def run_theirs(root, folder):
    """Accuracy by CLIP_benchmark; its result file."""
    config = json.loads((STARTER / "open_clip_config.json").read_text())["model_cfg"]
    (folder / "starter.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / "starter.json")
    output = folder / "theirs.json"
    sys.argv = ["clip_benchmark", "eval", "--dataset", "imagenet1k-unverified", "--dataset_root", str(root), "--model", "starter",
                "--pretrained", str(STARTER / "starter.safetensors"), "--no_amp", "--num_workers", "2", "--output", str(output)]
    cli.main()
    return json.loads(output.read_text())


def run_ours(program, root, folder):
    """The cell of clip-rs with CLIP_benchmark's names and templates."""
    files = {}
    for kind, name in (("classnames", "en_classnames.json"), ("templates", "en_zeroshot_classification_templates.json")):
        files[kind] = folder / f"{kind}.json"
        files[kind].write_text(json.dumps({"imagenet": json.loads((THEIRS / name).read_text())["imagenet1k"]}))
    command = [program, "eval", "zeroshot", "--dataset", "imagenet", "--root", root, "--model", "starter", "--out", folder / "ours",
               "--features", folder / "features", "--classnames", files["classnames"], "--templates", files["templates"], "--json"]
    return json.loads(subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--program", default=PROJECT / "target/release/clip-rs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        theirs, ours = run_theirs(options.root, folder), run_ours(options.program, options.root, folder)
        images = ours["counts"]["scored"]
        for metric in ("acc1", "acc5", "mean_per_class_recall"):
            apart = round(abs(theirs["metrics"][metric] - ours["metrics"][metric]) * images)
            print(f"{metric}: CLIP_benchmark {theirs['metrics'][metric]:.6f}, clip-rs {ours['metrics'][metric]:.6f}, "
                  f"{apart} of {images} images apart")
            assert apart == 0, metric
        sys.argv = ["clip_benchmark", "build", str(folder / "ours" / "starter"), str(folder / "theirs.json"), "--output",
                    str(folder / "benchmark.csv")]
        cli.main()
        with open(folder / "benchmark.csv", newline="") as table:
            rows = list(csv.DictReader(table))
        print("joined by CLIP_benchmark:", [(row["model_fullname"], row["dataset"], row["acc1"]) for row in rows])
        assert len(rows) == 2 and len({row["acc1"] for row in rows}) == 1


main()
