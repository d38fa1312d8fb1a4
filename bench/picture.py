"""Pictures of results: bars and lines as SVG 1.1, written by hand. Pure; text in, text out, no library."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple
from xml.sax.saxutils import escape

_WIDTH = 720
_LABEL = 190
_ROW = 26
_TITLE = 44
_GREY = "#5b6570"
_COLOURS = ("#0b6e4f", "#c1440e", "#3454d1", "#8a6d00", "#7a306c", "#4a4a4a")


class Bars(NamedTuple):
    """One chart of horizontal bars: a value for each name, in the order given, the first one stressed.

    `better` is said in the title: "more" or "less" is.
    """

    title: str
    unit: str
    values: Mapping[str, float]
    better: Literal["more", "less"]


class Lines(NamedTuple):
    """One chart of lines over logarithmic x: for each name its points, at least one. A unit may be empty."""

    title: str
    x: str
    unit: str
    series: Mapping[str, Sequence[tuple[float, float]]]


def bars(charts: Sequence[Bars]) -> str:
    """The charts below each other; each has its own scale from 0."""
    parts: list[str] = []
    top = 0
    for chart in charts:
        parts += _bar_chart(chart, top)
        top += _TITLE + _ROW * len(chart.values)
    return _svg(parts, top + 16)


def lines(charts: Sequence[Lines]) -> str:
    """The charts below each other; y is linear from 0."""
    parts: list[str] = []
    for place, chart in enumerate(charts):
        parts += _line_chart(chart, place * _CHART)
    return _svg(parts, _CHART * len(charts))


def _svg(parts: Sequence[str], height: int) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        f'font-size="13"><rect width="{_WIDTH}" height="{height}" fill="#fff"/>'
    )
    return "\n".join((head, *parts, "</svg>\n"))


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal", fill: str = "#000") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{fill}">'
        f"{escape(text)}</text>"
    )


def _bar_chart(chart: Bars, top: int) -> list[str]:
    title = f"{chart.title} ({chart.unit})"
    parts = [
        _text(12, top + 28, title, weight="bold"),
        _text(_WIDTH - 12, top + 28, f"{chart.better} is better", anchor="end", fill=_GREY),
    ]
    most = max(chart.values.values(), default=0) or 1
    room = _WIDTH - _LABEL - 100
    for row, (name, value) in enumerate(chart.values.items()):
        y = top + _TITLE + row * _ROW
        width = room * value / most
        colour = _COLOURS[0] if row == 0 else "#9aa5b1"
        parts.append(_text(_LABEL - 8, y + 14, name, anchor="end"))
        parts.append(f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="18" fill="{colour}"/>')
        parts.append(_text(_LABEL + width + 6, y + 14, short(value)))
    return parts


_CHART = 300
_LEFT, _RIGHT, _BOTTOM = 70, 150, 54
_BELOW = _CHART - _BOTTOM
_STEPS = 5
"""At most so many lines across, each at a round number."""
_APART = 15
"""Names at the ends of lines are so far from each other that each can be read."""


class _Scale(NamedTuple):
    """Where values stand: `low` and `high` are decimal logarithms of x, `top` is the end of y."""

    low: float
    high: float
    top: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Within the chart, from its upper left corner."""
        share = (math.log10(x) - self.low) / ((self.high - self.low) or 1)
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * share, _BELOW - (_BELOW - _TITLE) * y / self.top


def round_steps(most: float) -> list[float]:
    """Round numbers from 0, evenly apart, of which the last is not below `most`."""
    rough = most / _STEPS or 1.0
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough * (1 - 1e-9))
    return [number * step for number in range(math.ceil(most / step - 1e-9) + 1)] if most else [0.0, 1.0]


def _line_chart(chart: Lines, top: int) -> list[str]:
    points = [point for series in chart.series.values() for point in series]
    logs = [math.log10(x) for x, _ in points]
    steps = round_steps(max(y for _, y in points))
    scale = _Scale(min(logs), max(logs), steps[-1])
    names = ", at " + next(iter(chart.series)) if len(chart.series) == 1 else ""
    unit = f" ({chart.unit})" if chart.unit else ""
    parts = [f'<g transform="translate(0 {top})">', _text(12, 26, f"{chart.title}{names}{unit}", weight="bold")]
    parts += _frame(chart.x, scale, steps, sorted({x for x, _ in points}))
    for number, series in enumerate(chart.series.values()):
        parts += _line(series, scale, _COLOURS[number % len(_COLOURS)], told=len(chart.series) == 1)
    if len(chart.series) > 1:
        parts += _names(chart.series, scale)
    return [*parts, "</g>"]


def _frame(name: str, scale: _Scale, steps: Sequence[float], marks: Sequence[float]) -> Iterator[str]:
    """Lines across at round numbers of y, and every x that was measured."""
    right = _WIDTH - _RIGHT
    for step in steps:
        y = scale.at(10**scale.low, step)[1]
        yield f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="{_GREY if step == 0 else "#e1e5ea"}"/>'
        yield _text(_LEFT - 8, y + 4, short(step), anchor="end", fill=_GREY)
    for mark in marks:
        yield _text(scale.at(mark, 0)[0], _BELOW + 18, short(mark), anchor="middle", fill=_GREY)
    yield _text((_LEFT + right) / 2, _BELOW + 38, f"{name} (logarithmic)", anchor="middle", fill=_GREY)


def _line(series: Sequence[tuple[float, float]], scale: _Scale, colour: str, *, told: bool) -> Iterator[str]:
    """A line with a dot at every point, and if it is the only one, the point's value."""
    places = [scale.at(x, y) for x, y in series]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
    if told:
        yield '<g paint-order="stroke" stroke="#fff" stroke-width="4">'  # readable where the line runs behind it
        for place, ((x, y), (_, value)) in enumerate(zip(places, series)):
            yield _text(x, y - 9, short(value), anchor="middle" if place else "start")
        yield "</g>"


def _names(series: Mapping[str, Sequence[tuple[float, float]]], scale: _Scale) -> Iterator[str]:
    """Each at the end of its line, moved up where the one below needs the room."""
    above = float(_BELOW + _APART)
    ends = [(scale.at(*points[-1])[1], number, name) for number, (name, points) in enumerate(series.items())]
    for end, number, name in sorted(ends, reverse=True):
        above = min(end, above - _APART)
        yield _text(_WIDTH - _RIGHT + 10, above + 4, name, fill=_COLOURS[number % len(_COLOURS)])


def short(value: float) -> str:
    """A number in few characters: 2.5M, 12k, 0.31."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
