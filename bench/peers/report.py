"""Tables in Markdown and a plot in SVG of the kept records."""
import html
import json
import math
import pathlib

OURS = "clip-rs"
# Peaks of two cores of the class of machine that the first figures come from, where clip-rs does not measure them.
PEAKS = {"f32": 234.0, "bf16": 468.0, "int8": 936.0}
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#a65628", "#984ea3"]
OURS_COLOUR = "#000000"


def records(path):
    return json.loads(path.read_text("utf-8")) if path.exists() else []


def write(every, out):
    """`peers.md` and `peers.svg` into the folder `out`."""
    tables = {}
    for record in every:
        tables.setdefault(record["table"], []).append(record)
    text = [f"{processor()}; medians of rounds in turns.", ""]
    for title, columns in tables.items():
        text += [f"### {title}", "", *table(columns), "", *details(columns), ""]
    (out / "peers.md").write_text("\n".join(text), "utf-8")
    (out / "peers.svg").write_text(plot(every), "utf-8")
    print("\n".join(text))


def processor():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else "Unknown processor"


def fastest(record):
    """The fastest configuration of each peer, the fastest peer first, clip-rs before all."""
    best = {}
    for entry in record["entries"]:
        if entry["peer"] not in best or entry["rate"] > best[entry["peer"]]["rate"]:
            best[entry["peer"]] = entry
    return dict(sorted(best.items(), key=lambda item: (item[0] != OURS, -item[1]["rate"])))


def ratio(record, peer):
    """How many times as fast as `peer` clip-rs is, if both ran."""
    best = fastest(record)
    return best[OURS]["rate"] / best[peer]["rate"] if OURS in best and peer in best else None


def table(columns):
    """A row for each program, a column for each record: rate, share of the peak, and how many times as fast clip-rs is."""
    peers = list(dict.fromkeys(peer for record in columns for peer in fastest(record)))
    yield f"| {columns[0]['unit']} | " + " | ".join(record["column"] for record in columns) + " |"
    yield "|---|" + "---:|" * len(columns)
    for peer in peers:
        yield f"| {peer} | " + " | ".join(cell(record, peer) for record in columns) + " |"


def cell(record, peer):
    entry = fastest(record).get(peer)
    if entry is None:
        return "–"
    parts = [f"{entry['rate']:,.1f}" if entry["rate"] < 1000 else f"{entry['rate']:,.0f}"]
    if record["operations"]:
        peak = record["peak"] or PEAKS[record["precision"]]
        parts.append(f"{entry['rate'] * record['operations'] / peak:.0%}")
    if peer != OURS and ratio(record, peer):
        parts.append(f"×{ratio(record, peer):.2f}")
    return " · ".join(parts)


def details(columns):
    """Which configurations won, the peak, and how noisy the machine was."""
    for record in columns:
        winners = [f"{peer}: {entry['variant']}" for peer, entry in fastest(record).items() if entry["variant"]]
        noise = sorted(share for entry in record["entries"] for share in entry["foreign"])
        peak = f"; peak {record['peak'] or PEAKS[record['precision']]:.0f} Gop/s" if record["operations"] else ""
        if noise:
            yield (f"- {record['column']}: {', '.join(winners) or 'one configuration each'}{peak}; other processes used "
                   f"{noise[len(noise) // 2]:.0%} of the processor (median), {noise[-1]:.0%} (most); threads: {record['threads']}")


def plot(every):
    """A line for each record: the rate of each program over that of the fastest peer, on a logarithmic axis."""
    shown = [record for record in every if record["entries"]]
    families = list(dict.fromkeys(family(peer) for record in shown for peer in fastest(record) if peer != OURS))
    colour = {OURS: OURS_COLOUR} | {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(families)}
    left, width, row, top = 330, 560, 20, 20 + 18 * math.ceil(len(colour) / 5)
    height = top + row * len(shown) + 40
    ratios = {place: {peer: entry["rate"] / best_peer(record) for peer, entry in fastest(record).items()}
              for place, record in enumerate(shown)}
    low = min([0.25, *(min(values.values()) for values in ratios.values())])
    high = max([2.0, *(max(values.values()) for values in ratios.values())])

    def x(value):
        return left + width * math.log(value / low) / math.log(high / low)

    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 30} {height}" font-family="sans-serif" '
           f'font-size="12">', f'<rect width="100%" height="100%" fill="#ffffff"/>']
    for place, (name, fill) in enumerate(colour.items()):
        across, down = 20 + place % 5 * 180, 16 + place // 5 * 18
        svg.append(f'<circle cx="{across}" cy="{down}" r="5" fill="{fill}"/>'
                   f'<text x="{across + 10}" y="{down + 4}">{html.escape(name)}</text>')
    for tick in (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200):
        if low <= tick <= high:
            svg.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top}" y2="{height - 36}" stroke="#bbbbbb" '
                       f'stroke-width="{2 if tick == 1 else 1}"/>'
                       f'<text x="{x(tick):.1f}" y="{height - 20}" text-anchor="middle">{tick:g}</text>')
    svg.append(f'<text x="{left + width / 2}" y="{height - 4}" text-anchor="middle">speed over the fastest peer</text>')
    for place, record in enumerate(shown):
        y = top + row * place + row / 2
        svg.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">'
                   f'{html.escape(record["table"] + ", " + record["column"])}</text>')
        for peer, value in reversed(ratios[place].items()):
            svg.append(f'<circle cx="{x(value):.1f}" cy="{y}" r="5" fill="{colour[family(peer)]}"/>')
    return "\n".join([*svg, "</svg>", ""])


def family(peer):
    """The project, whatever of it was measured."""
    return peer.partition(",")[0].partition(" +")[0]


def best_peer(record):
    rates = [entry["rate"] for peer, entry in fastest(record).items() if peer != OURS]
    return max(rates) if rates else fastest(record)[OURS]["rate"]
