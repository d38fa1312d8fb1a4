"""A result as a page: one file that needs nothing else, no script, no other origin; for light and for dark. Pure.

The parts are those of the schema (result.py), so every scenario's result becomes a page, also one that was written
before there were timelines; a plot is drawn where there is something to draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from bench.picture import short
from bench.plots import COLOURS, NARROW, WIDE, Chart, Points, Span, over_time, percentiles
from bench.plots import Bound as Line
from bench.recording import CPU, DEVICES, LATENCY, MEMORY, THROUGHPUT
from bench.report import LatencyRow, latencies, number
from bench.result import Bound, Figure, Result, Series, Timeline

STYLE = Path(__file__).with_name("report.css")

TITLES = {
    LATENCY: "Latency over time",
    THROUGHPUT: "Throughput",
    DEVICES: "Devices",
    CPU: "CPU",
    MEMORY: "Memory",
}
"""Plots in their order; others follow by their own name."""

LINES_MAX = 12
"""Lines in one plot: those that reach highest."""

_GIB = 1 << 30
_MIB = 1 << 20
_ALLOWED = "default-src 'none'; style-src 'unsafe-inline'"


def page(result: Result, *, summary: str = "", drawing: str = "") -> str:
    """The whole page. `drawing`: what a scenario draws of its own, as SVG."""
    parts = (
        _head(result, summary),
        _bounds(result),
        *(_timeline(result, timeline, place) for place, timeline in enumerate(result.timelines)),
        f"<section><h2>Drawn</h2><div class='drawn'>{drawing}</div></section>" if drawing else "",
        _figures(result),
        _processes(result),
        _how(result),
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<meta http-equiv="Content-Security-Policy" content="{_ALLOWED}">'
        f"<title>bench {escape(result.name)}: {_verdict(result)[1]}</title><style>{STYLE.read_text()}</style></head>"
        "<body><main>" + "\n".join(part for part in parts if part) + "</main></body></html>\n"
    )


def _verdict(result: Result) -> tuple[str, str]:
    missed = sum(bound.ok is False for bound in result.bounds)
    unknown = sum(bound.ok is None for bound in result.bounds)
    if missed:
        return "missed", f"{missed} of {len(result.bounds)} bounds missed"
    if unknown:
        return "unknown", f"{len(result.bounds) - unknown} bounds met, {unknown} not measured"
    return "met", f"all {len(result.bounds)} bounds met" if result.bounds else "no bounds"


def _head(result: Result, summary: str) -> str:
    kind, words = _verdict(result)
    runs = f", median of {len(result.timelines)} runs" if len(result.timelines) > 1 else ""
    return (
        f"<header><p class='kicker'>oddswire bench</p><h1>{escape(result.name)}</h1>"
        f"<p class='summary'>{escape(summary)}</p>"
        f"<p><span class='verdict {kind}'>{words}</span> <span class='when'>{escape(result.started)}{runs}</span></p>"
        f"<pre class='command'>{escape(result.command)}</pre></header>"
    )


def _bounds(result: Result) -> str:
    if not result.bounds:
        return ""
    rows = "".join(_bound(bound, result) for bound in result.bounds)
    return (
        "<section><h2>Bounds</h2><table class='bounds'><thead><tr><th>figure</th><th class='n'>measured</th>"
        "<th class='n'>bound</th><th>of what is allowed</th><th></th></tr></thead>"
        f"<tbody>{rows}</tbody></table></section>"
    )


def _bound(bound: Bound, result: Result) -> str:
    unit = _unit(result.figures[bound.name].unit) if bound.name in result.figures else ""
    sign = "&le;" if bound.how == "most" else "&ge;"
    words = {True: "met", False: "missed", None: "not measured"}[bound.ok]
    kind = {True: "met", False: "missed", None: "unknown"}[bound.ok]
    measured = "" if bound.value is None else f"{number(bound.value)}{unit}"
    return (
        f"<tr><td>{_words(bound.name)}</td><td class='n'>{measured}</td>"
        f"<td class='n'>{sign} {number(bound.limit)}{unit}</td><td>{_meter(bound, kind)}</td>"
        f"<td><span class='verdict {kind}'>{words}</span></td></tr>"
    )


def _meter(bound: Bound, kind: str) -> str:
    """How much of the bound is used; of one that is a least, how far above it is what was measured."""
    if bound.value is None or not bound.limit:
        return ""
    share = bound.value / bound.limit
    width = min(100.0, 100 * share / (1.0 if bound.how == "most" else 2.0))
    return f"<span class='meter'><i class='{kind}' style='width:{max(width, 0):.0f}%'></i></span> {share:.0%}"


def _timeline(result: Result, timeline: Timeline, place: int) -> str:
    plots: dict[str, list[Series]] = {}
    for series in timeline.series:
        plots.setdefault(f"{series.plot}\0{series.unit}", []).append(series)
    order = [key for name in TITLES for key in plots if key.split("\0")[0] == name]
    order += [key for key in plots if key not in order]
    drawn = [_plot(key, plots[key], timeline, result) for key in order]
    curves = {curve.name: curve.points for curve in timeline.curves}
    if curves:
        drawn.insert(1 if drawn else 0, _curves(curves))
    body = "".join(drawn)
    if not body or len(result.timelines) == 1:
        return body and f"<section class='plots'>{body}</section>"
    is_open = " open" if place == 0 else ""
    return f"<details class='plots'{is_open}><summary>Run {place + 1}</summary>{body}</details>"


def _plot(key: str, series: Sequence[Series], timeline: Timeline, result: Result) -> str:
    name, unit = key.split("\0")
    lines = dict(_highest({one.name: one.points for one in series}))
    spans = [Span(phase.name, phase.began_s, phase.ended_s) for phase in timeline.phases]
    bounds = _lines_of_bounds(result) if name == LATENCY else ()
    if name == CPU:
        bounds = (Line(f"{result.machine.cores} cores", float(result.machine.cores)),)
    chart = Chart(_unit(unit).strip() or name, lines, timeline.took_s, spans, bounds)
    return _figure(TITLES.get(name, name.capitalize()), over_time(chart, WIDE if name == LATENCY else NARROW), lines)


def _lines_of_bounds(result: Result) -> tuple[Line, ...]:
    """The bound of p99 that is drawn in the latency plot, where all that are in ms are one."""
    limits = {bound.limit for bound in result.bounds if bound.how == "most" and bound.name.endswith("p99_ms")}
    return tuple(Line(f"bound {short(limit)} ms", limit) for limit in limits) if len(limits) == 1 else ()


def _curves(curves: Mapping[str, Points]) -> str:
    lines = dict(_highest(curves))
    return _figure("Percentiles", percentiles(Chart("ms", lines, 0.0), NARROW), lines)


def _highest(lines: Mapping[str, Points]) -> list[tuple[str, Points]]:
    ranked = sorted(lines.items(), key=lambda each: max((y for _, y in each[1]), default=0.0), reverse=True)
    return ranked[:LINES_MAX]


def _figure(title: str, svg: str, lines: Mapping[str, Points]) -> str:
    keys = "".join(
        f"<li class='c{place % COLOURS + 1}'><i></i>{_words(name)} <b>{short(_median(points))}</b>"
        f" to {short(max(y for _, y in points))}</li>"
        for place, (name, points) in enumerate(lines.items())
    )
    return f"<figure><figcaption>{escape(title)}</figcaption>{svg}<ul class='key'>{keys}</ul></figure>"


def _median(points: Points) -> float:
    return sorted(y for _, y in points)[len(points) // 2]


def _figures(result: Result) -> str:
    rows, others = latencies(result.figures)
    return "".join(filter(None, (_latency_table(rows, result), _figure_table(others, result))))


def _latency_table(rows: Sequence[LatencyRow], result: Result) -> str:
    if not rows:
        return ""
    several = len(result.timelines) > 1
    told = "".join(
        f"<tr><td>{_words(row.name)}</td>" + "".join(_quantile(one, several) for one in row.quantiles) + "</tr>"
        for row in rows
    )
    names = "".join(f"<th class='n'>{name}</th>" for name in ("p50", "p99", "p99.9", "max"))
    return (
        f"<section><h2>Latencies, ms</h2><table><thead><tr><th></th>{names}</tr></thead>"
        f"<tbody>{told}</tbody></table></section>"
    )


def _quantile(figure: Figure, several: bool) -> str:
    runs = f"<br><span class='runs'>{' '.join(map(short, figure.runs))}</span>" if several else ""
    return f"<td class='n'>{number(figure.value)}{runs}</td>"


def _figure_table(figures: Mapping[str, Figure], result: Result) -> str:
    rows = "".join(
        f"<tr><td>{_words(name)}</td><td class='n'>{number(figure.value)}{_unit(figure.unit)}</td>"
        f"<td class='runs'>{' '.join(map(number, figure.runs)) if len(figure.runs) > 1 else ''}</td></tr>"
        for name, figure in figures.items()
    )
    runs = "<th>of runs</th>" if len(result.timelines) > 1 else "<th></th>"
    return (
        "<section><h2>Figures</h2><table><thead><tr><th>figure</th><th class='n'>value</th>"
        f"{runs}</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _processes(result: Result) -> str:
    if not result.processes:
        return ""
    rows = "".join(
        f"<tr><td>{_words(one.name)}</td><td>{', '.join(map(str, one.cores))}</td><td class='n'>{one.cpu_s:.2f} s</td>"
        f"<td class='n'>{one.cpu_system_s:.2f} s</td><td class='n'>{one.rss_bytes / _MIB:.1f} MiB</td>"
        f"<td class='n'>{one.uss_bytes / _MIB:.1f} MiB</td></tr>"
        for one in result.processes
    )
    return (
        "<section><h2>Processes</h2><table><thead><tr><th>process</th><th>cores</th><th class='n'>CPU</th>"
        "<th class='n'>of it kernel</th><th class='n'>resident</th><th class='n'>its own</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></section>"
    )


def _how(result: Result) -> str:
    machine = result.machine
    rows = dict(_facts(result)) | {_words(name): escape(str(value)) for name, value in result.parameters.items()}
    cells = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows.items())
    where = f"{escape(machine.cpu)}, {machine.cores} cores, {machine.memory_bytes / _GIB:.0f} GiB"
    return f"<section><h2>Measured on</h2><p>{where}</p><dl>{cells}</dl></section>"


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    yield "Linux", escape(result.machine.kernel)
    yield "Python", escape(result.machine.python)
    yield "oddswire", escape(result.version)
    yield "commit", escape(result.commit or "no checkout")


def _unit(unit: str) -> str:
    return "" if unit == "1" else f" {unit}".replace(" 1/s", " /s")


def _words(name: str) -> str:
    return escape(name.replace("_", " "))
