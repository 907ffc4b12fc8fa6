"""Every zero-shot prediction of a results folder against PyTorch's on the same images.

    clip-rs eval suite tests/reference/starter_suite.toml --out RESULTS
    python tests/reference/zero_shot_predictions.py RESULTS ROOT [--tie 1e-4]

ROOT is where the data sets are. Weights are the starter model's, run by open_clip in f32; pixels are Pillow's and torchvision's,
converted to RGB before the resize; arrays are read by numpy, scipy and h5py, not by clip-rs. Two classes may be exchanged only
where PyTorch's own two best logits are closer than the tie.
"""
import argparse
import gzip
import io
import json
import pathlib
import struct
import tempfile

import numpy as np
import open_clip
import torch
from PIL import Image

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
STARTER = PROJECT / "crates/clip/assets/starter"
PROMPTS = PROJECT / "crates/clip-data/assets/prompts"
CUT = {"objectnet": 2}  # pixels of its red border


def find(root, name):
    """The file or folder of this name below the root: the first in order of the paths."""
    found = sorted(root.rglob(name))
    if not found:
        raise FileNotFoundError(f"{name} below {root}")
    return found[0]


def unzipped(path):
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def planes(bytes_, count, head, side=32):
    """Records of CIFAR: `head` label bytes, then three planes."""
    records = np.frombuffer(bytes_, np.uint8).reshape(-1, head + 3 * side * side)[:, head:]
    return records.reshape(-1, 3, side, side).transpose(0, 2, 3, 1)


def arrays(dataset, root):
    """The test images of a data set that keeps them in one file, or None."""
    if dataset == "cifar10":
        return planes(find(root, "test_batch.bin").read_bytes(), 0, 1)
    if dataset == "cifar100":
        return planes(find(root, "cifar-100-binary").joinpath("test.bin").read_bytes(), 0, 2)
    if dataset == "mnist":
        raw = unzipped(find(root, "t10k-images-idx3-ubyte*"))
        count, rows, columns = struct.unpack(">III", raw[4:16])
        return np.frombuffer(raw, np.uint8, offset=16).reshape(count, rows, columns)
    if dataset == "svhn":
        import scipy.io
        return scipy.io.loadmat(find(root, "test_32x32.mat"))["X"].transpose(3, 0, 1, 2)
    if dataset == "stl10":
        raw = np.frombuffer(find(root, "test_X.bin").read_bytes(), np.uint8)
        return raw.reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1)
    if dataset == "pcam":
        import h5py
        path = find(root, "camelyonpatch_level_2_split_test_x.h5*")
        with h5py.File(io.BytesIO(unzipped(path)), "r") as file:
            return file["x"][:]
    if dataset == "fer2013":
        import csv
        with open(find(root, "fer2013.csv"), newline="") as table:
            rows = [row for row in csv.DictReader(table) if row["Usage"].strip() == "PrivateTest"]
        return np.array([[int(value) for value in row["pixels"].split()] for row in rows], np.uint8).reshape(-1, 48, 48)
    return None


def images(cell, predictions, root):
    """The images of a results file in its order."""
    dataset = cell["dataset"]
    array = arrays(dataset, root)
    for prediction in predictions:
        if array is not None:
            yield Image.fromarray(np.ascontiguousarray(array[int(prediction["item"].rsplit("/", 1)[1])]))
            continue
        image = Image.open(located(root, prediction["item"])).convert("RGB")
        cut = CUT.get(dataset, 0)
        yield image.crop((cut, cut, image.width - cut, image.height - cut)) if cut else image


FOLDERS = {}


def located(root, item):
    """The file of an item: below the first folder that has it."""
    for folder in [FOLDERS.get(root), root, *sorted(path for path in root.glob("**/") if path.is_dir())]:
        if folder and (folder / item).is_file():
            FOLDERS[root] = folder
            return folder / item
    raise FileNotFoundError(f"{item} below {root}")


def head(model, tokenizer, prompts):
    """One unit column for each class."""
    columns = []
    for names in prompts["classnames"]:
        names = [names] if isinstance(names, str) else names
        texts = [template.replace("{}", name) for name in names for template in prompts["templates"]]
        columns.append(torch.nn.functional.normalize(model.encode_text(tokenizer(texts), normalize=True).mean(0), dim=0))
    return torch.stack(columns, 1)


def prompts_of(dataset):
    file = {"imagenetv2": "imagenet", "imagenet_sketch": "imagenet"}.get(dataset, dataset)
    return json.loads((PROMPTS / f"{file}.json").read_text())


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--folders", default="{}", help="JSON: folder below ROOT of data sets whose files are ambiguous")
    parser.add_argument("--tie", type=float, default=1e-4)
    options = parser.parse_args()
    folders = json.loads(options.folders)
    torch.set_num_threads(2)
    config = json.loads((STARTER / "open_clip_config.json").read_text())["model_cfg"]
    settings = pathlib.Path(tempfile.mkdtemp()) / "starter.json"
    settings.write_text(json.dumps(config))
    open_clip.add_model_config(settings)
    model, _, transform = open_clip.create_model_and_transforms("starter", pretrained=str(STARTER / "starter.safetensors"))
    model.eval()
    tokenizer = open_clip.get_tokenizer("starter")
    apart_in_all, heads = 0, {}
    for path in sorted(options.results.glob("starter/*.zeroshot_classification.json")):
        cell = json.loads(path.read_text())
        lines = path.with_suffix(".predictions.jsonl").read_text().splitlines()
        predictions = [json.loads(line) for line in lines]
        if not predictions or not predictions[0]["best"]:
            continue
        prompts = prompts_of(cell["dataset"])
        key = json.dumps([prompts["classnames"], prompts["templates"]])
        columns = heads[key] if key in heads else heads.setdefault(key, head(model, tokenizer, prompts))
        root = options.root / folders.get(cell["dataset"], "")
        same, ties, apart, batch = 0, 0, 0, []

        def score(batch):
            nonlocal same, ties, apart
            logits = model.logit_scale.exp() * model.encode_image(torch.stack([pixels for pixels, _ in batch]), normalize=True) @ columns
            for row, (_, prediction) in zip(logits, batch):
                theirs, ours = int(row.argmax()), prediction["best"][0]
                same += theirs == ours
                if theirs != ours:
                    near = abs(float(row[theirs] - row[ours])) <= options.tie
                    ties, apart = ties + near, apart + (not near)

        for image, prediction in zip(images(cell, predictions, root), predictions):
            batch.append((transform(image.convert("RGB")), prediction))
            if len(batch) == 64:
                score(batch)
                batch = []
        if batch:
            score(batch)
        apart_in_all += apart
        print(f"{cell['dataset']:<20} {len(predictions):>6} images: {same} the same, {ties} ties, {apart} apart", flush=True)
    assert apart_in_all == 0, f"{apart_in_all} predictions are not PyTorch's"


main()
