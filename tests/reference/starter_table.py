"""The table of the starter's model card, for any models, with the embeddings that the program makes.

    python tests/reference/starter_table.py --program target/release/clip-rs --data ../shared/data [MODEL ...]

MODEL is what `--model` takes; without one, the built-in starter. Data are the folders `imagenet-samples`, `cifar-10`,
`caltech101`, `oxford-iiit-pet`, `mscoco` and `photos` below DATA. Prints a table in Markdown with a column for each model.
Pictures, names and sentences are the card's; where the card does not say them (Caltech-101's names, which 79 pictures of
COCO), those below stand in its place. Needs numpy, Pillow and torchvision (for the short names of ImageNet's classes).
"""

import argparse
import collections
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.models import ResNet18_Weights

PROJECT = Path(__file__).resolve().parents[2]
CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
PETS = {"Abyssinian": "Abyssinian cat", "Bengal": "Bengal cat", "american_bulldog": "american bulldog"}
# Folders of Caltech-101 whose names are not what they show; the others are as they are, in small letters.
CALTECH101 = {"Faces": "face", "Leopards": "leopard", "Motorbikes": "motorbike", "airplanes": "airplane", "car_side": "car",
              "cougar_body": "cougar", "rhino": "rhinoceros", "water_lilly": "water lily"}
# Folders of Caltech-101 and classes of CIFAR-10 that clearly belong to a word.
GROUPS = {
    "dog": ["dalmatian", 5],
    "cat": ["Leopards", "cougar_body", "cougar_face", "wild_cat", 3],
    "bird": ["emu", "flamingo", "flamingo_head", "ibis", "pigeon", "rooster", 2],
    "fish": ["bass", "sea_horse"],
    "insect": ["ant", "butterfly", "dragonfly", "mayfly"],
    "vehicle": ["Motorbikes", "airplanes", "car_side", "helicopter", 0, 1, 9],
    "boat": ["ferry", "ketch", "schooner", 8],
    "musical instrument": ["accordion", "electric_guitar", "euphonium", "grand_piano", "mandolin", "saxophone"],
    "fruit": ["strawberry"],
    "building": ["minaret", "pagoda"],
}
PHOTO = ["a photo of {a}."]
BLURRY = ["a photo of {a}.", "a blurry photo of {a}.", "a low resolution photo of {a}."]


def sentences(names, templates):
    """A list for each template; `{a}` is the name with its article, `{}` without."""
    article = [("an " if name[0].lower() in "aeiou" else "a ") + name for name in names]
    return [[t.replace("{a}", a).replace("{}", n) for n, a in zip(names, article)] for t in templates]


class Pictures:
    """Every picture of the table, in one list, with where each part of it is."""

    def __init__(self, data, scratch):
        self.paths, self.places = [], {}
        imagenet = sorted((data / "imagenet-samples/val").glob("*/*"))
        self.add("imagenet", imagenet[:250])
        records = np.fromfile(data / "cifar-10/cifar-10-batches-bin/test_batch.bin", "u1").reshape(-1, 3073)
        self.cifar_labels = records[:, 0].astype(int)
        for i, record in enumerate(records):
            picture = Image.fromarray(record[1:].reshape(3, 32, 32).transpose(1, 2, 0))
            picture.save(scratch / f"{i:05}.png")
        self.add("cifar10", [scratch / f"{i:05}.png" for i in range(len(records))])
        folders = sorted(f for f in (data / "caltech101/101_ObjectCategories").iterdir()
                         if f.name not in ("BACKGROUND_Google", "Faces_easy"))
        self.caltech_folders = [f.name for f in folders]
        self.caltech_labels = [i for i, f in enumerate(folders) for _ in f.iterdir()]
        self.add("caltech101", [path for f in folders for path in sorted(f.iterdir())])
        pets = sorted((data / "oxford-iiit-pet/images").iterdir())
        self.pet_labels = np.array([list(PETS).index(path.stem.rsplit("_", 1)[0]) for path in pets])
        self.add("pets", pets)
        captions = json.loads((data / "mscoco/annotations/captions_val2017.json").read_text())["annotations"]
        by_picture = collections.defaultdict(list)
        for caption in captions:
            by_picture[f"{caption['image_id']:012}.jpg"].append(" ".join(caption["caption"].split()))
        self.captions = [by_picture[name][:5] for name in sorted(by_picture)]
        self.add("coco", [data / "mscoco/val2017" / name for name in sorted(by_picture)])
        self.card = json.loads((PROJECT / "crates/clip/assets/starter/results.json").read_text())
        self.add("photos", [data / "photos" / Path(photo["file"]).name for photo in self.card["photos"]])

    def add(self, name, paths):
        self.places[name] = slice(len(self.paths), len(self.paths) + len(paths))
        self.paths += paths


