"""Zero-shot accuracy on folders CLASS/*.jpg, with its interval: `python evaluate.py FOLDER`."""

from __future__ import annotations

import sys

import clip_rs


def main() -> None:
    result = clip_rs.evaluate(f"folder:{sys.argv[1]}", model="starter", task="zeroshot")
    print(result)
    right = result.predictions["right"]
    for item in result.predictions["item"][~right]:
        print(f"wrong: {item}")


if __name__ == "__main__":
    main()
