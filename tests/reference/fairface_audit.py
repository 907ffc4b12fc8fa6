"""Every count of `clip-rs audit fairface` with the starter model, from the images, by PyTorch and scikit-learn.

    clip-rs audit fairface --root ROOT --out RESULTS --min-group 10
    python tests/reference/fairface_audit.py RESULTS/starter/fairface.audit.fairface.min-group-10.json ROOT

ROOT is the folder with fairface_label_val.csv and val/. Weights are the starter model's, run by open_clip in f32; pixels are
Pillow's and torchvision's; the probe is scikit-learn's on the same folds and C. Nothing of clip-rs is used but the prompt file.

Compared are the images and the hits of every group of every table, the pairs of races that are confused, and the figures of
the paper's Tables 3 to 5: equal to the image, or the script ends with an error that names them. It prints by how little the
closest answer is decided; where that is no more than rounding, an image may fall otherwise.
"""
import argparse
import collections
import csv
import json
import pathlib
import tempfile

import numpy as np
import open_clip
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
STARTER = PROJECT / "crates/clip/assets/starter"
PROMPTS = json.loads((PROJECT / "crates/clip-data/assets/prompts/fairface.json").read_text())
ATTRIBUTES = ["race", "gender", "age"]
LEVELS = {name: PROMPTS[f"{name}_csv"] for name in ATTRIBUTES}
WORDS = {"race": PROMPTS["race"], "gender": PROMPTS["gender"], "age": PROMPTS["age_csv"]}
FOLDS, C = 5, 0.316


def load_starter():
    config = json.loads((STARTER / "open_clip_config.json").read_text())["model_cfg"]
    settings = pathlib.Path(tempfile.mkdtemp()) / "starter.json"
    settings.write_text(json.dumps(config))
    open_clip.add_model_config(settings)
    model, _, transform = open_clip.create_model_and_transforms("starter", pretrained=str(STARTER / "starter.safetensors"))
    return model.eval(), transform, open_clip.get_tokenizer("starter")


def read_faces(root):
    """Labels of the images that are there, in the order of the table."""
    with open(root / "fairface_label_val.csv", newline="") as table:
        return [row for row in csv.DictReader(table) if (root / row["file"]).is_file()]


@torch.inference_mode()
def encode(model, transform, root, faces):
    """Rows before the projection, and unit rows after it."""
    inputs = []
    hook = model.visual.ln_post.register_forward_hook(lambda module, arguments, output: inputs.append(output))
    unit = []
    for start in range(0, len(faces), 64):
        batch = [transform(Image.open(root / face["file"]).convert("RGB")) for face in faces[start:start + 64]]
        unit.append(model.encode_image(torch.stack(batch), normalize=True))
    hook.remove()
    before = torch.cat([rows[:, 0] if rows.ndim == 3 else rows for rows in inputs])
    return before.numpy(), torch.cat(unit)


@torch.inference_mode()
def zero_shot(model, tokenizer, unit, templates):
    """The answer and the margin to the next one, for each attribute."""
    answers, margins = {}, {}
    for name, words in WORDS.items():
        columns = []
        for word in words:
            rows = model.encode_text(tokenizer([template.replace("{}", word) for template in templates]), normalize=True)
            columns.append(torch.nn.functional.normalize(rows.mean(0), dim=0))
        logits = model.logit_scale.exp() * unit @ torch.stack(columns, 1)
        best = logits.sort(dim=1, descending=True).values
        answers[name], margins[name] = logits.argmax(1).numpy(), (best[:, 0] - best[:, 1]).numpy()
    return answers, margins


def probe(rows, truth, c):
    """Answers of folds: the k-th image of each level is in fold k mod 5."""
    answers, margins = {}, {}
    for name in ATTRIBUTES:
        labels, seen = truth[name], collections.Counter()
        folds = np.empty(len(labels), int)
        for image, label in enumerate(labels):
            folds[image] = seen[label] % FOLDS
            seen[label] += 1
        answers[name], margins[name] = np.empty(len(labels), int), np.empty(len(labels))
        for fold in range(FOLDS):
            test = folds == fold
            model = LogisticRegression(C=c, max_iter=100_000, tol=1e-8).fit(rows[~test].astype(np.float64), labels[~test])
            scores = np.atleast_2d(model.decision_function(rows[test].astype(np.float64)))
            if len(model.classes_) == 2:
                scores = np.stack([np.zeros(test.sum()), scores.reshape(-1)], 1)
            best = np.sort(scores, 1)
            answers[name][test], margins[name][test] = model.classes_[scores.argmax(1)], best[:, -1] - best[:, -2]
    return answers, margins


def questions(answers, truth):
    """Which images are right, by the name of the question."""
    white = LEVELS["race"].index("White")
    hits = {name: answers[name] == truth[name] for name in ATTRIBUTES}
    hits["race as White or not"] = (answers["race"] == white) == (truth["race"] == white)
    return hits


class Comparison:
    def __init__(self):
        self.equal, self.different = collections.Counter(), []

    def __call__(self, kind, where, ours, theirs):
        if ours == theirs:
            self.equal[kind] += 1
        else:
            self.different.append(f"{where}: clip-rs {ours}, here {theirs}")