class Model:
    """Embeddings by the program; each text once."""

    def __init__(self, program, model, pictures, scratch):
        self.program, self.model, self.scratch, self.known = program, model, scratch, {}
        listed = "\n".join(str(path) for path in pictures.paths)
        found = self.embed("images", listed)
        assert len(found) == len(pictures.paths), "a picture was skipped"
        self.images = {name: found[place] for name, place in pictures.places.items()}

    def embed(self, kind, lines):
        out = self.scratch / f"{kind}.npy"
        command = [self.program, "embed", kind, "-", "--out", out, "--model", self.model, "--quiet"]
        subprocess.run(command, input=lines.encode(), check=True, stdout=subprocess.DEVNULL)
        return np.load(out).astype(np.float64)

    def texts(self, texts):
        new = sorted(set(texts) - self.known.keys())
        if new:
            self.known.update(zip(new, self.embed("texts", "\n".join(new)), strict=True))
        return np.array([self.known[text] for text in texts])

    def classes(self, names, templates):
        mean = sum(self.texts(texts) for texts in sentences(names, templates))
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def ranks(images, texts, labels):
    """How many texts are closer to each image than its own."""
    scores = images @ texts.T
    return (scores > scores[np.arange(len(labels)), labels][:, None]).sum(1)


def share(ranks, k=1):
    return f"{100 * np.mean(ranks < k):.1f}"


def both(ranks):
    return f"{share(ranks)} / {share(ranks, 5)}"


def groups(model, pictures):
    """Ranks among the ten words, and each picture's word."""
    picked, words = [], []
    names = [pictures.caltech_folders[i] for i in pictures.caltech_labels]
    for word, members in enumerate(GROUPS.values()):
        mine = [row for row, name in zip(model.images["caltech101"], names) if name in members]
        mine += [row for row, label in zip(model.images["cifar10"], pictures.cifar_labels) if label in members]
        picked += mine
        words += [word] * len(mine)
    texts = model.classes(list(GROUPS), ["a photo of {a}.", "a photo of the {}.", "{}"])
    return ranks(np.array(picked), texts, words), np.array(words)


def retrieval(images, texts, per_image):
    """Ranks of the best own caption of each image, and of the own image of each caption."""
    scores, count = images @ texts.T, len(images)
    own = np.repeat(np.arange(count), per_image)
    best = scores.reshape(count, count, per_image)[np.arange(count), np.arange(count)].max(1)
    return (scores > best[:, None]).sum(1), (scores > scores[own, np.arange(len(own))]).sum(0)


def measure(model, pictures):
    """Lines of the table: what, figure."""
    images, lines = model.images, {}
    short = ResNet18_Weights.DEFAULT.meta["categories"]
    usual = json.loads((PROJECT / "crates/clip-data/assets/prompts/imagenet.json").read_text())["classnames"]
    lines["ImageNet, first 250 of 1,000 classes, one picture each, WordNet's names"] = both(
        ranks(images["imagenet"], model.classes(short, PHOTO), np.arange(250)))
    lines["the same, OpenAI's names"] = both(ranks(images["imagenet"], model.classes(usual, PHOTO), np.arange(250)))
    cifar = ranks(images["cifar10"], model.classes(CIFAR10, BLURRY), pictures.cifar_labels)
    lines["CIFAR-10 test, first 200"], lines["CIFAR-10 test, 500"] = both(cifar[:200]), both(cifar)
    names = [CALTECH101.get(f, f.replace("_", " ").lower()) for f in pictures.caltech_folders]
    texts = model.classes(names, ["a photo of {a}.", "a picture of {a}."])
    lines["Caltech-101, 100 classes, two pictures each"] = both(ranks(images["caltech101"], texts, pictures.caltech_labels))
    pets = pictures.pet_labels
    lines["Oxford pets, 3 breeds, 56 pictures"] = share(ranks(images["pets"], model.classes(list(PETS.values()), PHOTO), pets))
    is_dog = (pets == 2).astype(int)
    lines["the same, cat or dog"] = share(ranks(images["pets"], model.classes(["cat", "dog"], PHOTO), is_dog))
    found, words = groups(model, pictures)
    lines["ten group words, 425 pictures"] = both(found)
    each = [found[words == word] for word in range(len(GROUPS))]
    lines["mean over the words"] = f"{100 * np.mean([np.mean(one < 1) for one in each]):.1f}"
    for word, one in zip(GROUPS, each):
        lines[f"{word}, {len(one)} pictures"] = share(one)
    for count in (1, 5):
        captions = [c for own in pictures.captions for c in own[:count]]
        to_text, to_image = retrieval(images["coco"], model.texts(captions), count)
        lines[f"COCO val2017, 64 pictures, captions of each: {count}; image to text"] = both(to_text)
        lines[f"COCO val2017, 64 pictures, captions of each: {count}; text to image"] = both(to_image)
    wanted = [pictures.card["labels"].index(photo["expected"]) for photo in pictures.card["photos"]]
    texts = model.texts(pictures.card["texts"])
    lines["twelve photos, 20 labels, right"] = str((ranks(images["photos"], texts, wanted) < 1).sum())
    logits = pictures.card["logit_scale"] * images["photos"] @ texts.T
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for photo, one, label in zip(pictures.card["photos"], probabilities, wanted):
        lines[f"{Path(photo['file']).name}: probability of \"{photo['expected']}\""] = f"{one[label]:.3f}"
    return lines


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", default="clip-rs")
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("models", nargs="*", default=["starter"])
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        pictures = Pictures(options.data.resolve(), scratch)
        columns = [measure(Model(options.program, model, pictures, scratch), pictures) for model in options.models]
    print("| top 1 / top 5 (R@1 / R@5), % |", " | ".join(Path(model).name for model in options.models), "|")
    print("|---|" + "---:|" * len(columns))
    for line in columns[0]:
        print(f"| {line} |", " | ".join(column[line] for column in columns), "|")


if __name__ == "__main__":
    main()
