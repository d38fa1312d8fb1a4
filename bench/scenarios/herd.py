"""The thundering herd: every device of a shard is cut off at the same moment, and comes back at once.

As when the network before the shards, or a load balancer, fails for an instant: the shard stays, and what it holds with
it. Devices wait as the reference client does (a random half to whole of half a second, doubling, and `Retry-After`
where they are told), and bring their cursors. Witnesses keep their connections: what they see is what the herd costs
everybody else. Fresh again is who is live: caught up from its cursor. In the end every device is compared with the log.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from collections.abc import Sequence

from bench.final_state import lost_updates
from bench.ground import Defaults, Ground, add_options, ground, wanted_of
from bench.options import add_duration
from bench.recording import recording
from bench.result import Limit, Measured, Reading
from bench.scenario import Scenario, Tell

FRESH_S = 15.0
BEFORE_S = 10.0

LIMITS = (
    Limit("fresh_in_15_s_share", 0.95, how="least"),
    Limit("back_share", 1.0, "every", "least"),
    Limit("others_p99_ms", 400.0),
    Limit("lost_updates", 0, "every"),
    Limit("gaps", 0, "every"),
)


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run. Raises CannotMeasure."""
    async with ground(options, wanted_of(options, shards=1), tell) as base:
        base.witnesses.reset()
        with recording().phase("before"):
            await asyncio.sleep(BEFORE_S)
        before = (await base.witnesses.told()).ingest_to_device.figures("others_before")
        return Measured(before | await _herd(base, options, tell), ())


async def _herd(base: Ground, options: argparse.Namespace, tell: Tell) -> dict[str, Reading]:
    apps, devices = base.apps, base.apps.live
    seen = apps.seen.copy()
    tell(f"{devices} devices are cut off; watching for {options.seconds:g} s")
    apps.back_s.clear()
    base.witnesses.reset()
    with recording().phase("herd"):
        apps.cut()
        await asyncio.sleep(options.seconds)
    others = (await base.witnesses.told()).ingest_to_device.figures("others")
    base.witnesses.rest()
    happened = apps.seen - seen
    with recording().phase("checking"):
        lost = await lost_updates(base.stack, base.games, apps, tell)
    return {
        **back_figures(apps.back_s, devices, within_s=options.seconds),
        **others,
        "lost_updates": Reading(lost, "1"),
        "gaps": Reading(happened["gaps"], "1"),
        "deferred": Reading(happened["deferred"], "1"),
        "resumed_share": Reading((happened["answered by delta"] + happened["answered by current"]) / devices, "1"),
    }


def back_figures(back_s: Sequence[float], devices: int, *, within_s: float) -> dict[str, Reading]:
    """When devices were live again; of those that were not, the whole time that was watched."""
    ranked = sorted(back_s)[:devices]
    ranked += [within_s] * (devices - len(ranked))
    back = min(len(back_s), devices)
    return {
        "fresh_in_15_s_share": Reading(sum(at_s <= FRESH_S for at_s in ranked[:back]) / devices, "1"),
        "back_share": Reading(back / devices, "1"),
        "back_p50_s": Reading(ranked[math.ceil(devices * 0.5) - 1], "s"),
        "back_p99_s": Reading(ranked[math.ceil(devices * 0.99) - 1], "s"),
        "back_max_s": Reading(ranked[-1], "s"),
    }


def _options(parser: argparse.ArgumentParser) -> None:
    add_options(parser, Defaults(devices=3_000))
    add_duration(parser, 20.0, most=600.0, of="watched after everybody was cut off")


HERD = Scenario(
    "herd", "every device of a shard is cut off at once and comes back with its cursor", LIMITS, _options, run
)
