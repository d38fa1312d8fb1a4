"""Leaders and standbys while the coordination is away, has forgotten, or is wrong: the log says who writes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.adapters.nats.connection import Connection
from feeds.candidacy import LeaseTimes, Mandate
from feeds.candidate import Candidate, lease_name
from feeds.contract.lane import Stored
from feeds.contract.records import Beat, Lead, decode_record
from feeds.contract.subjects import lead_subject
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from feeds.ports import State
from tests.bus import LANES, HandFed, Mirror, bus, event, eventually, feeding, market, reading

pytestmark = pytest.mark.journey

TIMES = LeaseTimes(ttl_s=1, interval_s=0.05)
SILENT_S = 2.0
BEATS = 10
"""More of them than there are in a lease's time to live."""


def slate(ts: int = 1) -> list[State]:
    return [event("E1"), market("M1", "E1", ts=ts)]


class Process:
    """A candidate of the feed `alpha` within this process; each term has a provider of its own, the last one `fed`."""

    def __init__(self, name: str, connection: Connection, coordination: MemoryCoordination) -> None:
        self.name = name
        self.said: list[str] = []
        self.terms: list[HandFed] = []
        self.metrics = FeedMetrics()
        self._connection = connection
        self.candidate = Candidate(
            coordination,
            self._begin,
            feed="alpha",
            owner=name,
            times=TIMES,
            metrics=self.metrics,
            say=self.said.append,
        )

    def _begin(self, mandate: Mandate) -> Feed:
        self.terms.append(HandFed(slate()))
        return Feed(self.terms[-1], self._connection, bus=bus(), metrics=self.metrics, mandate=mandate)

    @property
    def term(self) -> str:
        """Its present term, or the last one, as the log names it."""
        return f"{self.name}-{len(self.terms)}"

    def metric(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"oddswire_feed_{name}", {"feed": "alpha"})

    async def die(self, running: asyncio.Task[None]) -> None:
        """As far as a task can: it says nothing more on the log."""
        running.cancel()
        await asyncio.wait([running])


class Two:
    """`a` leads and `b` stands by."""

    def __init__(self, connection: Connection) -> None:
        self.coordination = MemoryCoordination()
        self.a = Process("a", connection, self.coordination)
        self.b = Process("b", connection, self.coordination)
        self.a_running: asyncio.Task[None] = asyncio.create_task(self.a.candidate.run())
        self.b_running: asyncio.Task[None] | None = None

    async def begun(self) -> None:
        await eventually(lambda: self.a.said == ["ready"])
        self.b_running = asyncio.create_task(self.b.candidate.run())
        await eventually(lambda: self.b.said == ["standby"])


@asynccontextmanager
async def two(connection: Connection) -> AsyncIterator[tuple[Two, Mirror]]:
    async with reading(connection) as (_, mirror):
        made = Two(connection)
        await made.begun()
        yield made, mirror
        made.coordination.away = False
        for process in (made.a, made.b):
            process.candidate.stop()
        assert made.b_running is not None
        await asyncio.wait([made.a_running, made.b_running])


def owners(mirror: Mirror) -> set[str]:
    """Who leads, by the log, lane by lane; all the same once a takeover is complete."""
    found = set()
    for lane in range(LANES):
        record = mirror.last[lane][lead_subject(lane, "alpha")[5:]]
        lead = decode_record(lead_subject(lane, "alpha"), record.data)
        assert isinstance(lead, Lead)
        found.add(lead.owner)
    return found


def beats(mirror: Mirror) -> int:
    return sum(".beat." in record.subject for record in mirror.records)


def beat_of(record: Stored) -> Beat | None:
    """A beat of lane 0."""
    beat = decode_record("odds" + record.subject[4:], record.data) if record.subject == "live.0.beat.alpha" else None
    return beat if isinstance(beat, Beat) else None


def leads_again(made: Two) -> bool:
    """One of the two, in a later term than the first."""
    leading = [made.a.metric("leading"), made.b.metric("leading")]
    return sorted(each or 0 for each in leading) == [0, 1] and len(made.a.terms) + len(made.b.terms) > 1


