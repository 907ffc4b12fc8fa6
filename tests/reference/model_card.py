"""Model cards of `clip-rs card`, read by huggingface_hub: its metadata, its figures, its rules.

    python model_card.py CARD.md [CARD.md ...] [--results DIR] [--online]

For each card: `ModelCard.load`; the metadata as `ModelCardData`; every `EvalResult` of its model-index there
and back, unchanged; the keys and types that the hub's documentation names. With --results, each figure of the
metadata is looked up in the result files of the card's weights, and must be the same number. With --online,
`card.validate()` asks the hub. Ends with 1 if anything differs.
Needs `pip install huggingface_hub pyyaml`; huggingface_hub 2.4 was used.
"""

import argparse
import json
import math
import pathlib
import re
import sys

import yaml
from huggingface_hub import ModelCard, ModelCardData
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results

# https://huggingface.co/docs/hub/model-cards#model-card-metadata
TEXTS = {"license", "library_name", "pipeline_tag", "base_model", "language"}
LISTS = {"tags"}
PIPELINE = "zero-shot-image-classification"


def check(path, results, online):
    faults = []
    text = path.read_text(encoding="utf-8")
    card = ModelCard.load(path)
    raw = yaml.safe_load(text.split("\n---\n", 1)[0].removeprefix("---\n"))
    data = card.data.to_dict()

    for key, value in data.items():
        if key == "model-index":
            continue
        if key in TEXTS and not isinstance(value, str):
            faults.append(f"{key} is no text: {value!r}")
        if key in LISTS and not all(isinstance(item, str) for item in value):
            faults.append(f"{key} is no list of texts: {value!r}")
        if key not in TEXTS | LISTS:
            faults.append(f"unknown key {key}")
    if data.get("pipeline_tag") != PIPELINE:
        faults.append(f"pipeline_tag is {data.get('pipeline_tag')!r}")
    if data.get("language") != "en":
        faults.append(f"language is {data.get('language')!r}")

    # The figures: as the library reads them, writes them again and reads those.
    written = raw.get("model-index", [])
    evaluations = card.data.eval_results or []
    if written:
        name, read = model_index_to_eval_results(written)
        again = eval_results_to_model_index(name, read)
        if model_index_to_eval_results(again) != (name, read):
            faults.append("figures change when they are written and read again")
        if read != evaluations:
            faults.append("the card's figures are not those of its head")
        metrics = sum(len(result["metrics"]) for index in written for result in index["results"])
        if metrics != len(evaluations):
            faults.append(f"{metrics} figures written, {len(evaluations)} read")
        for evaluation in read:
            if not isinstance(evaluation.metric_value, float):
                faults.append(f"no number: {evaluation.metric_type} = {evaluation.metric_value!r}")
    fields = {key: value for key, value in data.items() if key != "model-index"}
    rebuilt = ModelCardData(model_name=card.data.get("model_name"), eval_results=evaluations or None, **fields)
    if rebuilt.to_dict() != data:
        faults.append("ModelCardData made of the fields is another")
    if yaml.safe_load(card.data.to_yaml()) != yaml.safe_load(rebuilt.to_yaml()):
        faults.append("the YAML written again is another")

    if results:
        faults += compare(text, evaluations, results)
    if online:
        faults += ask(card)
    figures = len(evaluations)
    print(f"{path}: {len(text)} characters, {len(data)} keys, {figures} figures, {len(faults)} faults")
    for fault in faults:
        print(f"  {fault}")
    return not faults


def compare(text, evaluations, folder):
    """Every figure of the files of the card's weights is in its head, and no other."""
    weights = re.search(r"tensors, SHA-256 \| ([0-9a-f]{64})", text).group(1)
    expected = []
    for path in sorted(folder.glob("*/*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        is_result = ".audit." not in path.name and "score" in record
        if is_result and record["provenance"]["weights_sha256"] == weights:
            for figure in [record["score"], *record.get("figures", [])]:
                if figure["value"] is not None:
                    expected.append((record["dataset"], record["split"], figure["name"], figure["value"]))
    found = [(e.dataset_type, e.dataset_split, e.metric_type, e.metric_value) for e in evaluations]
    if len(expected) != len(found):
        return [f"{len(expected)} figures in the result files, {len(found)} in the card"]
    # Reading a number from JSON may cost its last bit.
    same = lambda a, b: a[:3] == b[:3] and math.isclose(a[3], b[3], rel_tol=1e-15)
    pairs = zip(sorted(expected), sorted(found))
    return [f"{a} in the files is {b} in the card" for a, b in pairs if not same(a, b)]


def ask(card):
    try:
        card.validate()
        print("  the hub: valid")
        return []
    except ValueError as error:
        return [f"the hub: {error}"]
    except Exception as error:  # no network, another status
        print(f"  the hub could not be asked: {type(error).__name__}: {error}")
        return []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cards", nargs="+", type=pathlib.Path)
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--online", action="store_true")
    asked = parser.parse_args()
    sound = [check(path, asked.results, asked.online) for path in asked.cards]
    sys.exit(0 if all(sound) else 1)


if __name__ == "__main__":
    main()
