"""A shard drains, as at every deploy: its devices open their streams at another before they leave it.

Two shards share the devices; the second is told to drain (`oddswire fanout drain`). A device moves when it is told to,
with its cursor, and the old connection delivers until the new one is live: nobody is cut off, nobody misses anything.
Witnesses watch the shard that stays. Of a target the log's address is needed (`--nats`): that is how a shard is told.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections import Counter

from bench.final_state import lost_updates
from bench.ground import Defaults, Ground, add_options, ground, wanted_of
from bench.options import add_duration, seconds_to
from bench.processes import output_of
from bench.recording import recording
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell

SHARDS = 2
BEFORE_S = 5.0
DEADLINE_S = 30.0
"""After its window a shard closes whoever is still there, so late."""

LIMITS = (
    Limit("moved_share", 1.0, "every", "least"),
    Limit("cut_off", 0, "every"),
    Limit("streams_p99_ms", 200.0),
    Limit("lost_updates", 0, "every"),
    Limit("gaps", 0, "every"),
)


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run. Raises CannotMeasure."""
    wanted = wanted_of(
        options, shards=SHARDS,
        ODDSWIRE_FANOUT_DRAIN_WINDOW_S=f"{options.window:g}", ODDSWIRE_FANOUT_DRAIN_DEADLINE_S=f"{DEADLINE_S:g}",
    )  # fmt: skip
    async with ground(options, wanted, tell) as base:
        if not base.stack.nats_url:
            raise CannotMeasure("a shard is told to drain by way of the log: --nats, or --data-dir, says where it is")
        if len(base.stack.streams) < SHARDS:
            raise CannotMeasure("there is one shard alone: its devices would have nowhere to go")
        base.witnesses.reset()
        with recording().phase("before"):
            await asyncio.sleep(BEFORE_S)
        before = (await base.witnesses.told()).ingest_to_device.figures("streams_before")
        return Measured(before | await _drained(base, options, tell), ())


async def _drained(base: Ground, options: argparse.Namespace, tell: Tell) -> dict[str, Reading]:
    apps, address = base.apps, base.stack.streams[1]
    there = sum(app.primary is not None and app.primary.address == address for app in apps)
    seen: Counter[str] = apps.seen.copy()
    tell(f"{options.shard} drains within {options.window:g} s: {there} of {len(apps)} devices are there")
    base.witnesses.reset()
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    with recording().phase("drain"):
        words = ("-m", "fanout", "drain", options.shard, "--nats", base.stack.nats_url, "--window", str(options.window))
        said = await output_of("drain", words, os.sched_getaffinity(0), within_s=options.window + DEADLINE_S + 30)
    took_s = loop.time() - began_s
    tell(said.strip().splitlines()[-1])
    with recording().phase("after"):
        await asyncio.sleep(max(0.0, options.seconds - took_s))
    streams = (await base.witnesses.told()).ingest_to_device.figures("streams")
    base.witnesses.rest()
    happened = apps.seen - seen
    with recording().phase("checking"):
        lost = await lost_updates(base.stack, base.games, apps, tell)
    return {
        "devices_there": Reading(there, "1"),
        "moved_share": Reading(happened["moved"] / there if there else 0.0, "1"),
        "cut_off": Reading(happened["lost"], "1"),
        "drained_s": Reading(took_s, "s"),
        "lost_updates": Reading(lost, "1"),
        "gaps": Reading(happened["gaps"], "1"),
        "answered_by_image": Reading(happened["answered by image"], "1"),
        **streams,
    }


def _options(parser: argparse.ArgumentParser) -> None:
    add_options(parser, Defaults(devices=2_000))
    add_duration(parser, 20.0, most=600.0, of="watched from when it is told to drain")
    add = parser.add_argument
    add("--window", type=seconds_to(300), default=10.0, metavar="S", help="devices are spread over it (%(default)s)")
    add("--shard", default="fanout-2", metavar="NAME", help="which one; of a target, the second address (%(default)s)")


DRAIN = Scenario("drain", "a shard drains: its devices move to another, and miss nothing", LIMITS, _options, run)
