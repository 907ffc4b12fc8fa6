"""Writes the minima that `crates/clip-eval/tests/probe_separable.rs` compares fits with.

    python tests/reference/probe_separable.py

Needs numpy and scikit-learn alone. Features by formula, the same in the test: rows whose classes can be told
apart without an error, few of them or with an awkward mean, column or class. For each case and each C from 1e-6
to 1e6: the least `C * sum of cross-entropies + |W|^2 / 2` in float64 (Newton's method to tol 1e-10, in the space
that the centred rows span, which holds every optimum), and the classes of the rows to test on, a digit each.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

STRENGTHS = [10.0**exponent for exponent in range(-6, 7)]
TEST_ROWS = 200
# name: rows, width, classes, distance of the common mean
CASES = {
    "few": (200, 192, 10, 1.0),
    "wide": (50, 192, 5, 1.0),
    "far": (200, 128, 10, 1000.0),
    "constant": (60, 64, 5, 1.0),
    "lonely": (51, 192, 5, 1.0),
    "two": (40, 192, 2, 1.0),
}


def u(x):
    """-1 to 1; see benches/probe.rs."""
    x = np.asarray(x).astype(np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return (x ^ (x >> np.uint32(16))).astype(np.float64) / 2.0**31 - 1.0


def case(name):
    """Features [rows + TEST_ROWS, width] f32, labels [rows + TEST_ROWS]; the first `rows` are learned from."""
    rows, width, classes, far = CASES[name]
    row, column = np.arange(rows + TEST_ROWS)[:, None], np.arange(width)[None, :]
    labels = np.arange(rows + TEST_ROWS) % classes
    if name == "lonely":  # one row of the last class
        learned = np.arange(rows - 1) % (classes - 1)
        labels[:rows] = np.append(learned, classes - 1)
    own = u(row * width + column) + 0.5 * u((1 << 24) + labels[:, None] * width + column)
    values = far * u((1 << 25) + column) + 4.0 / np.sqrt(1.0 + column) * own
    if name == "constant":
        values[:, 3], values[:, 5] = 0.0, 7.0
    return values.astype(np.float32), labels


def minimum(x, labels, c, test):
    """The least objective, and the classes of the test rows."""
    wide = x.astype(np.float64)
    mean = wide.mean(axis=0)
    basis, _ = np.linalg.qr((wide - mean).T)
    inside = (wide - mean) @ basis
    model = LogisticRegression(C=c, tol=1e-10, max_iter=1000, solver="newton-cholesky").fit(inside, labels)
    scores = model.decision_function(inside)
    if scores.ndim == 1:
        losses = np.log1p(np.exp(np.where(labels == model.classes_[1], -scores, scores)))
    else:
        over = np.exp(scores - scores[np.arange(len(labels)), labels][:, None])
        over[np.arange(len(labels)), labels] = 0.0
        losses = np.log1p(over.sum(axis=1))
    answers = model.predict((test.astype(np.float64) - mean) @ basis)
    return c * losses.sum() + (model.coef_**2).sum() / 2, "".join(map(str, answers))


def main():
    found = {}
    for name, (rows, width, classes, far) in CASES.items():
        values, labels = case(name)
        fits = []
        for c in STRENGTHS:
            objective, answers = minimum(values[:rows], labels[:rows], c, values[rows:])
            right = sum(int(a) == b for a, b in zip(answers, labels[rows:]))
            print(f"{name:9} C {c:7g} minimum {objective:.8g}, {right} of {TEST_ROWS} right")
            fits.append({"C": c, "objective": objective, "answers": answers})
        found[name] = {"rows": rows, "width": width, "classes": classes, "far": far, "fits": fits}
    target = Path(__file__).parents[2] / "crates/clip-eval/tests/golden/probe_separable.json"
    target.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
