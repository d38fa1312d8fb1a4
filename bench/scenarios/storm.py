"""A storm of retries: every intent to bet comes many times at once, over lines that break, to processes that die.

Each of the intents is an account, a key and a body, sent by so many clients at once that all retry until they have a
final answer. Afterwards there is one bet for each, every answer that anybody got is the one that is stored, and the
ledger is recounted. Faults come at fixed shares of the time: workers killed, nats-server (odds and Coordination)
stopped for two seconds, PostgreSQL killed and started again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from bench.betting import Betting
from bench.bettor import Patience, until_final
from bench.latency import Latency
from bench.options import add_duration, count_to
from bench.processes import Child, split_cores
from bench.recording import THROUGHPUT, recording
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell
from gateway.money.audit import audit

WORKERS = 2
SEED = 9
ANSWER_S = 1.5
"""How long a client waits for an answer before it tries again."""

AFTERWARDS_S = 240.0
"""How long after the last intent was begun a client may still be without an answer."""

KILLS = (0.2, 0.45, 0.7)
NATS_STOPS = 0.35
POSTGRES_DIES = 0.55
"""When, as shares of the time."""

_STOPPED_S = 2.0

LIMITS = (
    Limit("bets_too_many", 0, "every"),
    Limit("bets_missing", 0, "every"),
    Limit("answers_missing", 0, "every"),
    Limit("answers_that_differ", 0, "every"),
    Limit("ledger_differences", 0, "every"),
)


class Intent(NamedTuple):
    """Somebody wants one bet."""

    account: str
    key: str
    asked: bytes


class Told(NamedTuple):
    """What the clients of one intent heard, at last."""

    intent: Intent
    answers: list[bytes]


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """The storm, then the count."""
    cores = split_cores(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="oddswire-bench-") as place:
        async with contextlib.AsyncExitStack() as stack:
            betting = Betting(Path(place), stack, cores.measured | cores.beside)
            tell("starting nats-server, PostgreSQL, a feed and two workers")
            await betting.start(WORKERS)
            intents = [_intent(betting, number) for number in range(options.intents)]
            await betting.fund([intent.account for intent in intents])
            line = await betting.start_line(SEED)
            return await _storm(betting, line, intents, options, tell)


def _intent(betting: Betting, number: int) -> Intent:
    account, key = f"storm-{number:06d}", f"storm-key-{number:012d}"
    return Intent(account, key, betting.bet(account, key))


async def _storm(
    betting: Betting, line: Child, intents: list[Intent], options: argparse.Namespace, tell: Tell
) -> Measured:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    ports = tuple(map(int, line.output[-1].split()[1:]))
    patience = Patience(ports, ANSWER_S, began_s + options.seconds + AFTERWARDS_S)
    seen: Counter[str] = Counter()
    recording().rate(THROUGHPUT, "attempts", seen.total)
    took = Latency()

    async def wanted(number: int, intent: Intent) -> Told:
        await asyncio.sleep(options.seconds * number / len(intents))
        begun_s = loop.time()
        clients = [
            until_final(intent.asked, patience, seen, random.Random(f"{SEED}/{number}/{n}"))
            for n in range(options.duplicates)
        ]
        answers = [heard.body for heard in await asyncio.gather(*clients) if heard is not None]
        took.record_us(int((loop.time() - begun_s) * 1e6))
        return Told(intent, answers)

    async with asyncio.TaskGroup() as group:
        faults = group.create_task(_faults(betting, options.seconds, tell))
        storm = [group.create_task(wanted(number, intent)) for number, intent in enumerate(intents)]
        telling = group.create_task(_progress(storm, seen, tell))
        await asyncio.gather(faults, *storm)
        telling.cancel()
    patience.close()
    tell("attempts met: " + ", ".join(f"{what} {times:,}" for what, times in seen.most_common()))
    figures = await _counted(betting, [task.result() for task in storm], options.duplicates, tell)
    requests = sum(seen.values())
    figures |= {
        "requests": Reading(requests, "1"),
        "requests_per_s": Reading(requests / (loop.time() - began_s), "1/s"),
    }
    _, dropped, _, reset = line.output[-1].split()
    figures |= {"answers_dropped": Reading(int(dropped), "1"), "answers_reset": Reading(int(reset), "1")}
    return Measured(figures | took.figures("all_duplicates_answered"), ())


async def _progress(storm: list[asyncio.Task[Told]], seen: Counter[str], tell: Tell) -> None:
    while True:
        await asyncio.sleep(5)
        done = sum(task.done() for task in storm)
        tell(f"{done:,} of {len(storm):,} intents answered everywhere, {sum(seen.values()):,} requests")


async def _faults(betting: Betting, seconds: float, tell: Tell) -> None:
    """One after the other, at their times."""
    plan = [(share, _kill_worker) for share in KILLS]
    plan += [(NATS_STOPS, _stop_nats), (POSTGRES_DIES, _kill_postgres)]
    began_s = asyncio.get_running_loop().time()
    for share, fault in sorted(plan, key=lambda each: each[0]):
        await asyncio.sleep(max(0.0, began_s + share * seconds - asyncio.get_running_loop().time()))
        await fault(betting, tell)


async def _kill_worker(betting: Betting, tell: Tell) -> None:
    port, child = next(iter(betting.workers.items()))
    await child.kill()
    del betting.workers[port]  # the next kill is another's
    tell("a worker was killed")
    await betting.start_worker(port)


async def _stop_nats(betting: Betting, tell: Tell) -> None:
    tell(f"nats-server stands still for {_STOPPED_S:g} s")
    os.killpg(betting.nats.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(_STOPPED_S)
    finally:
        os.killpg(betting.nats.pid, signal.SIGCONT)


async def _kill_postgres(betting: Betting, tell: Tell) -> None:
    await betting.postgres.kill()
    tell("PostgreSQL was killed")
    await betting.start_postgres()


async def _counted(betting: Betting, told: list[Told], duplicates: int, tell: Tell) -> dict[str, Reading]:
    """What is there, against what anybody was told."""
    async with betting.database() as database:
        rows = await database.fetch(
            "SELECT owner, client_key, answer, (SELECT count(*) FROM bets.bet WHERE bet.owner = key.owner) AS bets"
            " FROM money.key WHERE verb = 'bet'"
        )
        stored = {(owner, key): answer for owner, key, answer, _ in rows}
        bets = await database.row("SELECT count(*) FROM bets.bet")
        if bets is None:
            raise CannotMeasure("the bets cannot be counted")
        tell("recounting the ledger")
        found = await audit(database, tell)
    for difference in found.differences:
        tell(f"{difference.rule} {difference.where}: {difference.what}")
    differ = sum(answer != stored.get((one.intent.account, one.intent.key)) for one in told for answer in one.answers)
    missing = sum(duplicates - len(one.answers) for one in told)
    placed = sum((one.intent.account, one.intent.key) in stored for one in told)
    return {
        "intents": Reading(len(told), "1"),
        "bets": Reading(bets[0], "1"),
        "bets_too_many": Reading(max(0, bets[0] - len(told)), "1"),
        "bets_missing": Reading(len(told) - placed, "1"),
        "answers_missing": Reading(missing, "1"),
        "answers_that_differ": Reading(differ, "1"),
        "ledger_differences": Reading(found.differing.total(), "1"),
    }


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--intents", type=count_to(100_000), default=2_000, metavar="N", help="bets that are wanted (%(default)s)")
    add("--duplicates", type=count_to(100), default=20, metavar="N", help="clients of each, at once (%(default)s)")
    add_duration(parser, 60.0, most=3_600, of="time they come in")


STORM = Scenario("storm", "retries of bets over broken lines, with processes that die", LIMITS, _options, run)
