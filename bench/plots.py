"""Plots of a report: lines over time, and percentile curves, as SVG that takes its colours from the page. Pure.

Colours are classes (`c1` to `c8`, `grid`, `bound`, `phase`): the page gives them, for light and for dark (page.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.sax.saxutils import escape

from bench.picture import round_steps, short

Points = Sequence[tuple[float, float]]

COLOURS = 8
"""Classes c1 to c8; further lines begin again."""

WIDE, NARROW = 1_000, 520
HEIGHT = 250
"""Of a plot across the page, and of one of two beside each other: text is as large in both."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 26, 30
_GAP_STEPS = 4.0
"""A line is broken where two points are further apart than so many usual steps."""

_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_200, 3_600)
_MARK_ROOM = 75
_NINES = (0.0, 90.0, 99.0, 99.9, 99.99, 99.999)
_BOUND_ROOM = 4.0
_LETTER = 6.0
"""A bound is drawn if the axis need not be longer for it than this many times what the lines need."""


class Span(NamedTuple):
    """A part of the time axis that has a name."""

    name: str
    began: float
    ended: float


class Bound(NamedTuple):
    """A line across, at what is allowed."""

    name: str
    value: float


class Chart(NamedTuple):
    """Lines of one unit. `took`: where the time axis ends."""

    unit: str
    lines: Mapping[str, Points]
    took: float
    spans: Sequence[Span] = ()
    bounds: Sequence[Bound] = ()


class _Frame(NamedTuple):
    """From values to places."""

    across: Callable[[float], float]
    top: float
    width: int

    @property
    def right(self) -> int:
        """Where it ends."""
        return self.width - _RIGHT

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point stands."""
        left = _LEFT + (self.right - _LEFT) * self.across(x)
        return left, HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(y, self.top) / self.top


def over_time(chart: Chart, width: int = WIDE) -> str:
    """Lines over seconds, named parts of the time behind them."""
    took = max(chart.took, 1.0)
    frame = _Frame(lambda x: x / took, _top(chart), width)
    step = next((one for one in _TIME_STEPS if took / one <= width / _MARK_ROOM), _TIME_STEPS[-1])
    marks = [(float(at), f"{at} s") for at in range(0, int(took) + 1, step)]
    return _svg(width, [*_spans(chart.spans, frame), *_axes(chart, frame, marks), *_lines(chart, frame)])


def percentiles(chart: Chart, width: int = WIDE) -> str:
    """Lines over percentiles, each nine as wide as the one before (as HdrHistogram is drawn)."""
    most = max((90.0, *(x for points in chart.lines.values() for x, _ in points)))
    last = next((nine for nine in _NINES if nine >= most), _NINES[-1])
    frame = _Frame(lambda x: _nines(x) / _nines(last), _top(chart), width)
    marks = [(nine, f"{nine:g} %") for nine in (0.0, 50.0, *_NINES[1:]) if nine <= last]
    return _svg(width, [*_axes(chart, frame, marks), *_lines(chart, frame)])


def _nines(percent: float) -> float:
    return -math.log10(max(1e-6, 1 - percent / 100))


def _top(chart: Chart) -> float:
    most = max((y for points in chart.lines.values() for _, y in points), default=0.0)
    drawn = [bound.value for bound in chart.bounds if bound.value <= _BOUND_ROOM * most]
    return round_steps(max([most, *drawn]))[-1]


def _svg(width: int, parts: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {width} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">'
    return "\n".join((head, *parts, "</svg>"))


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "label") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'


def _axes(chart: Chart, frame: _Frame, marks: Sequence[tuple[float, str]]) -> Iterator[str]:
    right = frame.right
    for step in round_steps(frame.top):
        y = frame.at(0, step)[1]
        yield f'<path d="M{_LEFT} {y:.1f}H{right}" class="{"axis" if step == 0 else "grid"}"/>'
        yield _text(_LEFT - 7, y + 4, short(step), anchor="end")
    for place, (x, name) in enumerate(marks):
        at = frame.at(x, 0)[0]
        yield _text(at, HEIGHT - 10, name, anchor="middle" if place else "start")
    yield _text(4, 14, chart.unit)
    for bound in chart.bounds:
        if bound.value <= frame.top:
            y = frame.at(0, bound.value)[1]
            yield f'<path d="M{_LEFT} {y:.1f}H{right}" class="bound"/>'
            yield _text(right, y - 5, bound.name, anchor="end", kind="boundname")


def _spans(spans: Sequence[Span], frame: _Frame) -> Iterator[str]:
    for number, span in enumerate(spans):
        left, right = frame.at(span.began, 0)[0], frame.at(span.ended, 0)[0]
        kind = "phase" if number % 2 else "phase other"
        size = f'width="{right - left:.1f}" height="{HEIGHT - _TOP - _BOTTOM}"'
        yield f'<rect x="{left:.1f}" y="{_TOP}" {size} class="{kind}"/>'
        if right - left > _LETTER * len(span.name):
            yield _text((left + right) / 2, _TOP - 6, span.name, anchor="middle", kind="phasename")


def _lines(chart: Chart, frame: _Frame) -> Iterator[str]:
    for number, (name, points) in enumerate(chart.lines.items()):
        colour = f"c{number % COLOURS + 1}"
        yield f'<g class="line {colour}"><title>{escape(f"{name}: {_range(points)} {chart.unit}")}</title>'
        for part in _parts(points):
            places = " ".join("{:.1f},{:.1f}".format(*frame.at(x, y)) for x, y in part)
            yield f'<polyline points="{places}"/>'
            if len(part) == 1:
                x, y = frame.at(*part[0])
                yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2"/>'
        yield "</g>"


def _range(points: Points) -> str:
    values = [y for _, y in points]
    return f"{short(min(values))} to {short(max(values))}"


def _parts(points: Points) -> Iterator[Points]:
    """The points, parted where some are missing."""
    steps = sorted(after[0] - before[0] for before, after in pairwise(points))
    usual = steps[len(steps) // 2] if steps else 0.0
    began = 0
    for place, (before, after) in enumerate(pairwise(points), start=1):
        if after[0] - before[0] > _GAP_STEPS * usual:
            yield points[began:place]
            began = place
    yield points[began:]
