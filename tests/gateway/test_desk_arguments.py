"""The words of `oddswire desk`: what they mean, and which are not understood."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from feeds.contract.errors import Refused
from feeds.contract.prices import price_from_american, price_from_decimal
from gateway.desk.arguments import add_desk, edit_of
from gateway.desk.commands import Edit, Resume, SetMargin, SetMaxStake, SetPrice, Suspend

WHY = ("--reason", "because")


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_desk(parser.add_subparsers())
    return parser.parse_args(["desk", *words])


@pytest.mark.parametrize(
    ("words", "edit"),
    [
        (("suspend", "football"), Suspend()),
        (("suspend", "football", "--for", "90"), Suspend(90)),
        (("resume", "football"), Resume()),
        (("override", "M", "O1", "-110", "--for", "5"), SetPrice("O1", price_from_american(-110), 5)),
        (("override", "M", "O1", "150", "--for", "5"), SetPrice("O1", price_from_american(150), 5)),
        (("override", "M", "O1", "1.909", "--for", "5"), SetPrice("O1", price_from_decimal("1.909"), 5)),
        (("override", "M", "O1", "none"), SetPrice("O1", None)),
        (("margin", "M", "5.5"), SetMargin(550)),
        (("margin", "M", "none"), SetMargin(None)),
        (("max-stake", "M", "250"), SetMaxStake(25_000)),
        (("max-stake", "M", "0.05"), SetMaxStake(5)),
    ],
)
def test_what_words_mean(words: tuple[str, ...], edit: Edit) -> None:
    assert edit_of(parsed(*words, *WHY)) == edit


@pytest.mark.parametrize(
    "words",
    [
        ("suspend", "football"),
        ("suspend", "football", "--for", "0", *WHY),
        ("suspend", "football", "--for", "1e3", *WHY),
        ("suspend", "football", "--version", "-1", *WHY),
        ("override", "M", "O1", "50", "--for", "5", *WHY),
        ("override", "M", "O1", "1.0001", "--for", "5", *WHY),
        ("override", "M", "O1", "evens", "--for", "5", *WHY),
        ("margin", "M", "100.01", *WHY),
        ("margin", "M", "1.234", *WHY),
        ("max-stake", "M", "-5", *WHY),
        ("max-stake", "M", "nan", *WHY),
        ("audit", "--last", "0"),
        ("close", "football"),
    ],
)
def test_what_is_not_understood_ends_with_2(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(*words)
    assert ended.value.code == 2
    assert capsys.readouterr().err


def test_a_price_of_ours_needs_an_end() -> None:
    with pytest.raises(Refused):
        edit_of(parsed("override", "M", "O1", "150", *WHY))


def test_settings_of_the_desk_are_listed(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "gateway", "settings", "--json"]
    told = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path, timeout=60).stdout
    assert {"ODDSWIRE_DESK_BY", "ODDSWIRE_DESK_AUDIT_AGE_S"} <= {setting["variable"] for setting in json.loads(told)}
