"""Embeds all files of a folder, and says which it left out: `python embed_folder.py photos photos.npz`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import clip_rs


def main() -> None:
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    encoded = clip_rs.load("starter").encode_images(paths, normalize=True, on_error="skip")
    names = [paths[index].relative_to(folder).as_posix() for index in encoded.indices]
    np.savez(output, features=encoded.features, names=names)
    print(f"{len(names)} images in {output}")
    for skip in encoded.skipped:
        print(f"left out at stage `{skip.stage}`: {skip.input}: {skip.reason}", file=sys.stderr)


if __name__ == "__main__":
    main()
