"""`clip_rs.sklearn.LinearProbe` beside scikit-learn's `LogisticRegression`, on the starter's features of MNIST.

    python tests/reference/sklearn_probe.py [DATA]      # a folder with `mnist/`; ../shared/data if none

Needs the package `clip_rs`, scikit-learn, and MNIST's four files. Features: of the training images that
are there (at most 1,000), and of the first 1,000 test images. For each C both are fitted to the same
float32 features, scikit-learn in float64 with Newton's method to tol 1e-10: the reference optimum. Fails
where

- the objective in float64 is above the optimum by more than a part in a million,
- a coefficient differs by more than what the tolerance allows, 2 * tol * C * n + 1e-4,
- a test image is classified otherwise though scikit-learn's two best classes are 0.001 apart,
- a probability of a test image differs by more than 0.002.

Times are informative: of `LinearProbe(C)`, of that optimum, and of `LogisticRegression(C, max_iter=1000)`
(L-BFGS, tol 1e-4) on the float32 features.
"""

import gzip
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

import clip_rs
from clip_rs.sklearn import ImageEmbedder, LinearProbe

MOST = 1000
STRENGTHS = [1e-4, 0.01, 0.316, 1.0, 10.0]
TOLERANCE = 1e-7


def idx(path, offset):
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=offset)


def split(folder, name):
    labels = idx(folder / f"{name}-labels-idx1-ubyte.gz", 8)
    grey = idx(folder / f"{name}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    count = min(len(grey), len(labels), MOST)
    pixels = np.repeat(grey[:count, :, :, None], 3, axis=3)
    return ImageEmbedder().transform(pixels), labels[:count]


def objective(model, c, X, y):
    scores = X.astype(np.float64) @ model.coef_.T.astype(np.float64) + model.intercept_
    losses = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(y)), y]
    return c * losses.sum() + (model.coef_.astype(np.float64) ** 2).sum() / 2


def timed(make):
    start = time.perf_counter()
    model = make()
    return model, time.perf_counter() - start


def main():
    data = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[3] / "shared/data")
    (X, y), (test, truth) = split(data / "mnist", "train"), split(data / "mnist", "t10k")
    wide, wide_test = X.astype(np.float64), test.astype(np.float64)
    print(f"features {X.shape}, test {test.shape}, {len(np.unique(y))} classes, clip_rs {clip_rs.__version__}")
    print(f"{'C':>7} {'objective':>12} {'above':>9} {'coef':>9} {'bound':>9} {'proba':>9} {'other':>6} "
          f"{'accuracy':>9} {'ours s':>7} {'optimum s':>10} {'defaults s':>11}")
    broken = []
    warnings.simplefilter("ignore")  # scikit-learn's, of its defaults
    for c in STRENGTHS:
        reference, slow = timed(lambda: LogisticRegression(C=c, tol=1e-10, solver="newton-cholesky").fit(wide, y))
        _, usual = timed(lambda: LogisticRegression(C=c, max_iter=1000).fit(X, y))
        _, ours_usual = timed(lambda: LinearProbe(C=c).fit(X, y))
        ours = LinearProbe(C=c, tol=TOLERANCE).fit(X, y)
        optimum = objective(reference, c, X, y)
        above = objective(ours, c, X, y) / optimum - 1
        coef, bound = np.abs(ours.coef_ - reference.coef_).max(), 1e-4 + 2 * TOLERANCE * c * len(y)
        expected = reference.predict_proba(wide_test)
        proba = np.abs(ours.predict_proba(test) - expected).max()
        best_two = np.sort(expected, axis=1)[:, -2:]
        clear = best_two[:, 1] - best_two[:, 0] > 1e-3
        other = ours.predict(test) != reference.predict(wide_test)
        print(f"{c:7g} {optimum:12.5g} {above:9.1e} {coef:9.1e} {bound:9.1e} {proba:9.1e} {other.sum():6d} "
              f"{(ours.predict(test) == truth).mean():9.4f} {ours_usual:7.3f} {slow:10.3f} {usual:11.3f}")
        checks = {"objective": above <= 1e-6, "coefficient": coef <= bound, "probability": proba <= 2e-3,
                  "class": not (other & clear).any()}
        broken += [f"C={c}: {name}" for name, holds in checks.items() if not holds]
    searched, seconds = timed(lambda: LinearProbe("search").fit(X, y))
    print(f"search: C = {searched.C_:.4g} of {len(searched.search_scores_)}, {seconds:.2f} s, "
          f"test accuracy {searched.score(test, truth):.4f}")
    if broken:
        sys.exit("broken: " + "; ".join(broken))


if __name__ == "__main__":
    main()