async def more_beats(mirror: Mirror) -> None:
    wanted = beats(mirror) + BEATS * LANES
    await eventually(lambda: beats(mirror) >= wanted)


async def silence(mirror: Mirror) -> None:
    """Waits until nothing was written for longer than a lease lasts."""
    seen, since_s = beats(mirror), time.monotonic()

    def silent() -> bool:
        nonlocal seen, since_s
        if beats(mirror) != seen:
            seen, since_s = beats(mirror), time.monotonic()
        return time.monotonic() - since_s > SILENT_S

    await eventually(silent)


async def test_while_it_is_away_the_leader_leads_on_and_nobody_takes_over(connection: Connection) -> None:
    async with two(connection) as (made, mirror):
        made.coordination.away = True
        await more_beats(mirror)
        made.a.terms[-1].put(*slate(2))
        await eventually(lambda: (state := mirror.state("M1")) is not None and state.ts == 2)
        await made.a.die(made.a_running)
        await silence(mirror)
        assert made.b.terms == []
        made.coordination.away = False
        await eventually(lambda: made.b.said == ["standby", "ready"])
        await eventually(lambda: owners(mirror) == {"b-1"})


async def test_once_it_is_back_without_its_memory_the_leader_is_asked_first(connection: Connection) -> None:
    async with two(connection) as (made, mirror):
        made.coordination.away = True
        await more_beats(mirror)
        made.coordination.forget()
        made.coordination.away = False
        await more_beats(mirror)
        assert owners(mirror) == {"a-1"}
        assert (made.a.metric("leading"), made.b.metric("leading")) == (1, 0)


async def test_while_it_is_too_slow_for_any_renewal_the_log_still_has_one_leader(connection: Connection) -> None:
    async with two(connection) as (made, mirror):
        made.coordination.slow_s = 1.5 * TIMES.ttl_s
        made.a.terms[-1].put(*slate(2))
        await eventually(lambda: (state := mirror.state("M1")) is not None and state.ts == 2)
        await more_beats(mirror)
        await eventually(lambda: owners(mirror) in ({made.a.term}, {made.b.term}))
        made.coordination.slow_s = 0.0
        await more_beats(mirror)
        await eventually(lambda: owners(mirror) in ({made.a.term}, {made.b.term}))


async def test_a_lease_that_another_has_and_does_nothing_with_ends_no_leader(connection: Connection) -> None:
    async with two(connection) as (made, mirror):
        made.coordination.forget()
        stolen = await made.coordination.lease(lease_name("alpha"), "nobody", ttl_s=60)
        await more_beats(mirror)
        assert owners(mirror) == {"a-1"}
        await made.coordination.release(lease_name("alpha"), "nobody")
        await eventually(lambda: (made.a.metric("lease_epoch") or 0) > stolen or bool(made.b.terms))
        await more_beats(mirror)
        await eventually(lambda: owners(mirror) in ({"a-1"}, {"b-1"}))  # whoever asked first


async def test_who_is_taken_over_without_a_lease_stands_down_and_leads_again_later(connection: Connection) -> None:
    async with two(connection) as (made, mirror):
        async with feeding(connection, HandFed(slate(5))):
            await eventually(lambda: made.a.metric("leading") == 0)
            assert "a-1" not in owners(mirror)
        await eventually(lambda: leads_again(made) and owners(mirror) in ({made.a.term}, {made.b.term}))


async def test_a_leader_that_ends_says_down_and_its_standby_takes_over_at_once(connection: Connection) -> None:
    async with two(connection) as (made, mirror):
        made.a.candidate.stop()
        await made.a_running
        await eventually(lambda: made.b.said == ["standby", "ready"])
        states = [beat.state for beat in map(beat_of, mirror.records) if beat is not None]
        turns = [state for before, state in zip([None, *states], states) if state != before]
        assert turns[-3:] == ["down", "recovering", "live"]
