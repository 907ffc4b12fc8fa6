"""Reference values of the audit's statistics, from SciPy, statsmodels and scikit-learn.

    pip install numpy scipy statsmodels scikit-learn
    python tests/reference/audit_statistics.py        # writes crates/clip-eval/tests/golden/audit_statistics.json

Where a library has a figure, it is the library's; the limits of a difference and a ratio of shares
are the formulas of their papers on SciPy's beta quantiles.
"""

import importlib.metadata
import json
import pathlib

import numpy as np
from scipy import optimize, special, stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

OUT = pathlib.Path(__file__).parents[2] / "crates/clip-eval/tests/golden/audit_statistics.json"
LIBRARIES = ["numpy", "scipy", "statsmodels", "scikit-learn"]
BINS = 15
random = np.random.default_rng(20210226)


def chi_squared():
    """Tables with and without Yates' correction; dense, sparse, large, very different."""
    tables = [
        [[3, 7], [6, 4]],
        [[1, 9], [0, 12]],
        [[5, 5], [5, 6]],
        [[120, 80], [95, 105]],
        [[1_700_000, 300_000], [1_690_000, 310_000]],
        [[950, 50], [200, 800]],
        [[12, 5, 7], [9, 14, 3]],
        [[1, 0, 2], [0, 3, 0], [2, 1, 0], [0, 0, 4]],
        [[30, 30], [30, 30], [60, 60]],
        random.multinomial(400, np.full(15, 1 / 15)).reshape(3, 5).tolist(),
    ]
    races = np.array([1550, 1516, 1556, 2085, 1209, 1623, 1415])
    hits = random.binomial(races, [0.97, 0.98, 0.95, 0.96, 0.985, 0.97, 0.96])
    cells = random.integers(20, 200, 126)
    right = random.binomial(cells, random.beta(20, 2, 126))
    tables += [np.stack([hits, races - hits], 1).tolist(), np.stack([right, cells - right], 1).tolist()]
    cases = []
    for table in tables:
        for yates in [False, True]:
            found = stats.chi2_contingency(table, correction=yates)
            cases.append({
                "table": table, "yates": yates, "statistic": found.statistic, "degrees_of_freedom": found.dof,
                "p": found.pvalue, "least_expected": found.expected_freq.min(),
            })
    return cases


def fisher():
    tables = [
        [[8, 2], [1, 5]], [[3, 1], [1, 3]], [[0, 20], [4, 16]], [[0, 20], [0, 15]], [[5, 0], [9, 0]], [[1, 0], [0, 1]],
        [[2, 100], [9, 95]], [[10, 10], [10, 10]], [[190, 10], [180, 20]], [[1940, 60], [1985, 15]], [[3, 4997], [14, 4986]],
        [[1000, 0], [0, 30]], [[60, 40], [5, 95]], [[7, 93], [93, 7]],
    ]
    tables += [random.integers(0, 40, (2, 2)).tolist() for _ in range(12)]
    return [{"table": table, "p": stats.fisher_exact(table).pvalue} for table in tables]


def clopper_pearson():
    cases = []
    counts = [(0, 1), (1, 1), (0, 20), (20, 20), (1, 20), (17, 20), (180, 200), (1, 2000), (1957, 2000)]
    for hits, trials in counts + [(9, 10_954), (10_512, 10_954)]:
        for level in [0.9, 0.95, 0.995, 1 - 0.05 / 21, 1 - 0.05 / 7875]:
            low, high = proportion_confint(hits, trials, alpha=1 - level, method="beta")
            exact = stats.binomtest(hits, trials).proportion_ci(level, method="exact")
            # statsmodels gives no number at the ends.
            low, high = (0.0 if hits == 0 else low), (1.0 if hits == trials else high)
            np.testing.assert_allclose([low, high], [exact.low, exact.high], atol=1e-11)  # SciPy searches to 2e-12
            cases.append({"hits": hits, "trials": trials, "level": level, "low": low, "high": high})
    return cases


def mcnemar_exact():
    counts = [(0, 0), (0, 1), (0, 6), (5, 5), (4, 5), (3, 12), (25, 9), (100, 141), (0, 40), (1500, 1431), (60, 4)]
    cases = []
    for before, after in counts:
        p = mcnemar([[10, before], [after, 10]], exact=True).pvalue if before + after else 1.0
        cases.append({"only_before": before, "only_after": after, "p": p})
    return cases


def holm():
    lists = [
        [0.03], [0.01, 0.04, 0.03, 0.005, 0.2, 0.5], [0.02, 0.02, 0.02], [0.0, 0.0, 1.0, 1.0], [0.0, 0.02, 0.5, 0.02, 1.0],
        [0.6, 0.7, 0.8], [1e-300, 1e-10, 0.04999, 0.05], random.uniform(0, 1, 40).tolist(),
        (random.uniform(0, 1, 40) ** 6).tolist(), random.choice([0.001, 0.01, 0.3], 30).tolist(),
    ]
    return [{"p": p, "adjusted": multipletests(p, method="holm")[1].tolist()} for p in lists]


