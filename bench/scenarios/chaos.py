"""Seeds of chaos: random combinations of faults over a whole stack in use, then everything that must hold.

Several seeds share a stack, for most of a run would else be its start; after one that failed the next gets a new one.
`--seed S --seeds 1` lays the faults of one seed again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import msgspec
from nats.errors import Error as NatsError

from bench.chaos.checkers.log import Log
from bench.chaos.checkers.registry import CHECKERS
from bench.chaos.laying import told
from bench.chaos.load import Users, add_users, users_of
from bench.chaos.plan import Plan, drawn
from bench.chaos.run import Conditions, Outcome, run_seed
from bench.chaos.stack import Size, Stack, running_stack
from bench.chaos.verdict import Patience, add_patience, patience_of
from bench.options import count_to, seconds_to
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell

SEED_MAX = 1_000_000_000

LIMITS = (Limit("violations", 0, "every"), Limit("seeds_failed", 0, "every"))


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One seed after the other."""
    seeds = list(range(options.seed, options.seed + options.seeds))
    outcomes: list[Outcome] = []
    tell(f"{len(CHECKERS)} rules are looked at: {' '.join(CHECKERS)}")
    while len(outcomes) < len(seeds):
        async with running_stack(_size(options), tell) as stack:
            await _on_one_stack(stack, seeds[len(outcomes) :], outcomes, options, tell)
    return Measured(_figures(outcomes), ())


async def _on_one_stack(
    stack: Stack, seeds: Sequence[int], outcomes: list[Outcome], options: argparse.Namespace, tell: Tell
) -> None:
    """Until a seed fails; what became of each is added. Raises CannotMeasure."""
    log = Log()
    patience = patience_of(options)
    users = users_of(options, listeners=3)
    for seed in seeds:
        plan = drawn(seed, options.seconds, stack.ground)
        tell(f"seed {seed}: {len(plan.laid)} faults in {plan.seconds:g} s")
        try:
            outcomes.append(await run_seed(plan, stack, log, Conditions(users, patience), tell))
        except (OSError, NatsError, asyncpg.PostgresError) as error:
            raise CannotMeasure(f"seed {seed}: {type(error).__name__} {error}") from error
        _tell_outcome(outcomes[-1], tell)
        if options.report is not None:
            options.report.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes)))
        if outcomes[-1].violations:
            break


def _tell_outcome(outcome: Outcome, tell: Tell) -> None:
    share = outcome.in_time / max(outcome.asked, 1)
    tell(
        f"seed {outcome.plan.seed}: {'FAILED' if outcome.violations else 'holds'}; {outcome.asked} requests, "
        f"{share:.2%} in time, {outcome.bets} bets, {outcome.steps} steps of settlement so far, "
        f"{outcome.frames} frames, back after {outcome.back_s:.1f} s, converged after {outcome.converged_s:.2f} s"
    )
    for name, words in outcome.deaths.items():
        tell(f"  {name} died by itself: {words[-300:]}")
    for violation in outcome.violations:
        tell(f"  {violation}")
    if outcome.violations:
        tell(f"  attempts met: {', '.join(f'{what} {times}' for what, times in outcome.attempts.items())}")
        tell(f"  again: oddswire bench chaos --seeds 1 --seed {outcome.plan.seed} --seconds {outcome.plan.seconds:g}")
        for laid in outcome.plan.laid:
            tell(f"  {laid.from_s:6.2f} to {laid.to_s:6.2f} s  {told(laid.fault)}")


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Reading]:
    asked = sum(outcome.asked for outcome in outcomes)
    backs_s = sorted(outcome.back_s for outcome in outcomes)
    return {
        "seeds": Reading(len(outcomes), "1"),
        "seeds_failed": Reading(sum(bool(outcome.violations) for outcome in outcomes), "1"),
        "violations": Reading(sum(len(outcome.violations) for outcome in outcomes), "1"),
        "faults": Reading(sum(len(outcome.plan.laid) for outcome in outcomes), "1"),
        "requests": Reading(asked, "1"),
        "answered_in_time": Reading(sum(outcome.in_time for outcome in outcomes) / max(asked, 1), "share"),
        "bets": Reading(sum(outcome.bets for outcome in outcomes), "1"),
        "frames": Reading(sum(outcome.frames for outcome in outcomes), "1"),
        "back_p50": Reading(backs_s[len(backs_s) // 2], "s"),
        "back_max": Reading(backs_s[-1], "s"),
        "converged_max": Reading(max(outcome.converged_s for outcome in outcomes), "s"),
        "deaths_by_themselves": Reading(sum(len(outcome.deaths) for outcome in outcomes), "1"),
    }


def _size(options: argparse.Namespace) -> Size:
    return Size(options.copies, options.workers, options.events, options.rate)


def plans_of(seeds: Sequence[int], seconds: float, stack: Stack) -> list[Plan]:
    """What these seeds are on this stack."""
    return [drawn(seed, seconds, stack.ground) for seed in seeds]


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--seeds", type=count_to(10_000), default=6, metavar="N", help="so many seeds (%(default)s)")
    add("--seed", type=count_to(SEED_MAX), default=1, metavar="S", help="the first of them (%(default)s)")
    add("--seconds", type=seconds_to(3_600), default=15.0, metavar="S", help="load and faults of each (%(default)s)")
    add("--copies", type=count_to(4), default=2, metavar="N", help="of feeds, shards and gateways (%(default)s)")
    add("--workers", type=count_to(4), default=2, metavar="N", help="settlers, news, archives (%(default)s)")
    add("--events", type=count_to(1_000), default=6, metavar="N", help="games at a time (%(default)s)")
    add("--rate", type=count_to(5_000), default=50, metavar="N", help="updates a second (%(default)s)")
    add_users(parser, Users())
    add_patience(parser, Patience())
    add("--report", type=Path, metavar="FILE", help="write there what was laid when, and what became of each seed")


CHAOS = Scenario("chaos", "random faults over a whole stack in use; every invariant afterwards", LIMITS, _options, run)
