"""HTML of results and audits: figures with their intervals, as tables and as small plots."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _clip_rs
from ._columns import cell
from ._display import block, escaped, note, table

if TYPE_CHECKING:
    from ._result import Figure, Result

# Rows of a table, and figures of a plot.
_ROWS, _PLOTTED = 15, 12
# Of a plot, px: width of names and of the axis, height of a row.
_NAMES, _AXIS, _ROW = 220, 300, 20
_AXES = {"share": "%", "points": "points"}

_Rows = tuple[Sequence[str], list[list[str]]]


def result(found: Result) -> str:
    """A result: the figure that is reported, all others, counts and notes."""
    figures = list(found.figures.values())
    counts = found.counts
    expected = counts["found"] if counts.get("expected") is None else counts["expected"]
    items = f"{counts['scored']:,} of {expected:,} items scored"
    if counts.get("skipped"):
        items += f", {counts['skipped']:,} left out"
    title = f"{found.model} · {found.task} · {found.dataset} {found.split}"
    notes = [note(text) for text in [items, *found.notes, _clip_rs.LIMITS]]
    return block(f"<p><b>{escaped(title)}</b></p>", _figures(figures), intervals(figures), *notes)


def _figures(figures: Sequence[Figure]) -> str:
    rows = [
        [escaped(figure.name), escaped(figure.format(figure.value)), *_interval(figure), escaped(figure.note or "")]
        for figure in figures
    ]
    return table(["figure", "value", "interval", "by", "note"], rows, numbers=(1, 2))


def _interval(figure: Figure) -> tuple[str, str]:
    if figure.low is None or figure.high is None:
        return "", ""
    by = f"{figure.method}, over {figure.over}" if figure.over else figure.method or ""
    level = "" if figure.level is None else f"{100 * figure.level:g} %, "
    return f"{escaped(figure.format(figure.low))} to {escaped(figure.format(figure.high))}", escaped(level + by)


def intervals(figures: Sequence[Figure]) -> str:
    """Shares, and differences of shares, with their intervals on an axis; empty where there are none."""
    plots = []
    for unit in _AXES:
        of_unit = [figure for figure in figures if figure.unit == unit and figure.value is not None]
        if any(figure.low is not None for figure in of_unit):
            plots.append(_plot(of_unit[:_PLOTTED], unit))
    return "".join(plots)


def _plot(figures: Sequence[Figure], unit: str) -> str:
    """Marks and intervals in rows over one axis, in hundredths."""
    least, most, step = _axis(figures, unit)

    def place(value: float) -> float:
        return round(_NAMES + _AXIS * (min(max(value, least), most) - least) / (most - least), 1)

    bottom = len(figures) * _ROW + 4
    parts = []
    for count in range(round((most - least) / step) + 1):
        value = least + count * step
        x, number = place(value), round(100 * value)
        parts.append(f'<line x1="{x}" x2="{x}" y1="0" y2="{bottom}" stroke="currentColor" stroke-opacity=".15"/>')
        parts.append(f'<text x="{x}" y="{bottom + 14}" text-anchor="middle">{number}</text>')
    middle = _NAMES + _AXIS / 2
    parts.append(f'<text x="{middle}" y="{bottom + 29}" text-anchor="middle">{_AXES[unit]}</text>')
    for row, figure in enumerate(figures):
        y = row * _ROW + _ROW // 2
        name = escaped(cell(figure.name, 32).strip())
        parts.append(f'<text x="{_NAMES - 8}" y="{y + 4}" text-anchor="end">{name}</text>')
        if figure.low is not None and figure.high is not None:
            ends = f'x1="{place(figure.low)}" x2="{place(figure.high)}" y1="{y}" y2="{y}"'
            parts.append(f'<line {ends} stroke="#3a87d0" stroke-width="3" stroke-opacity=".6"/>')
        if figure.value is not None:
            parts.append(f'<circle cx="{place(figure.value)}" cy="{y}" r="4" fill="#3a87d0"/>')
    width, height = _NAMES + _AXIS + 24, bottom + 34
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-size="11" fill="currentColor" '
        f'role="img" aria-label="values with intervals">{"".join(parts)}</svg>'
    )


def _axis(figures: Sequence[Figure], unit: str) -> tuple[float, float, float]:
    """Ends of the axis and the distance of its ticks."""
    if unit == "share":
        return 0.0, 1.0, 0.2
    values = [value for figure in figures for value in (figure.value, figure.low, figure.high) if value is not None]
    reach = max(0.01, *(abs(value) for value in values))
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if reach <= 4 * step or step == 0.5)
    end = step * math.ceil(reach / step - 1e-9)
    return -end, end, step


def audit(record: Mapping[str, Any], figure_of: Callable[[Mapping[str, Any]], Figure]) -> str:
    """An audit: the verdict, and a table for each section with what may be concluded and what may not.

    Parameters
    ----------
    record : mapping
        What the file of the audit holds.
    figure_of : callable
        A figure of what is written of it.
    """
    counts = record["counts"]
    title = f"{record['model']} · audit {record['kind']} · {record['dataset']} {record['split']}"
    parts = [f"<p><b>{escaped(title)}</b></p>", note(f"{counts['scored']:,} of {counts['found']:,} images scored")]
    verdict = record.get("verdict")
    if verdict:
        parts.append(f"<p>{escaped(verdict['text'])}</p>")
    for place, section in enumerate(record["sections"]):
        parts.append(_section(section, place == 0, figure_of))
    warnings = [note(warning["text"]) for warning in record.get("warnings", [])]
    return block(*parts, *warnings, note(_clip_rs.LIMITS))


def _section(section: Mapping[str, Any], is_open: bool, figure_of: Callable[[Mapping[str, Any]], Figure]) -> str:
    said = section["conclusion"]
    body = _BODIES.get(section["body"]["kind"])
    head, rows = ([], []) if body is None else body(section["body"], figure_of)
    left = [note(f"… and {len(rows) - _ROWS:,} more rows")] if len(rows) > _ROWS else []
    shown = table(head, rows[:_ROWS]) if rows else ""
    opened = " open" if is_open else ""
    return (
        f"<details{opened}><summary>{escaped(section['title'])}</summary>{shown}{''.join(left)}"
        f"<p>{escaped(said['may'])}</p>{note('Not shown by this: ' + said['may_not'])}"
        f"{''.join(note(text) for text in section.get('notes', []))}</details>"
    )


_FigureOf = Callable[[Mapping[str, Any]], "Figure"]


def _value(written: Mapping[str, Any] | None, figure_of: _FigureOf) -> str:
    """A figure in a cell: ``93.2 % [90.1, 95.4]``; a dash where there is none."""
    if written is None:
        return "–"
    figure = figure_of(written)
    text = figure.format(figure.value)
    if figure.low is not None and figure.high is not None:
        text += f" [{figure.format(figure.low)}, {figure.format(figure.high)}]"
    return escaped(text)


def _rate(rate: Mapping[str, Any], figure_of: _FigureOf) -> list[str]:
    return [str(rate["items"]), _value(rate["share"], figure_of)]


def _rates(body: Mapping[str, Any], figure_of: _FigureOf) -> _Rows:
    rows = [[escaped(" · ".join(row["group"])), *_rate(row["rate"], figure_of)] for row in body["rows"]]
    return [escaped(" · ".join(body["by"])), "images", escaped(body["rate"])], [
        *rows,
        ["all", *_rate(body["all"], figure_of)],
    ]


def _paired(body: Mapping[str, Any], figure_of: _FigureOf) -> _Rows:
    def line(row: Mapping[str, Any]) -> list[str]:
        before, after, change = row["before"], row["after"], row["change"]
        moved = ["–", "–"] if change is None else [
            _value(change["difference"], figure_of),
            f"{change['test']['p_holm']:.3g}",
        ]
        name = escaped(" · ".join(row["group"]) or "all")
        return [name, *_rate(before, figure_of), _value(after["share"], figure_of), *moved]

    by = escaped(" · ".join(body["by"]))
    head = [by, "images", escaped(body["before"]), escaped(body["after"]), "change", "p, corrected (Holm)"]
    return head, [line(row) for row in [*body["rows"], body["all"]]]


def _associations(body: Mapping[str, Any], figure_of: _FigureOf) -> _Rows:
    groups = [escaped(f"{name} (n = {items})") for name, items in body["groups"]]
    rows = [
        [
            escaped(row["label"]),
            *(_value(rate["share"], figure_of) for rate in row["returned"]),
            escaped(row["toward"]),
            f"{row['test']['p_holm']:.3g}",
        ]
        for row in body["rows"]
    ]
    return ["label", *groups, "more often", "p, corrected (Holm)"], rows


def _figure_rows(body: Mapping[str, Any], figure_of: _FigureOf) -> _Rows:
    names: list[str] = []
    for _, figures in body["rows"]:
        names += [figure["name"] for figure in figures if figure["name"] not in names]
    rows = []
    for of, figures in body["rows"]:
        values = {figure["name"]: _value(figure, figure_of) for figure in figures}
        rows.append([escaped(of), *(values.get(name, "") for name in names)])
    return [escaped(body["of"]), *(escaped(name.replace("_", " ")) for name in names)], rows


def _flow(body: Mapping[str, Any], _: _FigureOf) -> _Rows:
    rows = [[escaped(one["from"]), escaped(one["to"]), str(one["items"])] for one in body["cells"]]
    return [escaped(body["before"]), escaped(body["after"]), "images"], rows


def _confusions(body: Mapping[str, Any], _: _FigureOf) -> _Rows:
    rows = [[escaped(pair["truth"]), escaped(pair["prediction"]), str(pair["count"])] for pair in body["pairs"]]
    return ["truth", "answer", "images"], rows


def _reliability(body: Mapping[str, Any], _: _FigureOf) -> _Rows:
    rows = [
        [
            f"{100 * one['low']:.0f} to {100 * one['high']:.0f} %",
            str(one["items"]),
            f"{100 * one['confidence']:.1f} %",
            f"{100 * one['accuracy']:.1f} %",
        ]
        for one in body["bins"]
    ]
    return ["probability", "images", "mean probability", "right"], rows


def _curves(body: Mapping[str, Any], figure_of: _FigureOf) -> _Rows:
    rows = [
        [escaped(name), f"{point['x']:g}", _value(point["y"], figure_of)]
        for name, points in body["curves"]
        for point in points
    ]
    return ["", escaped(body["x"]), escaped(body["y"])], rows


_BODIES: dict[str, Callable[[Mapping[str, Any], _FigureOf], _Rows]] = {
    "rates": _rates,
    "paired": _paired,
    "associations": _associations,
    "figures": _figure_rows,
    "flow": _flow,
    "confusions": _confusions,
    "reliability": _reliability,
    "curves": _curves,
}