def calibration_error(probabilities, truth):
    """ECE, bins (low, high], from scikit-learn's curve, which leaves empty bins out."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    accuracy, mean = calibration_curve(right, confidence, n_bins=BINS, strategy="uniform")
    edges = np.linspace(0.0, 1.0, BINS + 1)[1:-1]
    items = np.bincount(np.searchsorted(edges, confidence), minlength=BINS)
    items = items[items > 0]
    return float((items / items.sum() * np.abs(accuracy - mean)).sum())


def temperature():
    """Logits that are too sure, about right and not sure enough; the minimum by Brent's method on the derivative."""
    cases = []
    kinds = [(60, 2, 3.0, 0.7), (80, 5, 100.0, 0.5), (50, 10, 0.4, 1.0), (120, 3, 1.0, 0.8), (40, 20, 8.0, 0.9)]
    for items, classes, scale, signal in kinds:
        truth = random.integers(0, classes, items)
        scores = random.normal(size=(items, classes)) + 2 * np.eye(classes)[truth] * signal
        logits = (scores * scale).astype(np.float32)
        wide = logits.astype(np.float64)
        above = wide - wide[np.arange(items), truth][:, None]

        def slope(log_temperature):
            return (special.softmax(wide * np.exp(-log_temperature), axis=1) * above).sum(1).mean()

        fitted = float(np.exp(optimize.brentq(slope, -15, 15, xtol=1e-14, rtol=1e-14)))
        row = {"classes": classes, "logits": wide.ravel().tolist(), "truth": truth.tolist(), "temperature": fitted}
        for name, t in [("at_one", 1.0), ("at_fitted", fitted)]:
            probabilities = special.softmax(wide / t, axis=1)
            row[name] = {
                "expected_calibration_error": calibration_error(probabilities, truth),
                "negative_log_likelihood": float(-special.log_softmax(wide / t, axis=1)[np.arange(items), truth].mean()),
            }
        # scikit-learn's loss, which only cuts probabilities below 2e-16.
        loss = log_loss(truth, special.softmax(wide / fitted, axis=1), labels=range(classes))
        np.testing.assert_allclose(loss, row["at_fitted"]["negative_log_likelihood"], rtol=1e-9)
        cases.append(row)
    return cases


def limits(hits, trials, level):
    tail = (1 - level) / 2
    low = stats.beta.ppf(tail, hits, trials - hits + 1) if hits else 0.0
    high = stats.beta.isf(tail, hits + 1, trials - hits) if hits < trials else 1.0
    return hits / trials, low, high


def two_shares():
    """Newcombe (1998, method 10) and Donner and Zou (2012, equation 9) on Clopper-Pearson's limits."""
    cases = []
    pairs = [((8, 20), (11, 20)), ((190, 200), (168, 200)), ((1, 30), (4, 2000)), ((29, 30), (30, 30))]
    for first, second in pairs + [((900, 2000), (1100, 2000)), ((5, 20), (600, 1000))]:
        for level in [0.95, 0.995, 1 - 0.05 / 21]:
            (p, l, u), (q, m, v) = limits(*first, level), limits(*second, level)
            difference = [p - q - np.sqrt((p - l) ** 2 + (v - q) ** 2), p - q + np.sqrt((u - p) ** 2 + (q - m) ** 2)]
            ratio = [
                (p * q - np.sqrt((p * q) ** 2 - l * v * (2 * p - l) * (2 * q - v))) / (v * (2 * q - v)),
                (p * q + np.sqrt((p * q) ** 2 - u * m * (2 * p - u) * (2 * q - m))) / (m * (2 * q - m)),
            ]
            cases.append({"first": first, "second": second, "level": level, "difference": difference, "ratio": ratio})
    return cases


def paired_shares():
    """Zou and Donner (2008) on the same limits of both kinds of change."""
    cases = []
    counts = [(0, 0, 20), (3, 9, 20), (0, 6, 50), (25, 9, 200), (100, 41, 200), (7, 13, 20), (60, 4, 10_954)]
    for before, after, items in counts:
        for level in [0.95, 0.995]:
            (p, l, u), (q, m, v) = limits(after, items, level), limits(before, items, level)
            r = -np.sqrt(p * q / ((1 - p) * (1 - q)))
            low = p - q - np.sqrt((p - l) ** 2 + (v - q) ** 2 - 2 * r * (p - l) * (v - q))
            high = p - q + np.sqrt((u - p) ** 2 + (q - m) ** 2 - 2 * r * (u - p) * (q - m))
            counted = {"only_before": before, "only_after": after, "items": items}
            cases.append(counted | {"level": level, "low": low, "high": high})
    return cases


def main():
    groups = [chi_squared, fisher, clopper_pearson, mcnemar_exact, holm, temperature, two_shares, paired_shares]
    values = {"versions": {name: importlib.metadata.version(name) for name in LIBRARIES}}
    values |= {group.__name__: group() for group in groups}
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in values.items()]
    OUT.write_text("{" + ",\n".join(lines) + "}\n")
    print(f"{OUT}: {', '.join(f'{len(values[group.__name__])} {group.__name__}' for group in groups)}")


if __name__ == "__main__":
    main()
