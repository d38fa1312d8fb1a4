"""A scenario is run as often as is asked for, recorded each time, and told a line a second where somebody looks."""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
from argparse import Namespace

import pytest

from bench.measuring import measure
from bench.recording import recording
from bench.result import Limit, Measured, Reading
from bench.scenario import Scenario, Tell


class _Terminal(io.StringIO):
    def __init__(self, *, looked_at: bool) -> None:
        super().__init__()
        self._looked_at = looked_at

    def isatty(self) -> bool:
        return self._looked_at


async def _run(options: Namespace, tell: Tell) -> Measured:
    del options
    tell("measuring")
    with recording().phase("all of it"):
        recording().gauge("devices", "live", "1", lambda: 3)
        await asyncio.sleep(1.3)
    return Measured({"lost": Reading(0, "1")}, ())


def _options(parser: argparse.ArgumentParser) -> None:
    del parser


SCENARIO = Scenario("nothing", "nothing at all", (Limit("lost", 0, "every"),), _options, _run)


@pytest.mark.parametrize("looked_at", [True, False], ids=["terminal", "pipe"])
def test_progress_is_a_line_a_second_on_a_terminal_and_none_in_a_pipe(
    looked_at: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = _Terminal(looked_at=looked_at)
    monkeypatch.setattr(sys, "stderr", terminal)
    result = measure(
        SCENARIO, Namespace(runs=1, size=5, json=None, html=None, command=SCENARIO), command="bench nothing"
    )
    told = terminal.getvalue().splitlines()
    assert "measuring" in told
    assert bool([line for line in told if "live 3" in line]) == looked_at
    assert len(told) == 1 or looked_at
    assert result.parameters == {"size": 5}
    assert result.exit_status == 0


def test_every_run_has_a_timeline_and_its_processes_are_those_that_were_seen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = measure(SCENARIO, Namespace(runs=2, json=None, html=None), command="bench nothing")
    assert [phase.name for timeline in result.timelines for phase in timeline.phases] == ["all of it", "all of it"]
    assert [process.name for process in result.processes] == ["bench"]
    assert result.processes[0].rss_bytes > 1 << 20
    assert all(1.2 < timeline.took_s < 13 for timeline in result.timelines)
    assert "run 2 of 2: measuring" in capsys.readouterr().err
