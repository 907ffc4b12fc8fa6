"""Linear probe: scikit-learn and clip-rs side by side, on the same values and the same processors.

    cargo bench -p clip-eval --bench probe --no-run        # prints the executable's path
    python tests/reference/probe_speed.py EXECUTABLE [--rounds 5] [--c 0.316 1] [--kind spectrum]

Needs numpy and scikit-learn. Rounds are interleaved; printed are medians. scikit-learn runs
LogisticRegression(solver="lbfgs") with its defaults (tol 1e-4) and max_iter 1000, on f32 features,
which is what it is fastest on here, and with --f64 also on f64. The time of clip-rs includes packing
the features. Both are timed in processes that are already running. Run it with OMP_NUM_THREADS=1 as
well (RAYON_NUM_THREADS stays at the number of cores): on a busy machine scikit-learn is faster on one thread.

Kinds of features: `spectrum`, the formula of benches/probe.rs (its doc comment); `flat`, the same with
all variances equal, where there is nothing for the preconditioner to do; or a pair of files with
--features F.npy --labels L.npy.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

ROWS, WIDTH, CLASSES = 10_000, 512, 100


def u(x):
    x = x.astype(np.uint32)
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return (x ^ (x >> np.uint32(16))).astype(np.float64) / 2.0**31 - 1.0


def by_formula(kind):
    """Features [10000, 512] f32 and labels [10000]; see benches/probe.rs."""
    row, j = np.arange(ROWS)[:, None], np.arange(WIDTH)[None, :]
    label = np.arange(ROWS) % CLASSES
    deviation = 1 / np.sqrt(1.0 + j) if kind == "spectrum" else np.full((1, WIDTH), 0.1)
    center = 1.5 * u((1 << 30) + WIDTH * label[:, None] + j) * deviation
    z = (u(WIDTH * row + j) + center) * deviation
    half = 1
    while half < WIDTH:
        z = z.reshape(ROWS, -1, 2, half)
        z = np.stack([z[:, :, 0] + z[:, :, 1], z[:, :, 0] - z[:, :, 1]], axis=2)
        half *= 2
    z = z.reshape(ROWS, WIDTH)
    return (0.25 * u((1 << 31) + j) + 6 / np.sqrt(WIDTH) * z).astype(np.float32), label.astype(np.uint32)


def objective(x, labels, weights, intercepts, c):
    """C times the sum of cross-entropies plus half the squared weights, in f64."""
    logits = x.astype(np.float64) @ weights.T.astype(np.float64) + intercepts
    greatest = logits.max(axis=1)
    losses = np.log(np.exp(logits - greatest[:, None]).sum(axis=1)) + greatest
    losses -= logits[np.arange(len(labels)), labels]
    return c * losses.sum() + 0.5 * (weights.astype(np.float64) ** 2).sum()


def sklearn_round(x, labels, c):
    model = LogisticRegression(C=c, max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(x, labels)
        seconds = time.perf_counter() - start
    return seconds, objective(x, labels, model.coef_, model.intercept_, c), int(model.n_iter_[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("executable")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--c", type=float, nargs="+", default=[0.316, 1.0])
    parser.add_argument("--tolerance", type=float, nargs="+", default=[1e-4])
    parser.add_argument("--kind", choices=["spectrum", "flat"], default="spectrum")
    parser.add_argument("--features")
    parser.add_argument("--labels")
    parser.add_argument("--f64", action="store_true")
    options = parser.parse_args()
    if options.features:
        x, labels = np.load(options.features).astype(np.float32), np.load(options.labels).astype(np.uint32)
    else:
        x, labels = by_formula(options.kind)
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("features", "labels")]
        x.tofile(files[0])
        labels.tofile(files[1])
        command = [options.executable, *files, str(x.shape[1])]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for c in options.c:
            compare(x, labels, c, options, server)
        server.stdin.close()
        server.wait()


def compare(x, labels, c, options, server):
    inputs = {"scikit-learn f32": x}
    if options.f64:
        inputs["scikit-learn f64"] = x.astype(np.float64)
    rounds = {name: [] for name in [*inputs, *options.tolerance]}
    for _ in range(options.rounds):
        for name, values in inputs.items():
            rounds[name].append(sklearn_round(values, labels, c))
        for tolerance in options.tolerance:
            server.stdin.write(f"{c} {tolerance}\n")
            server.stdin.flush()
            found = json.loads(server.stdout.readline())
            rounds[tolerance].append((found["seconds"], found["objective"], found["evaluations"]))
    print(f"{x.shape[0]} x {x.shape[1]}, {labels.max() + 1} classes, C = {c}, {options.rounds} rounds")
    fastest = min(statistics.median(r[0] for r in rounds[name]) for name in inputs)
    for name, results in rounds.items():
        seconds = statistics.median(result[0] for result in results)
        label = name if isinstance(name, str) else f"clip-rs tolerance {name:g}"
        steps = "iterations" if isinstance(name, str) else "evaluations"
        print(
            f"  {label:<26}{seconds:9.3f} s   objective {results[0][1]:.6f}   {results[0][2]:4} {steps}"
            f"   {fastest / seconds:6.2f} times scikit-learn's fastest"
        )


main()
