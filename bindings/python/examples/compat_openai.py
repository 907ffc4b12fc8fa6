"""The example of openai/CLIP's README with one import changed: `python compat_openai.py photos/cat.jpg`.

Tensors where torch is installed, NumPy arrays where it is not.
"""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image

from clip_rs.compat import openai as clip


def main() -> None:
    model, preprocess = clip.load("starter", device="cpu")
    image = preprocess(Image.open(sys.argv[1]))[None]
    text = clip.tokenize(["a diagram", "a dog", "a cat"])
    logits, _ = model(image, text)
    logits = np.asarray(logits, dtype=np.float32)
    exps = np.exp(logits - logits.max(axis=-1, keepdims=True))
    print("label probabilities:", (exps / exps.sum(axis=-1, keepdims=True)).round(4))


if __name__ == "__main__":
    main()
