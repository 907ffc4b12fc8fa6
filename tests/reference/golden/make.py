#!/usr/bin/env python3
"""Makes the golden data that the tests look for beside a clone.

usage: make.py OUT [PART ...]      parts: tokenizer preprocess model full_size=NAME,NAME (default: the first three)

`full_size` alone makes all nine released architectures, minutes and up to 10 GB; `full_size=ViT-B-32,RN50` the two that
every run of the tests compares. See README.md.
"""
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")


def main(arguments):
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__)
    out = Path(arguments[0])
    for part in arguments[1:] or ["tokenizer", "preprocess", "model"]:
        part, _, names = part.partition("=")
        folder = out / part
        folder.mkdir(parents=True, exist_ok=True)
        if part == "tokenizer":
            import tokens
            tokens.make(folder)
        elif part == "preprocess":
            import images
            images.make(folder)
        elif part == "model":
            import models
            models.make(folder)
        elif part == "full_size":
            import full_size
            full_size.make(folder, names.split(",") if names else list(full_size.ARCHITECTURES))
        else:
            sys.exit(f"no such part: {part}")
        print(f"{folder}: done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
