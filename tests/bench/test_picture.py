"""Pictures are well-formed, keep within their frame, and say every name."""

from xml.etree import ElementTree as ET

from bench.picture import Bars, Lines, bars, lines, short

SVG = "{http://www.w3.org/2000/svg}"


def test_the_longest_bar_has_the_largest_value() -> None:
    drawn = ET.fromstring(bars([Bars("speed", "1/s", {"a & b": 10.0, "c": 2.5e6})]))
    _, *rows = drawn.iter(SVG + "rect")
    short_bar, long_bar = (float(row.attrib["width"]) for row in rows)
    assert short_bar < long_bar
    assert {"a & b", "c", "2.5M"} <= {text.text for text in drawn.iter(SVG + "text")}


def test_nothing_measured_is_drawn_as_nothing() -> None:
    drawn = ET.fromstring(bars([Bars("speed", "1/s", {"a": 0.0})]))
    assert [row.attrib["width"] for row in drawn.iter(SVG + "rect")][1:] == ["0.0"]


def test_lines_stay_within_the_picture() -> None:
    drawn = ET.fromstring(lines([Lines("cost", "devices", "1", {"x": [(1000, 0.1), (15_000, 0.9)], "y": [(1000, 0)]})]))
    _, _, width, height = map(float, drawn.attrib["viewBox"].split())
    for line in drawn.iter(SVG + "polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_numbers_are_short() -> None:
    assert [short(value) for value in (2.5e6, 12_000, 0.31, 0)] == ["2.5M", "12k", "0.31", "0"]
