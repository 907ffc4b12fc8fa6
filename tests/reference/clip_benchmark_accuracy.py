"""CLIP_benchmark and clip-rs on the same folder with the same weights: the same accuracy, and results it can join.

    python tests/reference/clip_benchmark_accuracy.py ROOT [--program target/release/clip-rs]

ROOT holds `val/<wnid>/*`, as ImageNet is unpacked. Both score it with the starter model, ImageNet's names and the 80
templates, in f32, both from the same two files: CLIP_benchmark's own names and templates, but for names that two classes share
(missile, sunglasses). Those would tie exactly, and CLIP_benchmark's `topk` breaks ties in no order.
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
DATASET = "imagenet1k-unverified"  # ImageNet's folders without its archives
THEIRS = pathlib.Path(clip_benchmark.__file__).parent / "datasets"


def write_prompts(folder):
    """One file of class names and one of templates, with the keys that each program looks for."""
    names = json.loads((THEIRS / "en_classnames.json").read_text())["imagenet1k"]
    names = [f"{name} {number}" if name in names[:number] else name for number, name in enumerate(names)]
    templates = json.loads((THEIRS / "en_zeroshot_classification_templates.json").read_text())["imagenet1k"]
    files = folder / "classnames.json", folder / "templates.json"
    for file, lines in zip(files, (names, templates)):
        file.write_text(json.dumps({"imagenet": lines, DATASET: lines}))
    return files


def run_theirs(root, folder, classnames, templates):
    """Accuracy by CLIP_benchmark; its result file."""
    config = json.loads((STARTER / "open_clip_config.json").read_text())["model_cfg"]
    (folder / "starter.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / "starter.json")
    output = folder / "theirs.json"
    sys.argv = ["clip_benchmark", "eval", "--dataset", DATASET, "--dataset_root", str(root), "--model", "starter", "--pretrained",
                str(STARTER / "starter.safetensors"), "--custom_classname_file", str(classnames), "--custom_template_file",
                str(templates), "--no_amp", "--num_workers", "2", "--output", str(output)]
    cli.main()
    return json.loads(output.read_text())


def run_ours(program, root, folder, classnames, templates):
    """The cell of clip-rs with the same names and templates."""
    command = [program, "eval", "zeroshot", "--dataset", "imagenet", "--root", root, "--model", "starter", "--out", folder / "ours",
               "--features", folder / "features", "--classnames", classnames, "--templates", templates, "--json"]
    return json.loads(subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--program", default=PROJECT / "target/release/clip-rs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files = write_prompts(folder)
        theirs, ours = run_theirs(options.root, folder, *files), run_ours(options.program, options.root, folder, *files)
        images = ours["counts"]["scored"]
        for metric in ("acc1", "acc5", "mean_per_class_recall"):
            apart = round(abs(theirs["metrics"][metric] - ours["metrics"][metric]) * images)
            print(f"{metric}: CLIP_benchmark {theirs['metrics'][metric]:.6f}, clip-rs {ours['metrics'][metric]:.6f}, "
                  f"{apart} of {images} images apart")
            assert apart == 0, metric
        sys.argv = ["clip_benchmark", "build", str(folder / "ours" / "starter"), str(folder / "theirs.json"), "--output",
                    str(folder / "benchmark.csv")]
        cli.main()
        csv.field_size_limit(sys.maxsize)  # our `provenance` and predictions in one field
        with open(folder / "benchmark.csv", newline="") as table:
            rows = list(csv.DictReader(table))
        print("joined by CLIP_benchmark:", [(row["model_fullname"], row["dataset"], row["acc1"]) for row in rows])
        assert len(rows) == 2 and len({row["acc1"] for row in rows}) == 1


main()
