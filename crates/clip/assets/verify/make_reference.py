"""Makes reference.json: values of the Python reference for `clip-rs verify`.

python make_reference.py CASES.jsonl   (CASES: lines of {"text", "ids", "kind"} made with the reference's tokenizer)

Needs clip-anytorch 2.6.0 (the reference's preprocessing), torch, Pillow 13, safetensors.
"""
import hashlib
import json
import pathlib
import sys

import clip.clip
import torch
from PIL import Image
from safetensors.torch import load_file

here = pathlib.Path(__file__).parent
starter = here.parent / "starter"
photos = here.parents[3] / "photos"

cases = {}
for line in open(sys.argv[1], encoding="utf-8"):
    case = json.loads(line)
    if len(case["text"]) <= 80:
        cases.setdefault(case["kind"], (case["text"], case["ids"]))  # the first short one of every kind

results = json.loads((starter / "results.json").read_text())
logits = load_file(starter / "photos_outputs.safetensors")["logits_per_image"].double()
files = [pathlib.Path(photo["file"]).name for photo in results["photos"]]

# Resize, centre crop and RGB: the first three steps of the reference's transform.
pixels = clip.clip._transform(224).transforms[:3]
rows = []
for name in ["cat.jpg", "rocket.jpg"]:
    image = Image.open(photos / name)
    for step in pixels:
        image = step(image)
    probabilities = torch.softmax(logits[files.index(name)], 0)
    rows.append({
        "file": name,
        "rgb_sha256": hashlib.sha256(image.tobytes()).hexdigest(),
        "probabilities": [round(p, 7) for p in probabilities.tolist()],
    })

reference = {"tokens": list(cases.values()), "photos": rows, "texts": results["texts"]}
(here / "reference.json").write_text(json.dumps(reference, ensure_ascii=True, indent=0) + "\n")
