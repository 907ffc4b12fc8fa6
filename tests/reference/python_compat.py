"""Scripts written for openai/CLIP, open_clip and CLIP_benchmark, unchanged but for the import: the same figures from clip_rs.

    PYTHONPATH=bindings/python/python python tests/reference/python_compat.py [--data ../shared/data] [--golden ../shared/golden]

Every script below is a function of the module it would have imported, and runs with both on the weights of the starter
model. Tokens and pixels must be equal, features within 1e-5 of their norm, predictions and accuracies the same. Needs
`pip install torch open_clip_torch==3.3.0 clip-anytorch==2.6.0 clip-benchmark==1.6.2 scikit-learn pycocotools`, and clip_rs
(installed, or a build beside its sources as above); the data are described in `bench/README.md`. About ten minutes on two cores.
"""
import argparse
import inspect
import json
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import tempfile
import warnings

import clip
import clip_benchmark
import numpy as np
import open_clip
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression

import clip_rs.compat.open_clip as our_open_clip
import clip_rs.compat.openai as our_clip

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
STARTER = PROJECT / "crates/clip/assets/starter"
PROMPTS = pathlib.Path(clip_benchmark.__file__).parent / "datasets"
BOUND = 1e-5
PHOTOS = {
    "astronaut": "a portrait of an astronaut", "cat": "a photo of a cat", "coffee": "a cup of coffee", "dog": "a dog outside",
    "elephant": "an elephant", "laptop": "a laptop on a desk", "pizza": "a pizza", "rocket": "a rocket that takes off",
}


# --- openai/CLIP -------------------------------------------------------------------------------------------------------

def readme_zero_shot(clip, weights, data):
    """One picture and three texts: features, logits, probabilities."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, preprocess = clip.load(weights, device=device)
    image = preprocess(Image.open(PROJECT / "photos/cat.jpg")).unsqueeze(0).to(device)
    text = clip.tokenize(["a diagram", "a dog", "a cat"]).to(device)
    with torch.no_grad():
        image_features, text_features = model.encode_image(image), model.encode_text(text)
        logits_per_image, logits_per_text = model(image, text)
        probs = logits_per_image.softmax(dim=-1).cpu().numpy()
    return {"pixels": image, "tokens": text, "image features": image_features, "text features": text_features,
            "logits": logits_per_image, "logits of texts": logits_per_text, "probabilities": probs, "prediction": probs.argmax(-1)}


def readme_cifar100(clip, weights, data):
    """CIFAR-100's classes for each of its pictures, the five best."""
    model, preprocess = clip.load(weights, "cpu")
    images, _, names = cifar100(data)
    inputs = torch.stack([preprocess(image) for image in images])
    text_inputs = torch.cat([clip.tokenize(f"a photo of a {name}") for name in names])
    with torch.no_grad():
        image_features, text_features = model.encode_image(inputs), model.encode_text(text_inputs)
    unit_images = image_features / image_features.norm(dim=-1, keepdim=True)
    unit_texts = text_features / text_features.norm(dim=-1, keepdim=True)
    similarity = (100.0 * unit_images @ unit_texts.T).softmax(dim=-1)
    values, indices = similarity.topk(5)
    return {"pixels": inputs, "tokens": text_inputs, "image features": image_features, "text features": text_features,
            "probabilities": values, "predictions": indices}


def readme_linear_probe(clip, weights, data):
    """Logistic regression on features of CIFAR-10."""
    model, preprocess = clip.load(weights, "cpu")

    def get_features(dataset):
        all_features, all_labels = [], []
        with torch.no_grad():
            for images, labels in torch.utils.data.DataLoader(dataset, batch_size=100, num_workers=2):
                all_features.append(model.encode_image(images.to("cpu")))
                all_labels.append(labels)
        return torch.cat(all_features).cpu().numpy(), torch.cat(all_labels).cpu().numpy()

    (train_features, train_labels), (test_features, test_labels) = (
        get_features(Pictures(*cifar10(data, name), preprocess)) for name in ("data_batch_1", "test_batch"))
    classifier = LogisticRegression(random_state=0, C=0.316, max_iter=1000)
    classifier.fit(train_features, train_labels)
    predictions = classifier.predict(test_features)
    return {"features": train_features, "features of the test": test_features, "predictions": predictions,
            "accuracy": np.mean(predictions == test_labels) * 100.0}


