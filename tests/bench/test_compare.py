"""Two results: what moved beyond noise, what of it is worse, and the exit status that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import compare, report
from bench.main import main
from bench.result import Result
from bench.scenario import CannotMeasure
from tests.bench.results import result, run

BEFORE = result(run(100), run(104), run(98))


def judged(after: Result, before: Result = BEFORE) -> dict[str, compare.Moved]:
    comparison = compare.compare(before, after, threshold=0.1, assumed=0.1)
    return {figure.name: figure for figure in comparison.figures}


def test_what_differs_less_than_the_runs_among_themselves_has_not_moved() -> None:
    figure = judged(result(run(105), run(103), run(104)))["streams_p99_ms"]
    assert (figure.judgement, figure.noise, figure.regressed) == ("same", 6, False)


def test_beyond_noise_and_the_threshold_a_slower_stream_is_a_regression() -> None:
    figure = judged(result(run(120), run(121), run(122)))["streams_p99_ms"]
    assert (figure.judgement, figure.regressed) == ("worse", True)
    assert figure.share == pytest.approx(0.21)


def test_beyond_noise_but_within_the_threshold_it_is_worse_and_no_regression() -> None:
    figure = judged(result(run(108), run(108), run(109)))["streams_p99_ms"]
    assert (figure.judgement, figure.regressed) == ("worse", False)


def test_more_of_what_should_be_much_is_better() -> None:
    after = result(*[run(100, reads=reads) for reads in (2_900, 3_000, 3_100)])
    assert judged(after)["reads_per_s"].judgement == "better"
    assert judged(BEFORE, after)["reads_per_s"].regressed


def test_a_figure_that_nobody_knows_how_to_judge_is_told_and_not_judged() -> None:
    figure = judged(result(*[run(100, mood=9)] * 3))["mood"]
    assert (figure.judgement, figure.regressed) == ("moved", False)


def test_one_run_is_taken_to_be_as_noisy_as_is_assumed() -> None:
    once = result(run(100))
    assert judged(result(run(109)), once)["streams_p99_ms"].judgement == "same"
    assert judged(result(run(112)), once)["streams_p99_ms"].regressed


def test_what_was_nothing_and_is_something_is_new() -> None:
    figure = judged(result(run(100, lost=1)), result(run(100)))["lost"]
    assert (figure.judgement, figure.regressed, figure.share) == ("worse", True, float("inf"))


def test_a_bound_that_is_missed_now_is_a_regression_however_little_it_moved() -> None:
    comparison = compare.compare(result(run(199), run(199)), result(run(201), run(201)), threshold=0.5, assumed=0.1)
    assert comparison.missed == ("streams_p99_ms",)
    assert comparison.exit_status == 1


def test_different_scenarios_are_not_compared() -> None:
    with pytest.raises(CannotMeasure, match="different scenarios"):
        compare.compare(BEFORE, result(run(1), name="herd"), threshold=0.1, assumed=0.1)


def test_a_different_load_is_said_aloud() -> None:
    told = "\n".join(compare.lines(compare.compare(BEFORE, result(run(100), rate=9), threshold=0.1, assumed=0.1)))
    assert "not the same load: rate was 5, is 9" in told
    assert "has no noise of its own" in told


@pytest.mark.parametrize(("p99_ms", "status"), [(100, 0), (140, 1)])
def test_the_command_compares_files(
    p99_ms: int, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report.write_json(BEFORE, tmp_path / "a.json")
    report.write_json(result(*[run(p99_ms)] * 3), tmp_path / "b.json")
    assert main(["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == status
    assert ("REGRESSED" in capsys.readouterr().out) == bool(status)


@pytest.mark.parametrize("content", ["", "{}", "[1]"])
def test_a_file_that_is_no_result_ends_with_2_in_words(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.json").write_text(content)
    assert main(["compare", str(tmp_path / "a.json"), str(tmp_path / "none.json")]) == 2
    assert "bench compare:" in capsys.readouterr().err