def members(groups, by, levels):
    chosen = [groups[attribute] == level for attribute, level in zip(by, levels)]
    return np.logical_and.reduce(chosen)


def compare_rates(section, hits, groups, compare):
    body = section["body"]
    hit = hits[body["rate"].removesuffix(" is right")]
    found = set()
    for row in body["rows"]:
        of_group = members(groups, body["by"], row["group"])
        found.add(tuple(row["group"]))
        where = f"{section['id']}, {', '.join(row['group'])}"
        compare("sizes of groups", where, row["rate"]["items"], int(of_group.sum()))
        if of_group.sum() >= body["min_group"]:
            compare("hits of groups", where, row["rate"]["hits"], int(hit[of_group].sum()))
        else:
            compare("groups without a figure", where, (row["rate"]["hits"], row["rate"]["share"]), (None, None))
    there = set(zip(*[groups[attribute] for attribute in body["by"]]))
    compare("groups of a table", section["id"], found, there)
    compare("hits of all", section["id"], body["all"]["hits"], int(hit.sum()))


def compare_confusions(section, answers, truth, least, compare):
    races, counts = LEVELS["race"], collections.Counter()
    sizes = collections.Counter(truth["race"])
    for answer, true in zip(answers["race"], truth["race"]):
        if answer != true and sizes[true] >= least:
            counts[races[true], races[answer]] += 1
    ours = {(pair["truth"], pair["prediction"]): pair["count"] for pair in section["body"]["pairs"]}
    compare("tables of confused races", section["id"], ours, dict(counts))


def compare_paper(sections, systems, groups, compare):
    """Figures of our rows in Tables 3 to 5 and over all images."""
    everyone = np.ones(len(groups["race"]), bool)
    chosen = {"all-images": everyone, "table-3": groups["White or not"] == "White", "table-4": groups["White or not"] != "White"}
    for id_, of_group in chosen.items():
        for name, figures in sections[id_]["body"]["rows"]:
            for figure in figures if name in systems else []:
                share = systems[name][1][figure["name"]][of_group].mean()
                compare("figures of the paper's tables", f"{id_}, {name}", round(figure["value"], 12), round(share, 12))
    whom = {"male": groups["gender"] == "Male", "female": groups["gender"] == "Female", "both": everyone}
    for system, (_, hits) in systems.items():
        shares = {}
        for sex, chosen in whom.items():
            of_race = {race: hits["gender"][chosen & (groups["race"] == race)].mean() for race in LEVELS["race"]}
            shares |= {(race, sex): share for race, share in of_race.items()}
            shares["average", sex] = np.mean(list(of_race.values()))
        id_ = f"table-5-{system.replace(' ', '-')}"
        for row, figures in sections[id_]["body"]["rows"]:
            for figure in figures:
                if figure["name"] in whom and figure["value"] is not None:
                    share = shares[row, figure["name"]]
                    compare("figures of the paper's tables", f"{id_}, {row}", round(figure["value"], 12), round(share, 12))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audit", type=pathlib.Path)
    parser.add_argument("root", type=pathlib.Path)
    options = parser.parse_args()
    torch.set_num_threads(2)
    audit = json.loads(options.audit.read_text())
    templates = audit["prompts"][0]["templates"]
    faces = read_faces(options.root)
    truth = {name: np.array([LEVELS[name].index(face[name]) for face in faces]) for name in ATTRIBUTES}
    groups = {name: np.array([face[name] for face in faces]) for name in ATTRIBUTES}
    groups["White or not"] = np.where(groups["race"] == "White", "White", "Non-White")
    model, transform, tokenizer = load_starter()
    before, unit = encode(model, transform, options.root, faces)
    found = {"zero-shot": zero_shot(model, tokenizer, unit, templates)}
    if any(section["id"].startswith("linear-probe") for section in audit["sections"]):
        c = audit["provenance"]["options"]["c"]
        found["linear probe"] = probe(before, truth, C if c == "usual" else c)
    systems = {name: (answers, questions(answers, truth)) for name, (answers, _) in found.items()}
    for name, (_, margins) in found.items():
        least = {attribute: f"{rows.min():.2g}" for attribute, rows in margins.items()}
        print(f"{name}: least margin between the two best answers {least}")
    compare = Comparison()
    sections = {section["id"]: section for section in audit["sections"]}
    least = audit["provenance"]["options"]["min_group"]
    for section in audit["sections"]:
        system = next((name for name in systems if section["id"].startswith(name.replace(" ", "-"))), None)
        if system and section["body"]["kind"] == "rates":
            compare_rates(section, systems[system][1], groups, compare)
        elif system and section["body"]["kind"] == "confusions":
            compare_confusions(section, systems[system][0], truth, least, compare)
    compare_paper(sections, systems, groups, compare)
    print(f"{len(faces)} images; equal: " + ", ".join(f"{count} {kind}" for kind, count in compare.equal.items()))
    for line in compare.different:
        print(f"different: {line}")
    assert not compare.different, f"{len(compare.different)} counts are not those of this script"


if __name__ == "__main__":
    main()