def notebook_interacting(clip, weights, data):
    """Sizes of the model; eight photos with eight texts; CIFAR-100's classes for the photos."""
    model, preprocess = clip.load(weights)
    model.eval().float().to("cpu")
    sizes = [int(np.sum([int(np.prod(p.shape)) for p in model.parameters()])), model.visual.input_resolution, model.context_length,
             model.vocab_size]
    image_input = torch.tensor(np.stack([preprocess(Image.open(PROJECT / f"photos/{name}.jpg").convert("RGB")) for name in PHOTOS]))
    text_tokens = clip.tokenize(["This is " + text for text in PHOTOS.values()])
    with torch.no_grad():
        image_features = model.encode_image(image_input).float()
        text_features = model.encode_text(text_tokens).float()
    raw_images, raw_texts = image_features.clone(), text_features.clone()
    image_features /= image_features.norm(dim=-1, keepdim=True)
    text_features /= text_features.norm(dim=-1, keepdim=True)
    similarity = text_features.cpu().numpy() @ image_features.cpu().numpy().T
    classes = clip.tokenize([f"This is a photo of a {label}" for label in cifar100(data)[2]])
    with torch.no_grad():
        class_features = model.encode_text(classes).float()
        class_features /= class_features.norm(dim=-1, keepdim=True)
    text_probs = (100.0 * image_features @ class_features.T).softmax(dim=-1)
    top_probs, top_labels = text_probs.cpu().topk(5, dim=-1)
    return {"sizes": sizes, "pixels": image_input, "tokens": text_tokens, "image features": raw_images, "text features": raw_texts,
            "similarity": similarity, "predictions by photo": similarity.argmax(0), "probabilities": top_probs, "predictions": top_labels}


def notebook_prompt_engineering(clip, weights, data):
    """ImageNet's names in eighty templates; top 1 and top 5 on a picture of each class."""
    model, preprocess = clip.load(weights)
    names, templates = imagenet_prompts()
    with torch.no_grad():
        zeroshot_weights = []
        for name in names:
            texts = clip.tokenize([template.replace("{c}", name) for template in templates])
            class_embeddings = model.encode_text(texts)
            class_embeddings /= class_embeddings.norm(dim=-1, keepdim=True)
            class_embedding = class_embeddings.mean(dim=0)
            class_embedding /= class_embedding.norm()
            zeroshot_weights.append(class_embedding)
        zeroshot_weights = torch.stack(zeroshot_weights, dim=1)
        loader = torch.utils.data.DataLoader(Pictures(*imagenet(data), preprocess), batch_size=32, num_workers=2)
        logits, labels = [], []
        for images, target in loader:
            image_features = model.encode_image(images)
            image_features /= image_features.norm(dim=-1, keepdim=True)
            logits.append(100.0 * image_features @ zeroshot_weights)
            labels.append(target)
    logits, labels = torch.cat(logits), torch.cat(labels)
    correct = logits.topk(5, 1, True, True)[1].t().eq(labels.view(1, -1))
    return {"class vectors": zeroshot_weights, "logits": logits, "predictions": logits.argmax(-1),
            "top 1": float(correct[:1].float().sum()), "top 5": float(correct[:5].float().sum())}


# --- open_clip ---------------------------------------------------------------------------------------------------------

