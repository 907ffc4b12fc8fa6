"""What each precision costs: cosine to f32, zero-shot accuracy, memory.

    cargo build --release
    python bench/precision.py PHOTOS CLASSES.json CAPTIONS [--model starter]

PHOTOS has a folder for each class, whose order by name is the class number (ImageNet's WordNet ids). CLASSES.json has
`classnames` and `templates`; the first template is used. CAPTIONS has one text a line (after a tab, if there is one).
Prints a table in Markdown. Needs numpy.
"""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile

import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target" / "release" / "clip-rs"
PRECISIONS = ["f32", "bf16", "int8"]


def embed(kind, source, model, precision, folder):
    """Embeddings of images or texts, the ids of the rows, and the program's peak memory in MB."""
    out = folder / f"{kind}_{pathlib.Path(source).name}_{precision}.npy"
    command = [PROGRAM, "embed", kind, source, "--out", out, "--model", model, "--precision", precision]
    command += ["--truncate"] if kind == "texts" else []
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 3):  # 3: some inputs were skipped
        raise SystemExit(f"{command}: exit status {status}")
    with open(f"{out}.ids.jsonl") as lines:
        ids = [json.loads(line) for line in lines]
    return numpy.load(out).astype(numpy.float64), ids, usage.ru_maxrss / 1e3


def main():
    arguments = argparse.ArgumentParser()
    for name in ["photos", "classes", "captions"]:
        arguments.add_argument(name)
    arguments.add_argument("--model", default="starter")
    options = arguments.parse_args()
    classes = json.load(open(options.classes))
    wnids = sorted(entry.name for entry in os.scandir(options.photos) if entry.is_dir())
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        prompts = folder / "prompts.txt"
        template = classes["templates"][0]
        prompts.write_text("\n".join(template.replace("{}", name) for name in classes["classnames"]) + "\n")
        captions = folder / "captions.txt"
        lines = pathlib.Path(options.captions).read_text().splitlines()
        captions.write_text("\n".join(line.split("\t")[-1] for line in lines) + "\n")
        print("| precision | images: cosine, mean | min | texts: cosine, mean | min | zero-shot top-1 | same answer | peak memory, MB |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|")
        exact = None
        for precision in PRECISIONS:
            images, ids, memory = embed("images", options.photos, options.model, precision, folder)
            texts, _, _ = embed("texts", captions, options.model, precision, folder)
            names, _, _ = embed("texts", prompts, options.model, precision, folder)
            truth = numpy.array([wnids.index(name_of_class(row)) for row in ids])
            answers = (images @ names.T).argmax(1)
            exact = exact or (images, texts, answers)
            cosines = [(a * b).sum(1) for a, b in zip(exact, (images, texts))]
            columns = [f"{value:.5f}" for cosine in cosines for value in (cosine.mean(), cosine.min())]
            accuracy, same = (answers == truth).mean(), (answers == exact[2]).mean()
            print("|", " | ".join([precision, *columns, f"{accuracy:.1%}", f"{same:.1%}", f"{memory:.0f}"]), "|")
        print(f"\n{len(images)} images, {len(texts)} texts, {len(names)} classes")


def name_of_class(row):
    path = row if isinstance(row, str) else row.get("input") or row.get("id")
    return pathlib.Path(path).parent.name


if __name__ == "__main__":
    main()
