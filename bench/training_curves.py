"""Draws a run of training: loss, accuracy in the batch, learning rate and gradient norm of `metrics.jsonl` as one SVG.

    python bench/training_curves.py RUN/metrics.jsonl --title "What it is" --out curves.svg

Thin lines are single steps, thick ones the mean of the steps around (a fiftieth of the run). Python's library suffices.
"""

import argparse
import html
import json
import math
from pathlib import Path

WIDTH, LEFT, RIGHT, PANEL, GAP, TOP = 760, 70, 24, 150, 54, 62
# Title, unit, curves (key, name, colour), whether the axis is a logarithm's, ends of the axis where they are fixed.
PANELS = [
    ("Loss", "nats", [("loss", "loss", "#1f5fa8")], False, (0, None)),
    ("Accuracy in the batch", "%", [("image_accuracy", "image to text", "#1f5fa8"),
                                    ("text_accuracy", "text to image", "#b3541e")], False, (0, 100)),
    ("Learning rate", "", [("learning_rate", "learning rate", "#3b7d3b")], False, (0, None)),
    ("Gradient norm before clipping", "", [("gradient_norm", "gradient norm", "#7a4a9c")], True, (None, None)),
]


def ticks(low, high, log):
    """Round numbers from `low` to `high`."""
    if log:
        return [10.0**e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    step = 10 ** math.floor(math.log10((high - low) / 4))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (m * step) <= 5)
    return [i * step for i in range(math.floor(low / step), math.ceil(high / step) + 1)]


def smooth(values, reach):
    """Means of up to `reach` values on either side."""
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    ends = [(max(0, i - reach), min(len(values), i + reach + 1)) for i in range(len(values))]
    return [(sums[b] - sums[a]) / (b - a) for a, b in ends]


def number(value):
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e") if 0 < abs(value) < 1e-2 else f"{value:g}"


def panel(rows, top, title, unit, curves, log, fixed):
    """The lines of one panel."""
    values = {key: [(r["step"], r[key] * (100 if unit == "%" else 1)) for r in rows if r.get(key) is not None]
              for key, _, _ in curves}
    flat = [v for points in values.values() for _, v in points if v > 0 or not log]
    low, high = (f if f is not None else e for f, e in zip(fixed, (min(flat), max(flat))))
    marks = ticks(low, high, log)
    low, high, last = marks[0], marks[-1], rows[-1]["step"]
    scale = math.log10 if log else float

    def x(step):
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last

    def y(value):
        return top + PANEL * (1 - (scale(max(value, low)) - scale(low)) / (scale(high) - scale(low)))

    out = [f'<text x="{LEFT}" y="{top - 10}" class="t">{title}{f", {unit}" if unit else ""}</text>']
    for mark in marks:
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}" class="g"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(mark) + 4:.1f}" text-anchor="end">{number(mark)}</text>')
    for mark in ticks(0, last, False):
        if mark <= last:
            out.append(f'<text x="{x(mark):.1f}" y="{top + PANEL + 17}" text-anchor="middle">{mark:g}</text>')
    for i, (key, name, colour) in enumerate(curves):
        steps, raw = zip(*values[key])
        for line, style in ((raw, 'stroke-width="0.7" opacity="0.35"'), (smooth(raw, len(raw) // 100), 'stroke-width="2"')):
            points = " ".join(f"{x(s):.1f},{y(v):.1f}" for s, v in zip(steps, line))
            out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" {style}/>')
        if len(curves) > 1:
            at = WIDTH - RIGHT - 130 * (len(curves) - i)
            out.append(f'<line x1="{at}" x2="{at + 22}" y1="{top - 14}" y2="{top - 14}" stroke="{colour}" stroke-width="2"/>')
            out.append(f'<text x="{at + 28}" y="{top - 10}">{name}</text>')
    return out


def draw(rows, title):
    height = TOP + len(PANELS) * (PANEL + GAP) + 4
    style = "text{font:13px system-ui,sans-serif;fill:#222}.t{font-weight:600}.g{stroke:#ddd}"
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">',
           f"<title>{html.escape(title)}</title><style>{style}</style>",
           f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
           f'<text x="{LEFT}" y="24" style="font-size:16px" class="t">{html.escape(title)}</text>']
    for i, one in enumerate(PANELS):
        out += panel(rows, TOP + i * (PANEL + GAP), *one)
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{height - 6}" text-anchor="middle">step</text></svg>')
    return "\n".join(out) + "\n"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("metrics", type=Path)
    arguments.add_argument("--title", required=True)
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    rows = [json.loads(line) for line in options.metrics.read_text().splitlines()]
    rows = [row for row in rows if "loss" in row]  # other lines are measurements
    options.out.write_text(draw(rows, options.title))


if __name__ == "__main__":
    main()
