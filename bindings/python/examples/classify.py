"""Ranks labels for images: `python classify.py "a cat,a dog" photos/*.jpg`."""

from __future__ import annotations

import sys

import clip_rs


def main() -> None:
    labels, images = sys.argv[1].split(","), sys.argv[2:]
    model = clip_rs.load("starter")
    for path, scores in zip(images, model.classify(images, labels), strict=True):
        print(f"{path}: {scores.label} ({scores[0].probability:.1%} among these labels)")


if __name__ == "__main__":
    main()
