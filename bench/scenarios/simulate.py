"""The pure parts under a seeded network, in virtual time: no port, no server, nothing to wait for.

Every seed is run in every world (bench/simulation). One that fails is told with the command that runs it again;
`--seed` runs one alone and tells what happened before. What is found is kept in bench/simulation/seeds.toml.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter

from bench.options import count_to
from bench.result import Limit, Measured, Reading
from bench.scenario import Scenario, Tell
from bench.simulation import worlds
from bench.simulation.many import run_many

_SEEDS_MOST = 10_000_000
_FAILURES_TOLD = 20
_ALL = "all"


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run over all seeds."""
    names = worlds.NAMES if options.world == _ALL else (options.world,)
    alone = options.seed is not None
    seeds = range(options.seed, options.seed + 1) if alone else range(options.first, options.first + options.seeds)
    began_s = time.monotonic()
    ran: Counter[str] = Counter()
    failed: Counter[str] = Counter(dict.fromkeys(names, 0))
    async for batch in run_many(names, seeds, len(os.sched_getaffinity(0))):
        ran[batch.name] += batch.seeds
        failed[batch.name] += len(batch.failed)
        for words in batch.failed.values():
            if failed.total() <= _FAILURES_TOLD:
                tell(words if alone else words.partition("\n")[0])
    took_s = time.monotonic() - began_s
    return Measured(
        {
            "seeds": Reading(len(seeds), "1"),
            "failed": Reading(failed.total(), "1"),
            **{f"failed_{name}": Reading(count, "1") for name, count in failed.items()},
            "worlds_per_min": Reading(ran.total() / took_s * 60, "1/min"),
            "seeds_per_min": Reading(len(seeds) / took_s * 60, "1/min"),
        },
        [],
    )


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--seeds", type=count_to(_SEEDS_MOST), default=500, metavar="N", help="seeds (%(default)s)")
    add("--first", type=count_to(_SEEDS_MOST, least=0), default=0, metavar="N", help="the first one (%(default)s)")
    add("--seed", type=count_to(_SEEDS_MOST, least=0), metavar="N", help="this one alone, with what happened before")
    add("--world", choices=(_ALL, *worlds.NAMES), default=_ALL, help="one of them (%(default)s)")


SIMULATE = Scenario(
    "simulate", "the pure parts under a seeded network, in virtual time", (Limit("failed", 0, "every"),), _options, run
)