def open_clip_readme(open_clip, folder, data):
    """A picture and three texts; the same with `normalize`, by calling the model, and as a class matrix."""
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    model.eval()
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    image = preprocess(Image.open(PROJECT / "photos/dog.jpg")).unsqueeze(0)
    text = tokenizer(["a diagram", "a dog", "a cat"])
    with torch.no_grad(), torch.autocast("cuda"):
        image_features, text_features = model.encode_image(image), model.encode_text(text)
        raw_images, raw_texts = image_features.clone(), text_features.clone()
        image_features /= image_features.norm(dim=-1, keepdim=True)
        text_features /= text_features.norm(dim=-1, keepdim=True)
        text_probs = (100.0 * image_features @ text_features.T).softmax(dim=-1)
        unit_images, unit_texts, scale = model(image, text)
        normalized = model.encode_image(image, normalize=True)
        image_logits, _ = model.get_logits(image, text)
    matrix = open_clip.build_zero_shot_classifier(model, tokenizer, ["cat", "dog"], [lambda name: f"a {name}.", "{}".format])
    return {"pixels": image, "tokens": text, "image features": raw_images, "text features": raw_texts, "probabilities": text_probs,
            "unit images": unit_images, "unit texts": unit_texts, "scale": scale / 100, "normalized": normalized, "logits": image_logits,
            "prediction": text_probs.argmax(-1), "class matrix": matrix, "context length": tokenizer.context_length,
            "recipe": {name: model.visual.preprocess_cfg[name] for name in ("interpolation", "resize_mode")}}


# --- data --------------------------------------------------------------------------------------------------------------

class Pictures(torch.utils.data.Dataset):
    """Pictures with labels."""

    def __init__(self, images, labels, transform):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index]
        return self.transform(image if isinstance(image, Image.Image) else Image.open(image)), int(self.labels[index])


def rows_of(batch):
    return [Image.fromarray(row.reshape(3, 32, 32).transpose(1, 2, 0)) for row in np.asarray(batch, dtype=np.uint8)]


def cifar100(data):
    records = np.fromfile(data / "cifar-100-layout/cifar-100-binary/test.bin", dtype=np.uint8).reshape(-1, 3074)
    names = (data / "cifar-100-layout/cifar-100-binary/fine_label_names.txt").read_text().split()
    return rows_of(records[:, 2:]), records[:, 1], names


def cifar10(data, name):
    records = np.fromfile(data / f"cifar-10/cifar-10-batches-bin/{name}.bin", dtype=np.uint8).reshape(-1, 3073)
    return rows_of(records[:, 1:]), records[:, 0]


def imagenet(data):
    folders = sorted(path for path in (data / "imagenet-samples/val").iterdir() if path.is_dir())
    return zip(*((image, label) for label, folder in enumerate(folders) for image in sorted(folder.iterdir())))


def imagenet_prompts():
    """Names and templates; of two classes of one name the second gets a number, as equal scores have no order."""
    names = json.loads((PROMPTS / "en_classnames.json").read_text())["imagenet1k"]
    names = [f"{name} {number}" if name in names[:number] else name for number, name in enumerate(names)]
    return names, json.loads((PROMPTS / "en_zeroshot_classification_templates.json").read_text())["imagenet1k"]


# --- comparing ---------------------------------------------------------------------------------------------------------

def compare(script, theirs, ours):
    """Prints the greatest differences; false where a bound is broken."""
    good = True
    for name, expected in theirs.items():
        found = ours[name]
        if isinstance(expected, (torch.Tensor, np.ndarray)) and np.asarray(expected).dtype.kind == "f":
            expected, found = (np.asarray(value, dtype=np.float64) for value in (expected, found))
            absolute = float(np.abs(expected - found).max())
            relative = float((np.linalg.norm(expected - found, axis=-1) / np.linalg.norm(expected, axis=-1)).max()) if expected.ndim else 0
            equal = expected.shape == found.shape and (absolute == 0 if "pixels" in name else bounded(name, absolute, relative))
            print(f"  {name} {list(expected.shape)}: greatest difference {absolute:.2g}, relative {relative:.2g}, "
                  f"largest value {np.abs(expected).max():.3g}{'' if equal else '  BROKEN'}")
        else:
            equal = np.array_equal(np.asarray(expected), np.asarray(found)) if not isinstance(expected, dict) else expected == found
            said = expected if np.ndim(expected) == 0 else f"{list(np.shape(expected))} equal"
            print(f"  {name}: {said}{'' if equal else '  BROKEN'}")
        good &= bool(equal)
    print(f"{script}: {'the same' if good else 'DIFFERENT'}", flush=True)
    return good


