"""Every count of `clip-rs audit denigration` and `audit association` with the starter model, by PyTorch and SciPy.

    clip-rs audit denigration --root ROOT --out RESULTS
    clip-rs audit association --groups ROOT/fairface_label_val.csv --labels LABELS --out RESULTS
    python tests/reference/labels_audit.py ROOT RESULTS/starter/fairface.audit.denigration.json RESULTS/starter/…association….json

ROOT is the folder with fairface_label_val.csv and val/. Weights, pixels and texts are those of `fairface_audit.py` beside
this file. Compared are, of the former, the images and hits of every group of every table, what each added class takes, every
way of a flow, shares by sentence and by threshold; of the latter the images for which each label is returned, the test of
every label, its correction over all labels, and which labels are shown. Equal to the image, and p to 1e-9, or the script ends
with an error that names what differs. It prints by how little the closest answer, and the closest label to a threshold, is
decided.
"""
import argparse
import collections
import json
import pathlib

import numpy as np
import scipy.stats
import torch

from fairface_audit import ATTRIBUTES, PROJECT, Comparison, encode, load_starter, members, read_faces

LIST = PROJECT / "crates/clip-audit/assets/label_lists/denigration.txt"
NONE = "no category"


def read_list(path):
    """Labels, and the category of each."""
    category, found = None, []
    for line in map(str.strip, path.read_text().splitlines()):
        if line.startswith("[") and line.endswith("]"):
            category = line[1:-1]
        elif line and not line.startswith("#"):
            found.append((line, category))
    return found


@torch.inference_mode()
def logits_of(model, tokenizer, unit, labels, templates):
    columns = []
    for label in labels:
        rows = model.encode_text(tokenizer([template.replace("{}", label) for template in templates]), normalize=True)
        columns.append(torch.nn.functional.normalize(rows.mean(0), dim=0))
    return (model.logit_scale.exp() * unit @ torch.stack(columns, 1)).double().numpy()


def softmax(logits):
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


class Denigration:
    def __init__(self, audit, model, tokenizer, unit):
        labels = read_list(LIST)
        self.added = audit["prompts"][1]["classes"]
        self.names = [label for label, _ in labels] + self.added
        self.categories = [category for _, category in labels] + [None] * len(self.added)
        self.templates = audit["prompts"][0]["templates"]
        self.logits = {t: logits_of(model, tokenizer, unit, self.names, [t]) for t in self.templates}
        listed = list(range(len(labels)))
        self.sets = [listed] + [listed + [len(labels) + at] for at in range(len(self.added))]
        if len(self.added) > 1:
            self.sets.append(list(range(len(self.names))))

    def least_margin(self):
        """Of the two best classes of any set, over all images and sentences."""
        best = [np.sort(logits[:, chosen], 1) for logits in self.logits.values() for chosen in self.sets]
        return min((rows[:, -1] - rows[:, -2]).min() for rows in best)

    def answers(self, chosen, template=None):
        logits = self.logits[template or self.templates[0]][:, chosen]
        return np.array(chosen)[logits.argmax(1)], softmax(logits).max(1)

    def hits(self, answers, categories):
        return np.array([self.categories[answer] in categories for answer in answers])

    def wanted(self, rate):
        named = [category for category in dict.fromkeys(self.categories) if category]
        words = rate.removeprefix("answered with a ").removesuffix(" label").split(" or ")
        assert set(words) <= set(named), rate
        return words

    def way(self, answer):
        if self.names[answer] in self.added:
            return f"{self.names[answer]} (added)"
        return self.categories[answer] or NONE

    def shares(self, answers):
        counts = collections.Counter(self.categories[answer] or NONE for answer in answers)
        return {name: count / len(answers) for name, count in counts.items()}

    def compare(self, section, groups, compare):
        body, id_ = section["body"], section["id"]
        before, probability = self.answers(self.sets[0])
        if body["kind"] == "rates":
            hits = self.hits(before, self.wanted(body["rate"]))
            for row in body["rows"]:
                of_group = members(groups, body["by"], row["group"])
                where, rate = f"{id_}, {row['group']}", row["rate"]
                compare("sizes of groups", where, rate["items"], int(of_group.sum()))
                expected = int(hits[of_group].sum()) if of_group.sum() >= body["min_group"] else None
                compare("hits of groups", where, rate["hits"], expected)
            compare("hits of all", id_, body["all"]["hits"], int(hits.sum()))
        elif body["kind"] == "paired":
            after, _ = self.answers(self.sets[int(id_.split("-")[1])])
            both = [self.hits(answers, self.wanted(body["rate"])) for answers in (before, after)]
            for row in body["rows"] + [body["all"]]:
                of_group = members(groups, body["by"], row["group"]) if row["group"] else np.ones(len(before), bool)
                lost, gained = (int((a & ~b & of_group).sum()) for a, b in (both, both[::-1]))
                change = row["change"] and (row["change"]["only_before"], row["change"]["only_after"])
                expected = (lost, gained) if of_group.sum() >= body["min_group"] else None
                compare("changes of groups", f"{id_}, {row['group']}", change, expected)
                if change:
                    p = scipy.stats.binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
                    compare("McNemar's p", f"{id_}, {row['group']}", round(row["change"]["test"]["p"], 9), round(p, 9))
        elif body["kind"] == "flow":
            after, _ = self.answers(self.sets[int(id_.split("-")[1])])
            ways = collections.Counter((self.way(a), self.way(b)) for a, b in zip(before, after))
            ours = {(cell["from"], cell["to"]): cell["items"] for cell in body["cells"]}
            compare("flows", id_, ours, dict(ways))
        elif id_ in ("shares", "templates"):
            for place, (name, figures) in enumerate(body["rows"]):
                if name == "range":
                    continue
                chosen = self.sets[place] if id_ == "shares" else self.sets[0]
                answers, _ = self.answers(chosen, name if id_ == "templates" else None)
                shares = self.shares(answers)
                for figure in figures:
                    where = f"{id_}, {name}, {figure['name']}"
                    compare("shares", where, round(figure["value"], 12), round(shares.get(figure["name"], 0.0), 12))
        elif body["kind"] == "curves":
            for name, points in body["curves"]:
                hits = self.hits(before, [name])
                for point in points:
                    share = (hits & (probability >= point["x"])).mean()
                    compare("points of curves", f"{id_}, {name}, {point['x']}", round(point["y"]["value"], 12), round(share, 12))
        else:
            compare.different.append(f"{id_}: not compared")


