"""Pictures are well-formed, keep within their frame, and say every name."""

import itertools
from xml.etree import ElementTree as ET

import pytest

from bench.picture import Bars, Lines, bars, lines, round_steps, short

SVG = "{http://www.w3.org/2000/svg}"


def test_the_longest_bar_has_the_largest_value() -> None:
    drawn = ET.fromstring(bars([Bars("speed", "1/s", {"a & b": 10.0, "c": 2.5e6}, "more")]))
    _, *rows = drawn.iter(SVG + "rect")
    short_bar, long_bar = (float(row.attrib["width"]) for row in rows)
    assert short_bar < long_bar
    assert {"a & b", "c", "2.5M"} <= {text.text for text in drawn.iter(SVG + "text")}


def test_nothing_measured_is_drawn_as_nothing() -> None:
    drawn = ET.fromstring(bars([Bars("speed", "1/s", {"a": 0.0}, "less")]))
    assert [row.attrib["width"] for row in drawn.iter(SVG + "rect")][1:] == ["0.0"]


def test_lines_stay_within_the_picture() -> None:
    drawn = ET.fromstring(lines([Lines("cost", "devices", "1", {"x": [(1000, 0.1), (15_000, 0.9)], "y": [(1000, 0)]})]))
    _, _, width, height = map(float, drawn.attrib["viewBox"].split())
    for line in drawn.iter(SVG + "polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_a_line_is_named_once_and_every_point_told_where_it_is_the_only_one() -> None:
    drawn = lines([Lines("cost", "devices", "ms", {"2,000 updates/s": [(1000, 12.0), (15_000, 93.0)]})])
    texts = [text.text for text in ET.fromstring(drawn).iter(SVG + "text")]
    assert "cost, at 2,000 updates/s (ms)" in texts
    assert {"12", "93", "1k", "15k"} <= set(texts)


def test_names_at_the_ends_of_lines_do_not_lie_on_each_other() -> None:
    series = {f"line {number}": [(1000, 1.0), (15_000, 2.0 + number / 1000)] for number in range(4)}
    drawn = ET.fromstring(lines([Lines("cost", "devices", "", series)]))
    places = [float(text.attrib["y"]) for text in drawn.iter(SVG + "text") if text.text in series]
    assert len(places) == 4
    assert all(above - below >= 15 for above, below in itertools.pairwise(sorted(places, reverse=True)))


@pytest.mark.parametrize(
    ("most", "steps"),
    [(0.31, [0, 0.1, 0.2, 0.3, 0.4]), (603, [0, 200, 400, 600, 800]), (5, [0, 1, 2, 3, 4, 5]), (0, [0, 1])],
)
def test_lines_across_stand_at_round_numbers(most: float, steps: list[float]) -> None:
    assert round_steps(most) == pytest.approx(steps)


def test_numbers_are_short() -> None:
    assert [short(value) for value in (2.5e6, 12_000, 0.31, 0)] == ["2.5M", "12k", "0.31", "0"]
