"""The touchdown: over a base load ten times the connects, twenty times the reads and thirty times the bets come for a
minute. What streams, readers and bettors see of it before, meanwhile, and from ten seconds afterwards; and whether in
the end every bet and every device is right.

Everything comes at random moments and is timed from when it was due. Who comes watches one game, as people choose
them, and leaves after `--stay`. Who bets does so on what a device shows at that moment, with a receipt of a location,
and tries again under the same key until there is a final answer: a refusal for odds that moved is one. Reads are of
boards of main markets. All of it shares this machine with the stack, unless that is a target elsewhere.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from bench.arrivals import Arrivals
from bench.final_state import lost_updates
from bench.ground import Defaults, Ground, add_options, ground, wanted_of
from bench.latency import Latency
from bench.openloop import Asker, Outcome
from bench.options import add_duration, count_to, seconds_to
from bench.people import People, Struck
from bench.recording import recording
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell
from bench.spread import spread_over
from bench.wrong_bets import code_of, wrong_bets

CONNECTS_TIMES, READS_TIMES, BETS_TIMES = 10, 20, 30
SETTLES_S = 10.0
"""So long after it all must be as before."""

SEED = 14
TOPICS_DRAWN = 20_000

LIMITS = (
    Limit("streams_before_p99_ms", 200.0),
    Limit("streams_after_p99_ms", 200.0),
    Limit("wrong_bets", 0, "every"),
    Limit("bets_without_answer", 0, "every"),
    Limit("lost_updates", 0, "every"),
    Limit("offered_share", 0.95, how="least"),
)


class Part(NamedTuple):
    """A part of the run: how long, and how many times the base load comes."""

    name: str
    seconds: float
    connects: int = 1
    reads: int = 1
    bets: int = 1


class Load:
    """What comes, of each kind."""

    def __init__(
        self, base: Ground, options: argparse.Namespace, people: People | None, group: asyncio.TaskGroup
    ) -> None:
        self.base = base
        self.options = options
        self.people = people
        paths = [f"/v1/events/{game.event}/markets?class=main" for game in base.games]
        headers = f"X-API-Key: {options.api_key}\r\n" if options.api_key else ""
        self.asker = Asker(base.stack.gateway.host, base.stack.gateway.port, paths, headers)
        self._topics = iter(spread_over([game.topic for game in base.games], TOPICS_DRAWN, how="zipf", seed=SEED))
        self.connects = Arrivals(group, self._connect, seed=SEED)
        self.reads = Arrivals(group, self.asker.ask, seed=SEED + 1)
        self.bets = Arrivals(group, self._bet, seed=SEED + 2)

    async def come(self, part: Part) -> None:
        """All kinds, for a part of the run."""
        asked = self.options
        coming = [
            self.connects.come(asked.connects * part.connects, part.seconds),
            self.reads.come(asked.reads * part.reads, part.seconds),
        ]
        if self.people is not None:
            coming.append(self.bets.come(asked.bets * part.bets, part.seconds))
        await asyncio.gather(*coming)

    @property
    def offered_share(self) -> float:
        """Of what came due, what was begun: a load that cannot keep up measures itself."""
        kinds = (self.connects, self.reads, self.bets)
        due = sum(kind.due for kind in kinds)
        return 1 - sum(kind.lost for kind in kinds) / due if due else 0.0

    async def _connect(self, due_s: float) -> None:
        app = self.base.apps.come(next(self._topics), due_s)
        asyncio.get_running_loop().call_later(self.options.stay, self.base.apps.go, app)

    async def _bet(self, due_s: float) -> None:
        assert self.people is not None
        await self.people.bet(due_s)


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run. Raises CannotMeasure."""
    more = int(options.connects * CONNECTS_TIMES * options.stay)
    wanted = wanted_of(options, shards=1, ODDSWIRE_GATEWAY_ACCESS_LOG="none")
    async with ground(options, wanted, tell, more_devices=more) as base:
        people = await _people(base, options, tell)
        parts = (
            Part("before", options.before),
            Part("spike", options.seconds, CONNECTS_TIMES, READS_TIMES, BETS_TIMES),
            Part("settling", SETTLES_S),
            Part("after", options.after),
        )
        figures: dict[str, Reading] = {}
        try:
            async with asyncio.TaskGroup() as group:
                load = Load(base, options, people, group)
                began_s = {part.name: await _measured(part, load, figures, tell) for part in parts}
                for kind in (load.connects, load.reads, load.bets):
                    await kind.finished()
            figures |= _answers(load, began_s, parts)
            figures |= await _right(base, people, tell)
            figures["offered_share"] = Reading(load.offered_share, "1")
            figures |= _seen(base.apps.seen)
            return Measured(figures, ())
        finally:
            if people is not None:
                people.close()


async def _people(base: Ground, options: argparse.Namespace, tell: Tell) -> People | None:
    people = People(base.stack, base.apps, accounts=options.accounts, seed=SEED)
    try:
        await people.get_ready()
    except CannotMeasure as error:
        if options.target is None:
            raise
        tell(f"nobody bets: {error}")
        return None
    return people


