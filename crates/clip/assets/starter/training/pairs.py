"""Makes the pairs that train the starter's text tower, of pictures and names in a folder of data sets.

    python pairs.py --program target/release/clip-rs --data ../shared/data --out starter-pairs [--hold-out]

DATA holds `imagenet-samples`, `cifar-10` and `train` (shards). OUT gets `pictures/`, `pairs.jsonl`, `replay.jsonl` and, with
`--hold-out`, `held.jsonl`: a fifth of each set, to choose by, which the others then lack. A line is a picture with its
captions, of which training draws one for each epoch. Needs numpy, Pillow and torchvision (ImageNet's short names).

- Pictures of ImageNet's classes 250 to 999 (the first 250 are a line of the card's table and are not looked at), with both
  lists of names and with words for groups.
- CIFAR-10 (shards, first records of data_batch_1), Caltech-101, Oxford pets, DTD, GTSRB: names and words for groups.
- COCO train2017: the five captions.
- `replay.jsonl`: names of which no picture is here (all of ImageNet's, and those of seven other data sets), each with the
  training picture that the present starter finds nearest. They hold what the text tower knows where it is.
"""

import argparse
import collections
import csv
import json
import random
import re
import subprocess
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision.models import ResNet18_Weights

PROMPTS = Path(__file__).resolve().parents[4] / "clip-data/assets/prompts"
SENTENCES = ["a photo of {a}.", "{a}", "a picture of {a}.", "a photo of the {}.", "{}", "a close-up photo of {a}.",
             "there is {a} in the picture.", "one {} in a photo.", "a good photo of {a}.", "{a}."]
BLURRY = ["a blurry photo of {a}.", "a low resolution photo of {a}.", "a photo of {a}.", "{}", "a photo of the {}.",
          "a small photo of {a}.", "{a}"]
TEXTURE = ["a photo of a {} texture.", "a photo of a {} pattern.", "a {} surface.", "something {}.",
           "a photo of a {} thing.", "a photo of a {} object."]
SIGN = ["a photo of a {} sign.", 'a zoomed in photo of a "{}" traffic sign.', 'a centered photo of a "{}" traffic sign.']

# Words for groups: classes of ImageNet from 250 on.
IMAGENET_GROUPS = {
    "dog": "250-268", "cat": "281-293", "wolf": "269-271", "fox": "277-280", "bear": "294-297", "insect": "300-326",
    "beetle": "300-307", "butterfly": "321-326", "rabbit": "330-332", "sheep": "348-349", "monkey": "370-382",
    "ape": "365-369", "elephant": "385-386", "fish": "389-397",
    "vehicle": "404 405 407 408 436 444 466 468 511 547 555 561 565 569 573 575 595 609 612 627 654 656 661 665 670 671 675 "
               "705 717 734 751 757 779 802 803 812 817 820 829 847 864 866 867 870 874 880 895",
    "boat": "403 472 484 510 554 576 625 628 724 780 814 871 914", "ship": "403 510 628 724 780",
    "truck": "555 569 675 717 864 867", "car": "436 468 511 609 627 656 661 751 817", "airplane": "404 895",
    "bicycle": "444 671", "motorcycle": "665 670", "train": "466 547 820",
    "musical instrument": "401 402 420 432 486 513 541 546 558 566 577 579 593 594 641 642 683 684 687 699 776 822 875 881 889",
    "guitar": "402 546", "piano": "579 881", "fruit": "948-957", "vegetable": "936-946", "flower": "985 986",
    "mushroom": "991-997", "food": "925-935 959-965", "building": "425 437 442 483 497 538 580 663 668 698 727 743 832",
    "house": "425 500 853", "furniture": "423 453 493 495 516 520 526 532 548 553 559 564 703 765 831 857 894",
    "chair": "423 559 765 857", "bed": "520 564", "bag": "414 636 748", "hat": "439 515 808", "shoe": "502 514 630 770 774",
    "computer": "527 590 620 681", "bottle": "440 898 907", "clock": "409 530 892",
}
# The same, names of the shards of Caltech-101 and Oxford pets, and of CIFAR-10.
GROUPS = {
    "dog": ["dalmatian", "american bulldog"],
    "cat": ["leopard", "cougar body", "cougar face", "wild cat", "Abyssinian cat", "Bengal cat"],
    "bird": ["emu", "flamingo", "flamingo head", "ibis", "pigeon", "rooster"], "fish": ["bass", "sea horse"],
    "insect": ["ant", "butterfly", "dragonfly", "mayfly"],
    "vehicle": ["airplanes", "motorbike", "car side", "helicopter", "airplane", "automobile", "truck"],
    "boat": ["ferry", "ketch", "schooner", "ship"], "fruit": ["strawberry"], "building": ["minaret", "pagoda"],
    "musical instrument": ["accordion", "electric guitar", "euphonium", "grand piano", "mandolin", "saxophone"],
    "guitar": ["electric guitar"], "piano": ["grand piano"], "airplane": ["airplanes"], "motorcycle": ["motorbike"],
    "car": ["car side", "automobile"], "ship": ["ferry", "ketch", "schooner"], "person": ["face"],
    "flower": ["sunflower", "lotus", "water lilly"], "furniture": ["chair", "windsor chair"],
    "crocodile": ["crocodile head"], "dinosaur": ["stegosaurus", "brontosaurus"],
    "animal": ["bird", "cat", "deer", "dog", "frog", "horse"],
}
BETTER = {"water lilly": "water lily", "airplanes": "airplane", "car side": "car", "motorbike": "motorcycle",
          "cougar body": "cougar", "rhino": "rhinoceros"}
CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
TEXTURES = ["cobwebbed", "braided", "bubbly", "chequered", "crystalline", "cracked", "crosshatched", "banded", "blotchy", "bumpy"]
# The wordings of the shards, the longer before those that they contain.
WORDINGS = [r"a close-up blurry photo of (?:an?|the) (.*)\.", r"a close-up photo of (?:an?|the) (.*)\.",
            r"a blurry photo of (?:an?|the) (.*)\.", r"a photo of (?:an?|the) (.*) texture\.",
            r"a photo of (?:an?|the) (.*)\.", r"a picture of the (.*)\.", r"there is an? (.*) in the picture\.",
            r"one (.*) in a (?:blurry )?photo\.", r"something (.*)\.", r"an? (.*) (?:pattern|surface)\.", r"an? (.*)\."]
REPLAYED = ["food101", "sun397", "cifar100", "voc2007", "stl10", "resisc45", "ucf101"]


def sentences(names, templates):
    """Every name in every template; `{a}` is the name with its article, `{}` without."""
    article = {name: ("an " if name[0].lower() in "aeiou" else "a ") + name for name in names}
    return [t.replace("{a}", article[n]).replace("{}", n) for n in names for t in templates]


def class_names(dataset):
    return json.loads((PROMPTS / f"{dataset}.json").read_text())["classnames"]


def numbers(text):
    parts = [part.split("-") for part in text.split()]
    return {i for part in parts for i in range(int(part[0]), int(part[-1]) + 1)}


def named(kind, path, name, templates):
    """A picture of one of the shards' names."""
    words = [word for word, members in GROUPS.items() if name in members]
    return kind, path, sentences(sorted({name, BETTER.get(name, name)}) + words, templates)


def imagenet(data):
    short, usual = ResNet18_Weights.DEFAULT.meta["categories"], class_names("imagenet")
    groups = {word: numbers(classes) for word, classes in IMAGENET_GROUPS.items()}
    for i, path in enumerate(sorted((data / "imagenet-samples/val").glob("*/*"))):
        if i >= 250:
            words = [word for word, classes in groups.items() if i in classes]
            yield "imagenet", path, sentences(sorted({short[i], usual[i]}) + words, SENTENCES)


def cifar10(data, pictures):
    file = data / "cifar-10/cifar-10-batches-bin/data_batch_1.bin"
    for i, record in enumerate(np.fromfile(file, "u1").reshape(-1, 3073)):
        path = pictures / f"cifar-{i:05}.png"
        Image.fromarray(record[1:].reshape(3, 32, 32).transpose(1, 2, 0)).save(path)
        yield named("cifar10", path, CIFAR10[record[0]], BLURRY)


def shards(data, pictures):
    for shard in sorted((data / "train").glob("*.tar")):
        with tarfile.open(shard) as tar:
            tar.extractall(pictures, filter="data")
    for row in csv.DictReader((data / "train/samples.csv").open()):
        path, caption = pictures / f"{row['key']}.jpg", row["caption"]
        if row["captions_in_json"] != "0":
            captions = json.loads(path.with_suffix(".json").read_text())["captions"]
            yield "coco", path, [" ".join(text.split()) for text in captions]
            continue
        name = next(m[1] for m in (re.fullmatch(w, caption) for w in WORDINGS) if m)
        is_tiny = row["width"] == row["height"] == "32"
        if is_tiny and name.endswith(" sign"):
            yield "gtsrb", path, sentences([name.removesuffix(" sign")], SIGN)
        elif name in TEXTURES:
            yield "dtd", path, sentences([name], TEXTURE)
        else:
            is_cifar = is_tiny and name in CIFAR10
            yield named("cifar10" if is_cifar else "photos", path, name, BLURRY if is_cifar else SENTENCES)


def embed(options, kind, lines):
    out = options.out / f"{kind}.npy"
    command = [options.program, "embed", kind, "-", "--out", out, "--model", options.model, "--quiet"]
    subprocess.run(command, input="\n".join(map(str, lines)).encode(), check=True, stdout=subprocess.DEVNULL)
    found = np.load(out)
    assert len(found) == len(lines), f"{kind}: some were skipped"
    return found


def replay(options, paths):
    """Names without pictures, each with the nearest one."""
    names = set(ResNet18_Weights.DEFAULT.meta["categories"]).union(*map(class_names, ["imagenet", *REPLAYED]))
    names = sorted(names)
    texts = embed(options, "texts", sentences(names, SENTENCES[:1]))
    nearest = (texts @ embed(options, "images", paths).T).argmax(1)
    return [("replay", paths[i], sentences([name], SENTENCES)) for name, i in zip(names, nearest)]


def write(path, pairs):
    lines = (json.dumps({"image": str(picture), "captions": captions}) for _, picture, captions in pairs)
    path.write_text("".join(line + "\n" for line in lines))
    print(f"{path}: {len(pairs)} pictures,", dict(collections.Counter(kind for kind, _, _ in pairs)))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", default="clip-rs")
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--model", default="starter", help="whose knowledge is replayed")
    arguments.add_argument("--hold-out", action="store_true")
    options = arguments.parse_args()
    options.data, options.out = options.data.resolve(), options.out.resolve()
    pictures = options.out / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    pairs = [*imagenet(options.data), *cifar10(options.data, pictures), *shards(options.data, pictures)]
    random.Random(0).shuffle(pairs)
    if options.hold_out:
        write(options.out / "held.jsonl", pairs[: len(pairs) // 5])
        pairs = pairs[len(pairs) // 5 :]
    write(options.out / "pairs.jsonl", pairs)
    write(options.out / "replay.jsonl", replay(options, [path for _, path, _ in pairs]))


if __name__ == "__main__":
    main()
