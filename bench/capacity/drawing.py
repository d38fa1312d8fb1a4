"""The course of a touchdown as SVG: three charts over the same time, what happens as marks. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from bench.picture import round_steps, short

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 860, 230, 70, 160, 44, 36
_COLOURS = ("#0b6e4f", "#c1440e", "#3454d1")
_GREY = "#5b6570"

Place = Callable[[float], float]


class Chart(NamedTuple):
    """Lines over time; `bound` is drawn across, what is above `most` is cut off."""

    title: str
    series: Mapping[str, Sequence[float]]
    bound: float | None = None
    most: float | None = None


_FONT = 'font-family="sans-serif" font-size="13"'


def course_svg(title: str, at_s: Sequence[float], charts: Sequence[Chart], marks: Mapping[float, str]) -> str:
    """The charts below each other."""
    height = 40 + _HEIGHT * len(charts)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        _text(12, 24, title, weight="bold"),
    ]
    for place, chart in enumerate(charts):
        parts.append(f'<g transform="translate(0 {34 + place * _HEIGHT})">')
        parts += _drawn(chart, at_s, marks)
        parts.append("</g>")
    return "\n".join((*parts, "</svg>\n"))


def _drawn(chart: Chart, at_s: Sequence[float], marks: Mapping[float, str]) -> Iterator[str]:
    highest = max([max(values) for values in chart.series.values()] + [chart.bound or 0.0])
    steps = round_steps(min(highest, chart.most) if chart.most else highest)
    bottom, right, last_s = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT, at_s[-1] or 1.0

    def x_of(second: float) -> float:
        return _LEFT + (right - _LEFT) * second / last_s

    def y_of(value: float) -> float:
        return bottom - (bottom - _TOP) * min(value / steps[-1], 1.0)

    yield _text(12, 20, chart.title, weight="bold")
    for step in steps:
        yield f'<path d="M{_LEFT} {y_of(step):.1f}H{right}" stroke="{_GREY if step == 0 else "#e1e5ea"}"/>'
        yield _text(_LEFT - 8, y_of(step) + 4, short(step), anchor="end", fill=_GREY)
    for second, what in marks.items():
        yield f'<path d="M{x_of(second):.1f} {_TOP}V{bottom}" stroke="#9aa5b1" stroke-dasharray="3 3"/>'
        yield _text(x_of(second), bottom + 17, f"{short(second)} s {what}", anchor="middle", fill=_GREY)
    if chart.bound is not None:
        y = y_of(chart.bound)
        yield f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#b00020" stroke-dasharray="6 3"/>'
        yield _text(right + 8, y + 4, f"budget {short(chart.bound)}", fill="#b00020")
    yield from _lines(chart, at_s, x_of, y_of, right)


def _lines(chart: Chart, at_s: Sequence[float], x_of: Place, y_of: Place, right: float) -> Iterator[str]:
    for number, (name, values) in enumerate(chart.series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = " ".join(f"{x_of(second):.1f},{y_of(value):.1f}" for second, value in zip(at_s, values, strict=True))
        yield f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
        yield f'<path d="M{right + 8} {_TOP + 8 + 18 * number}h14" stroke="{colour}" stroke-width="3"/>'
        yield _text(right + 26, _TOP + 12 + 18 * number, name, fill=colour)


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal", fill: str = "#000") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{fill}">'
        f"{escape(text)}</text>"
    )
