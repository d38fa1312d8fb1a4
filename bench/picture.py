"""Pictures of results: bars and lines as SVG 1.1, written by hand. Pure; text in, text out, no library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

_WIDTH = 720
_LABEL = 190
_ROW = 26
_TITLE = 44
_COLOURS = ("#0b6e4f", "#c1440e", "#3454d1", "#8a6d00", "#7a306c", "#4a4a4a")


class Bars(NamedTuple):
    """One chart of horizontal bars: a value for each name, longest last by nobody's choice but the data's."""

    title: str
    unit: str
    values: Mapping[str, float]


class Lines(NamedTuple):
    """One chart of lines over logarithmic x: for each name its points."""

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


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'


def _bar_chart(chart: Bars, top: int) -> list[str]:
    parts = [_text(12, top + 28, f"{chart.title} ({chart.unit})", weight="bold")]
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
_LEFT, _RIGHT, _BOTTOM = 70, 150, 50


def _line_chart(chart: Lines, top: int) -> list[str]:
    points = [point for series in chart.series.values() for point in series]
    low, high = (limit(math.log10(x) for x, _ in points) for limit in (min, max))
    most = max(y for _, y in points) or 1
    bottom, width, height = top + _CHART - _BOTTOM, _WIDTH - _LEFT - _RIGHT, _CHART - _BOTTOM - _TITLE

    def at(point: tuple[float, float]) -> tuple[float, float]:
        share = (math.log10(point[0]) - low) / ((high - low) or 1)
        return _LEFT + width * share, bottom - height * point[1] / most

    parts = [
        _text(12, top + 26, f"{chart.title} ({chart.unit})", weight="bold"),
        f'<path d="M{_LEFT} {top + _TITLE}V{bottom}H{_LEFT + width}" fill="none" stroke="#444"/>',
        _text(_LEFT - 6, top + _TITLE + 10, short(most), anchor="end"),
        _text(_LEFT - 6, bottom, "0", anchor="end"),
        _text(_LEFT + width / 2, bottom + 38, chart.x, anchor="middle"),
    ]
    parts += [_text(at((x, 0))[0], bottom + 18, short(x), anchor="middle") for x in sorted({x for x, _ in points})]
    for number, (name, series) in enumerate(chart.series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, series))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(_LEFT + width + 8, at(series[-1])[1] + 4, name))
    return parts


def short(value: float) -> str:
    """A number in few characters: 2.5M, 12k, 0.31."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
