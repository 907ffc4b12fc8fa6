#!/usr/bin/env bash
# huggingface_hub 2.4.0: a card that is loaded and saved names one data set's figure after another.
#
# A model-index keeps each result under a task and a data set, each with a `type` for programs and a `name` for people.
# ModelCard.load keeps both results of a card that differ in their names alone (two corruptions of one benchmark, a
# zero-shot figure and one of a linear probe). When the card is written again, results are joined whose task type,
# data set type, config, split and revision are equal; the names are no part of that, and those of the first stand for
# all. So `load` and `save` without a change in between say that 0.4 was measured on fog; nothing is warned of.
# A `config` or `split` that differs keeps them apart: `clip-rs card` writes one (crates/clip-report/src/card/metadata.rs).
#
# Seen with Python 3.11, huggingface_hub 2.4.0:
#   as loaded:   fog 0.5, snow 0.4
#   after save:  fog 0.5, fog 0.4
#   with config: fog 0.5, snow 0.4
#
# Runs without clip-rs. Needs python3 with venv and pip; works in a temporary folder; ends with 1 if this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "huggingface_hub==2.4.0"
cat > "$folder/card.py" <<'PYTHON'
import pathlib
import sys

from huggingface_hub import ModelCard

HEAD = "---\nlanguage: en\nmodel-index:\n- name: example\n  results:\n"
RESULT = """  - task:
      type: image-classification
    dataset:
      type: imagenet-c
      name: {name}{config}
    metrics:
    - type: accuracy
      value: {value}
"""


def figures(path):
    found = ModelCard.load(path).data.eval_results
    return ", ".join(f"{result.dataset_name} {result.metric_value}" for result in found)


def card(path, config):
    results = [RESULT.format(name=name, value=value, config=f"\n      config: {name}" if config else "")
               for name, value in (("fog", 0.5), ("snow", 0.4))]
    path.write_text(HEAD + "".join(results) + "---\n# Example\n", encoding="utf-8")
    return path


folder = pathlib.Path(sys.argv[1])
plain = card(folder / "plain.md", config=False)
print("as loaded:  ", figures(plain))
ModelCard.load(plain).save(plain)
print("after save: ", figures(plain))
apart = card(folder / "apart.md", config=True)
ModelCard.load(apart).save(apart)
print("with config:", figures(apart))
PYTHON
found=$("$folder/venv/bin/python" "$folder/card.py" "$folder")
echo "$found"
expected="as loaded:   fog 0.5, snow 0.4
after save:  fog 0.5, fog 0.4
with config: fog 0.5, snow 0.4"
[ "$found" = "$expected" ] || { echo "was:"; echo "$expected"; exit 1; }