async def _measured(part: Part, load: Load, figures: dict[str, Reading], tell: Tell) -> float:
    """Adds what streams and newcomers saw; gives when the part began."""
    tell(
        f"{part.name}, {part.seconds:g} s: {load.options.connects * part.connects:g} connects, "
        f"{load.options.reads * part.reads:g} reads, {load.options.bets * part.bets:g} bets a second"
    )
    began_s = asyncio.get_running_loop().time()
    load.base.apps.comes = Latency()
    load.base.witnesses.reset()
    with recording().phase(part.name):
        await load.come(part)
    told = await load.base.witnesses.told()
    figures |= told.ingest_to_device.figures(f"streams_{part.name}")
    figures |= load.base.apps.comes.figures(f"connects_{part.name}")
    return began_s


def _answers(load: Load, began_s: dict[str, float], parts: Sequence[Part]) -> dict[str, Reading]:
    """What readers and bettors were told, by the part in which it was due."""
    figures: dict[str, Reading] = {}
    struck = () if load.people is None else load.people.struck
    for part in parts:
        begins_s, ends_s = began_s[part.name], began_s[part.name] + part.seconds
        reads = [one for one in load.asker.outcomes if begins_s <= one.due_s < ends_s]
        figures |= _reads(part.name, reads)
        figures |= _bets(part, [one for one in struck if begins_s <= one.due_s < ends_s])
    if load.people is not None:
        figures |= {
            "bets_offered": Reading(load.bets.due, "1"),
            "bets_without_answer": Reading(sum(one.status is None for one in struck), "1"),
            "bets_with_no_market": Reading(load.people.not_offered, "1"),
            **_counted("bets", Counter(map(code_of, struck))),
            **_counted("attempts", load.people.attempts),
        }
    load.asker.close()
    return figures


def _counted(what: str, counts: Counter[str]) -> dict[str, Reading]:
    return {f"{what}_{name.replace(' ', '_')}": Reading(number, "1") for name, number in counts.most_common()}


def _reads(part: str, reads: Sequence[Outcome]) -> dict[str, Reading]:
    took = Latency()
    for one in reads:
        took.record_us(int(one.took_s * 1e6))
    good = sum(one.good for one in reads) / len(reads) if reads else 0.0
    return took.figures(f"reads_{part}") | {f"reads_{part}_good_share": Reading(good, "1")}


def _bets(part: Part, struck: Sequence[Struck]) -> dict[str, Reading]:
    if not struck:
        return {}
    took = Latency()
    for one in struck:
        took.record_us(int(one.took_s * 1e6))
    per_s = Reading(len(struck) / part.seconds, "1/s")
    return took.figures(f"bets_{part.name}") | {f"bets_{part.name}_per_s": per_s}


async def _right(base: Ground, people: People | None, tell: Tell) -> dict[str, Reading]:
    """Whether devices and bets are right in the end."""
    base.witnesses.rest()
    with recording().phase("checking"):
        figures = {
            "devices_in_the_end": Reading(len(base.apps), "1"),
            "lost_updates": Reading(await lost_updates(base.stack, base.games, base.apps, tell), "1"),
        }
        if people is not None and base.stack.database_url:
            figures |= await wrong_bets(
                people.struck, people.accounts,
                database_url=base.stack.database_url, nats_url=base.stack.nats_url, tell=tell,
            )  # fmt: skip
    return figures


def _seen(seen: Counter[str]) -> dict[str, Reading]:
    return {
        "gaps": Reading(seen["gaps"], "1"),
        "deferred": Reading(seen["deferred"], "1"),
        "cut_off": Reading(seen["lost"], "1"),
    }


def _options(parser: argparse.ArgumentParser) -> None:
    add_options(parser, Defaults(devices=1_000))
    add_duration(parser, 60.0, most=600.0, of="of the spike")
    add = parser.add_argument
    add("--before", type=seconds_to(200), default=15.0, metavar="S", help="measured before it (%(default)s)")
    add("--after", type=seconds_to(200), default=15.0, metavar="S", help="measured 10 s after it (%(default)s)")
    add("--connects", type=count_to(1_000), default=5, metavar="N", help="base load: devices that come a second (5)")
    add("--reads", type=count_to(1_000), default=20, metavar="N", help="base load: boards read a second (20)")
    add("--bets", type=count_to(100), default=2, metavar="N", help="base load: bets a second (2)")
    add("--stay", type=seconds_to(600), default=30.0, metavar="S", help="how long who comes stays (%(default)s)")
    add("--accounts", type=count_to(20_000), default=300, metavar="N", help="who bets (%(default)s)")
    add("--api-key", default="", metavar="KEY", help="of whoever reads boards, where they are not open to all")


SPIKE = Scenario(
    "spike",
    "the touchdown: connects x10, reads x20, bets x30 for a minute over a base load",
    LIMITS,
    _options,
    run,
)
