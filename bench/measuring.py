"""Runs of a scenario, recorded, and the one result they become."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

import uvloop

from bench.machine import this_commit, this_machine
from bench.progress import progress_line
from bench.recording import Recording, recorded
from bench.result import (
    Measured,
    ParameterValue,
    Result,
    Timeline,
    figures_of,
    held_against,
    processes_of,
)
from bench.sampling import Sampler, sampling
from bench.scenario import Scenario, Tell
from feeds.adapters.process import configure_logs

NOT_PARAMETERS = frozenset({"command", "json", "html", "picture", "runs", "api_key", "database"})


class Signalled(BaseException):
    """A signal ended the measurement; everything it started has ended, too."""

    def __init__(self, number: int) -> None:
        self.number = number


def measure(scenario: Scenario, options: argparse.Namespace, *, command: str) -> Result:
    """As many runs as are asked for. Raises CannotMeasure, OSError, Signalled."""
    started = datetime.now(UTC)
    configure_logs("warning")
    runs: list[Measured] = []
    timelines: list[Timeline] = []
    for number in range(1, options.runs + 1):
        prefix = f"run {number} of {options.runs}: " if options.runs > 1 else ""
        measured, timeline = _run_once(scenario, options, partial(_tell, prefix))
        runs.append(measured)
        timelines.append(timeline)
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
        timelines=tuple(timelines),
    )


def _run_once(scenario: Scenario, options: argparse.Namespace, tell: Tell) -> tuple[Measured, Timeline]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_until_signalled(scenario, options, tell))


async def _until_signalled(scenario: Scenario, options: argparse.Namespace, tell: Tell) -> tuple[Measured, Timeline]:
    """One run, which the first SIGINT or SIGTERM cancels. Raises Signalled."""
    loop = asyncio.get_running_loop()
    with recorded() as recording:
        running = asyncio.ensure_future(_recorded(scenario, options, tell, recording))
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
                raise Signalled(signalled[0]) from None
            raise


async def _recorded(
    scenario: Scenario, options: argparse.Namespace, tell: Tell, recording: Recording
) -> tuple[Measured, Timeline]:
    """What is told of no process by the scenario itself is told of all that was seen."""
    sampler, sampled = Sampler(recording), asyncio.Event()
    async with sampling(sampler, sampled), _telling(recording, sampled):
        measured = await scenario.run(options, tell)
        await sampler.sample()
    if not measured.processes:
        measured = measured._replace(processes=sampler.usages())
    return measured, recording.timeline()


@contextlib.asynccontextmanager
async def _telling(recording: Recording, sampled: asyncio.Event) -> AsyncIterator[None]:
    """A line a second where somebody looks, none in a pipe."""
    if not sys.stderr.isatty():
        yield
        return

    async def go_on() -> None:
        while True:
            await sampled.wait()
            sampled.clear()
            _tell("", progress_line(recording.now_s, recording.latest()))

    task = asyncio.create_task(go_on(), name="progress")
    try:
        yield
    finally:
        task.cancel()


def _tell(prefix: str, text: str) -> None:
    print(prefix + text, file=sys.stderr, flush=True)


def _parameters(options: argparse.Namespace) -> dict[str, ParameterValue]:
    given = vars(options).items()
    return {name: value for name, value in given if name not in NOT_PARAMETERS and value is not None}
