"""Everything in use for long, two of each process, and every one of them restarted once meanwhile.

Nothing else goes wrong, so a well-formed request is answered within its time, and afterwards every invariant holds.
"""

from __future__ import annotations

import argparse
import asyncio
from statistics import quantiles

import asyncpg
from nats.errors import Error as NatsError

from bench.chaos.checkers.log import Log
from bench.chaos.load import Load, Users, add_users, users_of
from bench.chaos.rolling import restart_all
from bench.chaos.run import until_warm
from bench.chaos.stack import Size, Stack, running_stack
from bench.chaos.verdict import Patience, Verdict, add_patience, look, patience_of
from bench.options import count_to, seconds_to
from bench.processes import Cpu, usage
from bench.result import Limit, Measured, Reading, Usage
from bench.scenario import CannotMeasure, Scenario, Tell

RESTARTS_FROM, RESTARTS_FOR = 0.1, 0.7
"""Shares of the time."""

TOLD_EVERY_S = 30.0

LIMITS = (
    Limit("answered_in_time", 0.999, "every", "least"),
    Limit("violations", 0, "every"),
    Limit("deaths_by_themselves", 0, "every"),
)


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """The soak, then the look."""
    users = users_of(options, listeners=4)
    async with running_stack(Size(2, 2, options.events, options.rate, game_s=60, corrections=0.1), tell) as stack:
        load = Load(stack.addresses, users, seed=14, name="soak")
        load.begin()
        try:
            await until_warm(load)
            restarts_s = await _soak(stack, load, options, tell)
            used = [
                usage(name, part.child.pid, since=Cpu(0.0, 0.0), cores=part.child.cores)
                for name, part in stack.parts.items()
                if part.child is not None
            ]
            await load.rest()
            tell("now looking")
            verdict = await look(stack.addresses, load, Log(), patience_of(options))
        except (OSError, NatsError, asyncpg.PostgresError) as error:
            raise CannotMeasure(f"{type(error).__name__} {error}") from error
        finally:
            await load.end()
        for violation in verdict.violations:
            tell(f"  {violation}")
        tell("late: " + (", ".join(f"{what} {times}" for what, times in load.heard.late.most_common()) or "none"))
        return _measured(stack, load, verdict, restarts_s, used)


async def _soak(stack: Stack, load: Load, options: argparse.Namespace, tell: Tell) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + options.duration
    kept = {"exchange"} if options.servers else {"exchange", "nats", "postgres"}
    names = [name for name in stack.parts if name not in kept]
    await asyncio.sleep(options.duration * RESTARTS_FROM)
    restarting = asyncio.create_task(restart_all(stack, names, options.duration * RESTARTS_FOR, tell))
    try:
        while (left_s := ends_s - loop.time()) > 0 or not restarting.done():
            await asyncio.sleep(min(max(left_s, 1.0), TOLD_EVERY_S))
            load.check()
            heard = load.heard
            tell(f"{heard.in_time} of {heard.asked} in time, {heard.bets} bets, {load.live_devices} devices live")
        return restarting.result()
    finally:
        restarting.cancel()


def _measured(stack: Stack, load: Load, verdict: Verdict, restarts_s: dict[str, float], used: list[Usage]) -> Measured:
    heard = load.heard
    tenths = quantiles(heard.took_ms, n=1000) if len(heard.took_ms) > 1 else [0.0] * 999
    figures = {
        "requests": Reading(heard.asked, "1"),
        "answered_in_time": Reading(heard.in_time / max(heard.asked, 1), "share"),
        "answer_p50": Reading(tenths[499], "ms"),
        "answer_p99": Reading(tenths[989], "ms"),
        "answer_p99_9": Reading(tenths[998], "ms"),
        "bets": Reading(heard.bets, "1"),
        "frames": Reading(sum(device.view.frames for device in load.devices), "1"),
        "connections_of_devices": Reading(sum(device.socket.opened for device in load.devices), "1"),
        "restarts": Reading(len(restarts_s), "1"),
        "restart_max": Reading(max(restarts_s.values(), default=0.0), "s"),
        "converged": Reading(verdict.converged_s, "s"),
        "violations": Reading(len(verdict.violations), "1"),
        "deaths_by_themselves": Reading(sum(part.deaths for part in stack.parts.values()), "1"),
    }
    return Measured(figures, used)


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--duration", type=seconds_to(86_400), default=1_800.0, metavar="S", help="how long (%(default)s)")
    add("--events", type=count_to(1_000), default=24, metavar="N", help="games at a time (%(default)s)")
    add("--rate", type=count_to(5_000), default=50, metavar="N", help="updates a second (%(default)s)")
    add_users(parser, Users(readers=4, pause_s=1.0))
    add("--servers", action="store_true", help="nats-server and PostgreSQL are restarted, too, of which there is one")
    add_patience(parser, Patience())


MIXED_SOAK = Scenario(
    "mixed-soak", "all of it in use for half an hour, every process restarted once", LIMITS, _options, run
)