def test_of(hits, sizes):
    """p and its name: Pearson's chi-squared, or Fisher's exact test of two groups where an expected count is below 5."""
    table = np.array([hits, np.array(sizes) - hits])
    found = scipy.stats.chi2_contingency(table, correction=False)
    if found.expected_freq.min() >= 5:
        return found.pvalue, "chi-squared"
    return scipy.stats.fisher_exact(table).pvalue, "Fisher exact"


def holm(values):
    order, least, corrected = np.argsort(values, kind="stable"), 0.0, {}
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(values) - rank) * values[place]))
        corrected[int(place)] = least
    return corrected


def compare_associations(audit, model, tokenizer, unit, faces, compare):
    prompts = audit["prompts"][0]
    probability = softmax(logits_of(model, tokenizer, unit, prompts["classes"], prompts["templates"]))
    tests = []
    for section in audit["sections"]:
        body = section["body"]
        groups = [name for name, _ in body["groups"]]
        assert len(groups) == 2, "this script knows two groups"
        of_group = [np.array([face[body["by"].lower()] == group for face in faces]) for group in groups]
        sizes = [int(chosen.sum()) for chosen in of_group]
        compare("sizes of groups", section["id"], [size for _, size in body["groups"]], sizes)
        returned = probability > body["threshold"]
        print(f"{section['id']}: least distance of a probability from the threshold {np.abs(probability - body['threshold']).min():.2g}")
        for label, name in enumerate(prompts["classes"]):
            hits = np.array([int(returned[chosen, label].sum()) for chosen in of_group])
            if 0 < hits.sum() < sum(sizes):
                p, test = test_of(hits, sizes)
                tests.append({"section": section["id"], "label": name, "hits": hits, "sizes": sizes, "p": p, "test": test})
    for place, value in holm([test["p"] for test in tests]).items():
        tests[place]["holm"] = value
    for section in audit["sections"]:
        body, top = section["body"], audit["provenance"]["options"]["top"]
        shown = []
        for place in range(2):
            share = lambda test: test["hits"][place] / test["sizes"][place]
            other = lambda test: test["hits"][1 - place] / test["sizes"][1 - place]
            toward = [test for test in tests if test["section"] == section["id"] and share(test) > other(test)]
            toward = sorted(toward, key=lambda test: (test["p"], other(test) - share(test)))[:top]
            shown += sorted(toward, key=lambda test: -share(test))
        compare("tables of labels", section["id"], [row["label"] for row in body["rows"]], [test["label"] for test in shown])
        for row, test in zip(body["rows"], shown):
            where = f"{section['id']}, {row['label']}"
            compare("hits of labels", where, [rate["hits"] for rate in row["returned"]], test["hits"].tolist())
            ours = (row["test"]["name"], round(row["test"]["p"], 9), round(row["test"]["p_holm"], 9), row["test"]["family"])
            compare("tests of labels", where, ours, (test["test"], round(test["p"], 9), round(test["holm"], 9), len(tests)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("audits", type=pathlib.Path, nargs="+")
    options = parser.parse_args()
    torch.set_num_threads(2)
    faces = read_faces(options.root)
    groups = {name: np.array([face[name] for face in faces]) for name in ATTRIBUTES}
    model, transform, tokenizer = load_starter()
    _, unit = encode(model, transform, options.root, faces)
    compare = Comparison()
    for path in options.audits:
        audit = json.loads(path.read_text())
        if audit["kind"] == "denigration":
            found = Denigration(audit, model, tokenizer, unit)
            print(f"denigration: least margin between the two best answers {found.least_margin():.2g}")
            for section in audit["sections"]:
                found.compare(section, groups, compare)
        else:
            compare_associations(audit, model, tokenizer, unit, faces, compare)
    print(f"{len(faces)} images; equal: " + ", ".join(f"{count} {kind}" for kind, count in compare.equal.items()))
    for line in compare.different:
        print(f"different: {line}")
    assert not compare.different, f"{len(compare.different)} counts are not those of this script"


main()
