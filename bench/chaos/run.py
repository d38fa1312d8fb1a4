"""One seed: users come, a plan happens, everything is taken off and comes back, and what must hold is looked at."""

from __future__ import annotations

import asyncio
import os
import secrets
from statistics import quantiles
from typing import NamedTuple

import msgspec

from bench.chaos.checkers.log import Log
from bench.chaos.checkers.violation import Violation
from bench.chaos.laying import lay
from bench.chaos.load import Load, Users
from bench.chaos.plan import Plan
from bench.chaos.repeating import repeat_results
from bench.chaos.stack import Stack
from bench.chaos.verdict import Patience, look
from bench.processes import uss_bytes
from bench.scenario import CannotMeasure, Tell

LIVE_S = 120.0
"""Within which all devices are live and all customers have money, before anything goes wrong."""

BACK_S = 45.0
"""Within which everything has come back after the last fault; longer is a violation of its own."""

SHARD_BYTES_MAX = 512 << 20
"""S9, for the few devices of a run."""

_LOOK_S = 0.05
_RESULTS_AGAIN = 20


class Outcome(msgspec.Struct, frozen=True):
    """What became of a seed."""

    plan: Plan
    violations: tuple[Violation, ...]
    asked: int
    in_time: int
    late: dict[str, int]
    attempts: dict[str, int]
    took_p99_ms: float
    back_s: float
    converged_s: float
    bets: int
    steps: int
    frames: int
    deaths: dict[str, str]


class Conditions(NamedTuple):
    """Of every seed alike."""

    users: Users = Users()
    patience: Patience = Patience()


async def run_seed(plan: Plan, stack: Stack, log: Log, conditions: Conditions, tell: Tell) -> Outcome:
    """A run on a stack that serves. `log` is the stack's, over all its runs. Raises CannotMeasure."""
    where = stack.addresses
    load = Load(where, conditions.users, seed=plan.seed, name=f"s{plan.seed}-{secrets.token_hex(3)}")
    before = {name: part.deaths for name, part in stack.parts.items()}
    load.begin()
    try:
        await until_warm(load)
        ends_s = asyncio.get_running_loop().time() + plan.seconds
        await lay(plan, stack, tell)
        back_s, late = await _back(stack, load)
        await repeat_results(where.nats_url, _RESULTS_AGAIN, plan.seed + 1)
        await asyncio.sleep(max(0.0, ends_s - asyncio.get_running_loop().time()))
        load.check()
        await load.rest()
        tell(f"back after {back_s:.1f} s, {load.heard.asked} requests, now looking")
        verdict = await look(where, load, log, conditions.patience)
    finally:
        await load.end()
    heard = load.heard
    died = {name: part.words for name, part in stack.parts.items() if part.deaths > before[name]}
    return Outcome(
        plan=plan,
        violations=(*late, *verdict.violations, *_memory(stack)),
        asked=heard.asked,
        in_time=heard.in_time,
        late=dict(heard.late),
        attempts=dict(heard.attempts.most_common()),
        took_p99_ms=quantiles(heard.took_ms, n=100)[98] if len(heard.took_ms) > 1 else 0.0,
        back_s=back_s,
        converged_s=verdict.converged_s,
        bets=heard.bets,
        steps=verdict.steps,
        frames=sum(device.view.frames for device in load.devices),
        deaths=died,
    )


async def _back(stack: Stack, load: Load) -> tuple[float, list[Violation]]:
    """Until every process serves, every device is live and bets are taken; how long that took."""
    loop = asyncio.get_running_loop()
    began_s, bets = loop.time(), load.heard.bets
    try:
        async with asyncio.timeout(BACK_S):
            for part in stack.parts.values():
                await part.ready()
            while load.live_devices < len(load.devices) or load.heard.bets == bets:  # noqa: ASYNC110 see until_warm
                await asyncio.sleep(_LOOK_S)
    except (TimeoutError, CannotMeasure):
        away = [name for name, part in stack.parts.items() if part.child is None]
        bet = "bets are taken" if load.heard.bets > bets else "no bet is taken"
        told = f"{load.live_devices} of {len(load.devices)} devices are live, {bet}, processes away: {away}"
        return BACK_S, [Violation("O2", "recovery", told)]
    return loop.time() - began_s, []


def _memory(stack: Stack) -> list[Violation]:
    found = []
    for name, part in stack.parts.items():
        held = uss_bytes(part.child.pid) if part.child is not None and name.startswith("fanout") else 0
        if held > SHARD_BYTES_MAX:
            found.append(Violation("S9", name, f"holds {held >> 20} MiB"))
    return found


async def until_warm(load: Load) -> None:
    """All its devices are live, and its customers have money. From here on is counted. Raises CannotMeasure."""
    try:
        async with asyncio.timeout(LIVE_S):
            while not load.warm:  # noqa: ASYNC110 devices and customers know of no event
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        funded = sum(customer.funded for customer in load.customers)
        waits = f"after {LIVE_S:g} s {load.live_devices} of {len(load.devices)} devices are live, "
        waits += f"{funded} of {len(load.customers)} customers have money"
        raise CannotMeasure(f"{waits}; load average {os.getloadavg()[0]:.1f}") from None
    load.heard.measure()
