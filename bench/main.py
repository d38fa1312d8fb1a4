"""`python -m bench NAME`: runs a scenario, tells its result, and judges it by its bounds. The only place that wires."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import uvloop

from bench import report
from bench.machine import this_commit, this_machine
from bench.options import count_to
from bench.result import (
    EXIT_FAILED,
    EXIT_OK,
    Measured,
    ParameterValue,
    Result,
    figures_of,
    held_against,
    processes_of,
)
from bench.scenario import CannotMeasure, Scenario, Tell
from bench.scenarios.registry import SCENARIOS

_COMMON = ("command", "json", "picture", "runs")
_RUNS_MAX = 99

_EPILOG = """\
exit status: 0 all bounds met, 1 a bound missed or the measurement failed, 2 not understood

A run tells the pid of every process it starts. To see where a shard spends its time:
  py-spy record --duration 10 --output shard.svg --pid PID
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    options = _parser().parse_args(words)
    scenario: Scenario | None = options.command
    if scenario is None:
        for known in SCENARIOS:
            print(f"{known.name:<14} {known.summary}")
        return EXIT_OK
    try:
        result = _measure(scenario, options, command=shlex.join(["oddswire", "bench", *words]))
        if options.json is not None:
            report.write_json(result, options.json)
        if scenario.draw is not None and options.picture is not None:
            options.picture.write_text(scenario.draw(result))
    except (CannotMeasure, OSError) as error:
        print(f"bench {scenario.name}: {error}", file=sys.stderr)
        return EXIT_FAILED
    except _Signalled as end:
        return 128 + end.number
    print("\n".join(report.lines(result, scenario.table)))
    return result.exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="oddswire bench",
        description="Measures real processes on this machine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="NAME")
    listing = commands.add_parser("list", help="the scenarios")
    listing.set_defaults(command=None)
    for scenario in SCENARIOS:
        summary = scenario.summary.replace("%", "%%")  # argparse formats what it prints as help
        one = commands.add_parser(scenario.name, help=summary, description=f"Measures: {scenario.summary}.")
        one.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
        if scenario.draw is not None:
            one.add_argument("--picture", type=Path, metavar="FILE", help="draw the result there, as SVG")
        one.add_argument(
            "--runs", type=count_to(_RUNS_MAX), default=1, metavar="N", help="medians of so many (default 1)"
        )
        scenario.options(one)
        one.set_defaults(command=scenario)
    return parser


def _measure(scenario: Scenario, options: argparse.Namespace, *, command: str) -> Result:
    started = datetime.now(UTC)
    runs = []
    for number in range(1, options.runs + 1):
        prefix = f"run {number} of {options.runs}: " if options.runs > 1 else ""
        runs.append(_run_once(scenario, options, partial(_tell, prefix)))
    figures = figures_of(runs)
    return Result(
        name=scenario.name,
        version=version("oddswire"),
        commit=this_commit(),
        machine=this_machine(),
        command=command,
        started=started.isoformat(timespec="seconds"),
        parameters=_parameters(options),
        figures=figures,
        bounds=held_against(scenario.limits, figures),
        processes=processes_of(runs),
    )


class _Signalled(BaseException):
    """A signal ended the measurement; everything it started has ended, too."""

    def __init__(self, number: int) -> None:
        self.number = number


def _run_once(scenario: Scenario, options: argparse.Namespace, tell: Tell) -> Measured:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_until_signalled(scenario, options, tell))


async def _until_signalled(scenario: Scenario, options: argparse.Namespace, tell: Tell) -> Measured:
    """One run, which the first SIGINT or SIGTERM cancels. Raises _Signalled."""
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(scenario.run(options, tell))
    signalled: list[int] = []

    def end(number: int) -> None:
        signalled.append(number)
        running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    try:
        return await running
    except asyncio.CancelledError:
        if signalled:
            raise _Signalled(signalled[0]) from None
        raise


def _tell(prefix: str, text: str) -> None:
    print(prefix + text, file=sys.stderr, flush=True)


def _parameters(options: argparse.Namespace) -> dict[str, ParameterValue]:
    return {name: value for name, value in vars(options).items() if name not in _COMMON and value is not None}
