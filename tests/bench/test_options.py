"""Options that are refused say what would be right; those every scenario has are the same everywhere."""

from __future__ import annotations

import argparse

import pytest

from bench.main import main
from bench.options import count_to, gateway_url, nats_url, seconds_to, share, times_to
from bench.scenarios.registry import SCENARIOS


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("spike", "--devices", "0"), "0 is not within 1 and 200000"),
        (("spike", "--devices", "many"), "'many' is not a whole number"),
        (("spike", "--duration", "0"), "0 s is not within 0 and 600"),
        (("herd", "--duration", "long"), "'long' is not a number"),
        (("spike", "--target", "ftp://x"), "'ftp://x' is not an address such as http://127.0.0.1:8000"),
        (("spike", "--target", "http://h:99999"), "is not an address"),
        (("drain", "--nats", "127.0.0.1"), "is not an address such as nats://127.0.0.1:4222"),
        (("spike", "--repeat", "100"), "100 is not within 1 and 99"),
        (("compare", "a.json", "b.json", "--threshold", "2"), "2 is not within 0 and 1"),
        (("nonsense",), "invalid choice"),
    ],
    ids=lambda words: "_".join(words).replace("/", "") if isinstance(words, tuple) else None,
)
def test_a_bad_value_is_refused_in_words(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
def test_every_scenario_has_the_common_options(one: object, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([one.name, "--help"])  # type: ignore[attr-defined]
    told = capsys.readouterr().out
    for option in ("--json", "--html", "--repeat"):
        assert option in told


def test_what_is_right_is_taken() -> None:
    assert count_to(5)("5") == 5
    assert seconds_to(5)("0.5") == 0.5
    assert share("1") == 1
    assert times_to(30)("30") == 30
    assert gateway_url("http://h:8000/") == "http://h:8000"
    assert nats_url("tls://h:4222") == "tls://h:4222"
    with pytest.raises(argparse.ArgumentTypeError):
        times_to(30)("0.5")


def test_a_place_that_cannot_be_written_to_is_said_before_anything_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["spike", "--html", "/nowhere/at/all.html"]) == 1
    assert "is not a directory" in capsys.readouterr().err
