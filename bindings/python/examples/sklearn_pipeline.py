"""A classifier of images from a few labelled ones: folders CLASS/*.jpg; `python sklearn_pipeline.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from clip_rs.sklearn import ImageEmbedder, LinearProbe


def main() -> None:
    paths = sorted(Path(sys.argv[1]).glob("*/*.jpg"))
    labels = [path.parent.name for path in paths]
    classifier = make_pipeline(ImageEmbedder("starter"), LinearProbe(C=0.316))
    scores = cross_val_score(classifier, paths, labels, cv=2)
    print(f"accuracy in cross-validation: {', '.join(f'{score:.3f}' for score in scores)}")


if __name__ == "__main__":
    main()
