"""The command line of bench, as a load tester first meets it."""

from __future__ import annotations

import pytest

from bench.main import main
from bench.scenarios.registry import SCENARIOS


@pytest.mark.parametrize("words", [[], *([one.name] for one in SCENARIOS)], ids=lambda words: "-".join(words) or "all")
def test_help_is_printed_for_every_scenario(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([*words, "--help"])
    assert end.value.code == 0
    assert "usage: oddswire bench" in capsys.readouterr().out


def test_list_names_every_scenario_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1) for line in told] == [[one.name, one.summary] for one in SCENARIOS]