def bounded(name, absolute, relative):
    """Features by the norm of their difference over their norm, as unit vectors differ; what is made of 100 cosines, in their unit."""
    if "logits" in name or "probabilities" in name:
        return absolute / 100 <= BOUND
    return relative <= BOUND if "similarity" not in name else absolute <= BOUND


def signatures():
    """Parameters that a script may give by place or name: ours have theirs, in their order, with their defaults."""
    pairs = [(clip.available_models, our_clip.available_models), (clip.load, our_clip.load), (clip.tokenize, our_clip.tokenize)]
    names = ("create_model", "create_model_and_transforms", "create_model_from_pretrained", "get_tokenizer", "tokenize", "list_models",
             "list_pretrained", "list_pretrained_tags_by_model", "list_openai_models", "get_input_dtype", "build_zero_shot_classifier")
    pairs += [(getattr(open_clip, name), getattr(our_open_clip, name)) for name in names]
    pairs += [(getattr(open_clip.CLIP, name), getattr(our_open_clip.CLIP, name))
              for name in ("encode_image", "encode_text", "get_logits", "forward")]
    pairs += [(getattr(clip.model.CLIP, name), getattr(our_clip.CLIP, name)) for name in ("encode_image", "encode_text", "forward")]
    good = True
    for theirs, ours in pairs:
        shapes = [[(p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()] for f in (theirs, ours)]
        if shapes[0] != shapes[1]:
            good = False
            print(f"  {theirs.__module__}.{theirs.__qualname__}: BROKEN\n    {shapes[0]}\n    {shapes[1]}")
    good &= clip.available_models() == our_clip.available_models()
    known = set(open_clip.list_pretrained())
    good &= all(pair in known for pair in our_open_clip.list_pretrained() if pair[0] != "starter")
    good &= set(our_open_clip.list_openai_models()) == {name.replace("/", "-").replace("@336px", "-336") for name in clip.available_models()}
    print(f"signatures of {len(pairs)} functions, names of models and tags: {'the same' if good else 'DIFFERENT'}")
    return good


def tokens(golden):
    """Both tokenizers on the golden strings, whole and cut, and on texts with markers."""
    with open(golden / "tokenizer/cases.jsonl") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    markers = ["<start_of_text>a<end_of_text>", "<|startoftext|> a <|endoftext|>!", "!<|ENDOFTEXT|>x <Start_Of_Text>", "a < b", "&lt;end_of_text&gt;"]
    good = True
    for length in (77, 16):
        expected, found = (module.tokenize(texts + markers, length, truncate=True) for module in (clip, our_clip))
        good &= torch.equal(expected.int(), found) and found.dtype == torch.int32
        theirs, ours = open_clip.get_tokenizer("ViT-B-32", length), our_open_clip.get_tokenizer("ViT-B-32", length)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # how many were cut
            expected, found = theirs(texts + markers), ours(texts + markers)
        different = (expected != found).any(dim=1).nonzero().flatten().tolist()
        for row in different[:5]:
            print(f"  open_clip: {(texts + markers)[row]!r}: {expected[row].tolist()} {found[row].tolist()}")
        good &= not different and expected.dtype == found.dtype
    good &= all(theirs.encode(text) == ours.encode(text) for text in texts[:200] + markers)
    print(f"tokens of {len(texts)} golden strings and {len(markers)} with markers at two lengths: {'the same' if good else 'DIFFERENT'}")
    return good


# --- CLIP_benchmark ----------------------------------------------------------------------------------------------------

THEIR_PROGRAM = "import sys, open_clip; open_clip.add_model_config(sys.argv.pop(1)); from clip_benchmark.cli import main; main()"


def benchmark(name, folder, options):
    """One evaluation by both, each in a process of its own with two forked workers; true where all metrics are the same."""
    common = ["eval", "--no_amp", "--num_workers", "2", "--batch_size", "64", "--quiet", *map(str, options)]
    config = folder / "starter.json"
    config.write_text(json.dumps(json.loads((STARTER / "open_clip_config.json").read_text())["model_cfg"]))
    commands = {
        "CLIP_benchmark": ["-c", THEIR_PROGRAM, str(config), *common, "--model", "starter", "--pretrained", str(STARTER / "starter.safetensors")],
        "clip_rs": ["-m", "clip_rs.compat.clip_benchmark", *common, "--model_type", "clip_rs", "--model", "starter", "--pretrained", "starter"],
    }
    metrics = {}
    for program, command in commands.items():
        output = folder / f"{name}-{program}.json"
        subprocess.run([sys.executable, *command, "--output", str(output)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        metrics[program] = json.loads(output.read_text())["metrics"]
    theirs, ours = metrics.values()
    good = theirs.keys() == ours.keys() and all(abs(theirs[key] - ours[key]) <= 1e-6 for key in theirs)
    print(f"{name}: {metrics}: {'the same' if good else 'DIFFERENT'}", flush=True)
    return good


def benchmarks(data, folder):
    names, templates = imagenet_prompts()
    files = {"--custom_classname_file": names, "--custom_template_file": templates}
    options = []
    for flag, lines in files.items():
        file = folder / f"{flag.strip('-')}.json"
        file.write_text(json.dumps({"imagenet": lines, "imagenet1k-unverified": lines}))
        options += [flag, file]
    coco = folder / "coco"
    coco.mkdir()
    os.symlink((data / "mscoco/val2017").resolve(), coco / "val2014")
    captions = data / "mscoco/annotations/captions_val2017.json"
    voc = data / "voc2007-layout"
    return all([
        benchmark("zeroshot_classification", folder,
                  ["--dataset", "imagenet1k-unverified", "--dataset_root", data / "imagenet-samples", *options]),
        benchmark("zeroshot_retrieval", folder, ["--dataset", "mscoco_captions", "--dataset_root", coco, "--annotation_file", captions,
                                                 "--recall_k", 1, 5, 10]),
        benchmark("multilabel", folder, ["--dataset", "voc2007_multilabel", "--dataset_root", voc]),
    ])


def write_openai_layout(path):
    """The starter as OpenAI's archives are: their three scalars, and f16 where `clip.load` rounds to it anyway."""
    model = clip.model.build_model(open_clip.factory.load_state_dict(str(STARTER / "starter.safetensors")))
    scalars = {"input_resolution": torch.tensor(224), "context_length": torch.tensor(77), "vocab_size": torch.tensor(49408)}
    torch.save({**model.state_dict(), **scalars}, path)
    return str(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=PROJECT.parent / "shared/data")
    parser.add_argument("--golden", type=pathlib.Path, default=PROJECT.parent / "shared/golden")
    parser.add_argument("--only", nargs="+", help="parts to run: their names as they are printed")
    options = parser.parse_args()
    wanted = lambda name: not options.only or name in options.only
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        weights = write_openai_layout(folder / "starter.pt")
        hub = folder / "hub"
        hub.mkdir()
        for name in ("starter.safetensors", "open_clip_config.json"):
            shutil.copy(STARTER / name, hub)
        good = []
        if wanted("signatures"):
            good += [signatures()]
        if wanted("tokens"):
            good += [tokens(options.golden)]
        for script in (readme_zero_shot, readme_cifar100, readme_linear_probe, notebook_interacting, notebook_prompt_engineering):
            if wanted(script.__name__):
                theirs = script(clip, weights, options.data)
                good += [compare(script.__name__, theirs, script(our_clip, weights, options.data))]
        if wanted("open_clip_readme"):
            theirs = open_clip_readme(open_clip, hub, options.data)
            good += [compare("open_clip_readme", theirs, open_clip_readme(our_open_clip, hub, options.data))]
        if wanted("benchmarks"):
            good += [benchmarks(options.data, folder)]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
