"""A report is one file that says everything and needs nothing; what names it brings along stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from bench import report
from bench.main import main
from bench.page import page
from bench.plots import Chart, over_time, percentiles
from tests.bench.results import TIMELINE, result, run

WHOLE = page(result(run(100)), summary="the touchdown & more")
EMPTY_TAGS = {"meta", "br"}
SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)


class _Nesting(HTMLParser):
    """Every tag that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in EMPTY_TAGS and not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]
            self.open.append(tag)
        for name, value in attrs:
            assert name not in ("src", "href", "onload", "onclick"), (tag, name, value)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Closes itself."""

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> str:
    parser = _Nesting()
    parser.feed(text)
    parser.close()
    assert not parser.open
    return parser.text


def test_it_needs_no_other_origin_and_runs_no_script() -> None:
    assert "default-src 'none'" in WHOLE
    assert "<script" not in WHOLE
    assert set(re.findall(r"https?://[^\"' <]+", WHOLE)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"url\(|@import", WHOLE)


def test_it_says_bounds_figures_processes_machine_and_command() -> None:
    text = read(WHOLE)
    for words in (
        "all 3 bounds met", "the touchdown & more", "oddswire bench spike --rate <5>", "Some & CPU, 2 cores, 8 GiB",
        "streams p99 ms", "reads per s", "2,000 /s", "fanout-1", "no checkout",
    ):  # fmt: skip
        assert words in text, words


def test_it_draws_every_plot_there_is_as_well_formed_svg() -> None:
    drawn = SVG.findall(WHOLE)
    assert len(drawn) == 5
    for svg in drawn:
        ElementTree.fromstring(svg)
    text = read(WHOLE)
    for title in ("Latency over time", "Percentiles", "CPU", "Memory", "Queue", "waiting <here>", "spike", "before"):
        assert title in text, title
    assert "bound 200 ms" in text


def test_a_missed_bound_and_one_that_was_not_measured_are_said_first() -> None:
    assert "1 of 3 bounds missed" in read(page(result(run(300))))
    partly = msgspec.structs.replace(result(run(100)), figures={}, bounds=result(run(1)).bounds[:0])
    assert "no bounds" in read(page(partly))


def test_every_run_of_several_has_its_plots_and_every_figure_its_runs() -> None:
    text = page(result(run(100), run(120), timelines=(TIMELINE, TIMELINE)))
    assert len(SVG.findall(text)) == 10
    assert "Run 2" in read(text)
    assert "100 120" in read(text)


def test_a_result_without_a_timeline_is_a_page_too(tmp_path: Path) -> None:
    old = msgspec.to_builtins(result(run(100), timelines=()))
    del old["timelines"]
    (tmp_path / "old.json").write_bytes(msgspec.json.encode(old))
    assert main(["report", str(tmp_path / "old.json"), "--html", str(tmp_path / "old.html")]) == 0
    assert "all 3 bounds met" in read((tmp_path / "old.html").read_text())


def test_a_line_is_broken_where_nothing_was_measured() -> None:
    chart = Chart("ms", {"a": [(0.0, 1.0), (1.0, 2.0), (2.0, 1.0), (3.0, 2.0), (20.0, 1.0), (21.0, 3.0)]}, 30.0)
    assert over_time(chart).count("<polyline") == 2


@pytest.mark.parametrize("points", [[], [(0.0, 0.0)], [(50.0, 0.0), (99.999, 1e9)]], ids=["none", "one", "far"])
def test_whatever_was_measured_can_be_drawn(points: list[tuple[float, float]]) -> None:
    lines = {"a": points} if points else {}
    for svg in (over_time(Chart("ms", lines, 0.0)), percentiles(Chart("ms", lines, 0.0))):
        ElementTree.fromstring(svg)
        assert "nan" not in svg


def test_latencies_are_a_row_each_in_the_terminal() -> None:
    told = "\n".join(report.lines(result(run(100))))
    assert re.search(r"streams +100 +100 +100 +100", told)
    assert "streams_p50_ms" not in told
