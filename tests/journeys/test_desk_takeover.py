"""The trader's hand and who writes the line: it outlives leaders, reaches a line without one, and a lost log."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from itertools import cycle, pairwise

import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer
from feeds.contract.lane import Stored
from feeds.contract.model import Market
from feeds.contract.records import Beat, Lead, decode_record
from feeds.contract.subjects import desk_subject, is_event, kind_of, lane_of
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from tests.bus import LANES, HandFed, Mirror, bus, event, eventually, feeding, market, reading
from tests.feeds.desk_states import published
from tests.journeys.desk_command import desk, done
from tests.journeys.part import started

pytestmark = pytest.mark.journey

EVENTS = [f"E{number}" for number in range(9)]


def slate(ts: int = 1) -> list[Market]:
    return [market(f"{name}M", name, ts=ts) for name in EVENTS]


def known(ts: int = 1) -> HandFed:
    return HandFed([*(event(name) for name in EVENTS), *slate(ts)])


def markets(mirror: Mirror) -> list[Market]:
    """The last state of every market of the log."""
    return [
        found for lane in mirror.last.values() for record in lane.values() if (found := of_market(record)) is not None
    ]


def of_market(record: Stored) -> Market | None:
    state = decode_record(record.subject, record.data) if _is_state(record.subject) else None
    return state if isinstance(state, Market) else None


def _is_state(subject: str) -> bool:
    subject = subject if subject.startswith(("odds.", "live.")) else f"odds.{subject}"
    return kind_of(subject) == "market" and not is_event(subject)


async def test_without_a_leader_it_is_laid_at_the_takeover_before_live(
    connection: Connection, nats_server: NatsServer
) -> None:
    async with feeding(connection, known()):
        pass
    await done(nats_server, "suspend", "football.nfl")
    await done(nats_server, "override", "football.nfl.E1.E1M", "O1", "-200", "--for", "3600")
    async with reading(connection) as (_, mirror):
        await eventually(lambda: mirror.boards == LANES)
        assert {each.st for each in markets(mirror)} == {"open"}
        async with feeding(connection, known()):
            assert {each.st for each in markets(mirror)} == {"suspended"}
        by_lane: dict[str, list[str]] = {}
        for record in mirror.records:
            by_lane.setdefault(record.subject.split(".")[1], []).append(_word(record))
        assert len(by_lane) == LANES
        for words in by_lane.values():
            start = words.index("lead")
            until_live = words[start : words.index("live", start)]
            assert set(until_live) == {"lead", "recovering", "suspended"}
            assert "suspended" not in words[words.index("live", start) :]
    written = [state for record in mirror.records if (state := of_market(record)) is not None]
    assert sorted(state.id for state in written) == sorted(f"{name}M" for name in EVENTS)  # each once


def _word(record: Stored) -> str:
    state = decode_record(record.subject, record.data)
    match state:
        case Beat():
            return state.state
        case Lead():
            return "lead"
        case Market():
            return state.st
    return "other"


async def test_commands_during_changes_of_leader_are_laid_once_and_none_is_lost(nats_server: NatsServer) -> None:
    """Leader after leader takes over while a trader clicks; every market ends as its newest price under all of it."""
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(Connection(nats_server.url, name="reader"))
        _, mirror = await stack.enter_async_context(reading(reader))
        connections = cycle([await stack.enter_async_context(Connection(nats_server.url, name=n)) for n in ("a", "b")])
        running: list[asyncio.Task[None]] = []
        clicks = asyncio.create_task(_click(nats_server, running))
        newest, provider = 0, known()
        while not clicks.done():
            newest += 10
            provider, ready = known(newest), asyncio.Event()
            feed = Feed(provider, next(connections), bus=bus(), metrics=FeedMetrics())
            running.append(asyncio.create_task(feed.run(ready.set)))
            await ready.wait()
            for _ in range(3):
                newest += 1
                provider.put(*slate(newest))
            await eventually(lambda ts=newest: {state.ts for state in markets(mirror)} == {ts})  # type: ignore[misc]
        await clicks
        assert len(running) > len(CLICKS)
        newest += 1
        provider.put(*slate(newest))
        await eventually(lambda: _as_it_should_be(mirror, newest))
        for task in running:
            task.cancel()
        await asyncio.wait(running)
    states: dict[str, list[bytes]] = {}
    for record in mirror.records:
        if _is_state(record.subject):
            states.setdefault(record.subject, []).append(record.data)
    assert all(one != other for data in states.values() for one, other in pairwise(data))


CLICKS = (
    ("suspend", "football.nfl.E1"),
    ("margin", "football", "5"),
    ("override", "football.nfl.E2.E2M", "O1", "-200", "--for", "3600"),
    ("suspend", "football:main"),
    ("resume", "football:main"),
    ("suspend", "football.nfl.E3.E3M"),
)


async def _click(nats: NatsServer, leaders: list[asyncio.Task[None]]) -> None:
    """Each after one more leader has begun to take over."""
    for number, words in enumerate(CLICKS, start=1):
        await eventually(lambda number=number: len(leaders) > number)  # type: ignore[misc]
        await done(nats, *words)


def _as_it_should_be(mirror: Mirror, ts: int) -> bool:
    overlays = [record for lane in mirror.last.values() for record in lane.values() if ".desk." in record.subject]
    found = {state.id: state for state in markets(mirror)}
    by_lane = {lane: [each for each in overlays if each.subject.split(".")[1] == str(lane)] for lane in range(LANES)}
    return found == {state.id: published(state, by_lane[lane_of(state.event, LANES)], 0) for state in slate(ts)} and {
        state.id for state in found.values() if state.st == "suspended"
    } == {"E1M", "E3M"}


async def test_processes_that_die_and_come_back_never_undo_a_suspension(
    nats_server: NatsServer, connection: Connection
) -> None:
    """Real feeds, killed; while none lives the trader speaks; after the last command no market is what it was not."""
    run = ("feeds", "run", "--nats", nats_server.url, "--feed", "demo", "--events", "12", "--rate", "400")
    async with AsyncExitStack() as stack:
        _, mirror = await stack.enter_async_context(reading(connection, lanes=4))
        part = await stack.enter_async_context(started(*run))
        await eventually(lambda: mirror.boards == 4)
        sports = {each.topic.split(".")[0] for each in markets(mirror)}
        await _in_four_lanes(nats_server, "suspend", sports)
        await eventually(lambda: not any(each.st == "open" for each in markets(mirror)))
        closed_s = dict(mirror.positions)
        for _ in range(2):
            await part.end(signal.SIGKILL)
            part = await stack.enter_async_context(started(*run))
        await eventually(lambda: len(_states(mirror, closed_s)) > 500)
        assert not any(state.st == "open" for state in _states(mirror, closed_s))
        await part.end(signal.SIGKILL)
        await _in_four_lanes(nats_server, "resume", sports)
        assert not any(each.st == "open" for each in markets(mirror))  # nobody is there to open it
        await stack.enter_async_context(started(*run))
        await eventually(lambda: all(each.desk is None for each in markets(mirror)))
        assert any(each.st == "open" for each in markets(mirror))


def _states(mirror: Mirror, after_s: dict[int, int]) -> list[Market]:
    """Every state of a market after these positions."""
    records = [record for record in mirror.records if record.s > after_s[int(record.subject.split(".")[1])]]
    return [state for record in records if (state := of_market(record)) is not None]


async def _in_four_lanes(nats: NatsServer, action: str, sports: set[str]) -> None:
    for sport in sports:
        said = await desk(nats, action, sport, lanes=4)
        assert (said.status, said.err) == (0, "")


async def test_a_lost_log_takes_no_suspension_along(nats_server: NatsServer, connection: Connection) -> None:
    async with (
        feeding(connection, known()),
        Connection(nats_server.url, name="reader") as other,
        reading(other) as (_, mirror),
    ):
        await done(nats_server, "suspend", "football.nfl")
        await eventually(lambda: {each.st for each in markets(mirror)} == {"suspended"})
        count = len(mirror.records)
        await nats_server.wipe()
        await eventually(lambda: len(mirror.epochs) > 1 and len(markets(mirror)) == len(EVENTS))
        key = [desk_subject(lane, "football.nfl")[5:] for lane in range(LANES)]
        await eventually(lambda: all(key[lane] in mirror.last.get(lane, {}) for lane in range(LANES)))
        states = [state for record in mirror.records[count:] if (state := of_market(record)) is not None]
        assert all(state.st == "suspended" for state in (*states, *markets(mirror)))
        assert (await done(nats_server, "show")).splitlines()[0] == "football.nfl  version 1"
        await done(nats_server, "resume", "football.nfl", "--version", "1")
        await eventually(lambda: {each.st for each in markets(mirror)} == {"open"})
