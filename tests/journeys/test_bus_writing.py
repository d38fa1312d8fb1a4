"""One writer a feed and lane, whatever happens to it, its rival or nats-server: the log ends as the states are."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.publisher import LanePublisher
from feeds.adapters.server import NatsServer
from feeds.contract.errors import NotLeader
from feeds.contract.model import Event, Market
from feeds.contract.records import Beat, decode_record
from feeds.contract.subjects import beat_subject, lane_of, market_subject
from feeds.lane_log import Fence, Message, WriteRefused
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from tests.bus import LANES, HandFed, Mirror, bus, event, eventually, feeding, market, reading

pytestmark = pytest.mark.journey

EVENTS = [f"E{number}" for number in range(12)]


def slate(ts: int = 1) -> list[Event | Market]:
    """Twelve events with five markets each, over all lanes."""
    return [event(name) for name in EVENTS] + [market(f"{name}M{n}", name, ts=ts) for name in EVENTS for n in range(5)]


def shows(mirror: Mirror, ts: int) -> bool:
    """Whether every market of the slate stands at `ts`."""
    states = [mirror.state(f"{name}M{n}") for name in EVENTS for n in range(5)]
    return all(state is not None and state.ts == ts for state in states)


async def test_states_and_then_a_live_beat_are_stored(connection: Connection) -> None:
    provider = HandFed(slate())
    async with feeding(connection, provider), reading(connection) as (_, mirror):
        await eventually(lambda: mirror.boards == LANES)
        assert shows(mirror, 1)  # ready means: everything before the first beat `live` was stored
        provider.put(*slate(2))
        await eventually(lambda: shows(mirror, 2))
        beats = [
            decode_record("odds" + record.subject[4:], record.data)
            for record in mirror.records
            if ".beat." in record.subject
        ]
        assert all(isinstance(beat, Beat) and beat.state == "live" for beat in beats)
    async with reading(connection) as (_, mirror):
        await eventually(lambda: mirror.boards == LANES)
        for lane in range(LANES):
            last = decode_record(beat_subject(lane, "alpha"), mirror.last[lane][f"{lane}.beat.alpha"].data)
            assert isinstance(last, Beat)
            assert last.state == "down"


async def test_an_event_ends_after_its_markets_are_gone(connection: Connection) -> None:
    provider = HandFed(slate())
    async with feeding(connection, provider), reading(connection) as (_, mirror):
        await eventually(lambda: mirror.boards == LANES)
        gone = [market(f"E1M{n}", "E1", ts=3, st="settled", gone=True) for n in range(5)]
        provider.put(event("E1", state="ended", ts=3), *gone)
        await eventually(lambda: (state := mirror.state("E1")) is not None and state.ts == 3)
        lane = mirror.last[lane_of("E1", LANES)]
        end = next(record for subject, record in lane.items() if subject.endswith("E1._event"))
        assert all(record.s < end.s for subject, record in lane.items() if ".E1.E1M" in subject)
        assert all((state := mirror.state(f"E1M{n}")) is not None and state.ts == 3 for n in range(5))


async def test_who_was_taken_over_is_refused_and_stands_down(nats_server: NatsServer, connection: Connection) -> None:
    old = HandFed(slate(1))
    metrics = FeedMetrics()
    ready = asyncio.Event()
    async with Connection(nats_server.url, name="old") as old_connection, reading(connection) as (_, mirror):
        running = asyncio.create_task(Feed(old, old_connection, bus=bus(), metrics=metrics).run(ready.set))
        await ready.wait()
        async with feeding(connection, HandFed(slate(2))):
            old.put(*slate(3))
            with pytest.raises(ExceptionGroup) as stood_down:
                await running
            assert stood_down.group_contains(NotLeader)
            await eventually(lambda: shows(mirror, 2))
            assert not [record for record in mirror.records if b'"ts":3' in record.data and ".E" in record.subject]


async def test_a_fenced_write_lands_whole_or_not_at_all(connection: Connection) -> None:
    log = LanePublisher(connection, 0, bus=bus())
    await log.remake(created="", s=0)
    fence = Fence(
        "odds.0.lead.alpha", await log.write([Message("odds.0.lead.alpha", b"mine")], Fence("odds.0.lead.alpha", 0))
    )
    states = [Message(f"odds.0.football.nfl.E.M{n}", b"x") for n in range(500)]
    assert await log.write(states, fence) == fence.s + 500
    other = await log.write([Message(fence.subject, b"another's")], fence)
    assert other == fence.s + 501
    for messages in (states, states[:2], states[:1]):
        with pytest.raises(WriteRefused):
            await log.write(messages, fence)
    last = await log.last(states[-1].subject)
    assert last is not None
    assert last.s == fence.s + 500


async def test_what_nobody_knows_ends_as_the_current_states(nats_server: NatsServer, connection: Connection) -> None:
    """The server freezes with a batch on its way, longer than the client waits, then goes on where it was."""
    provider = HandFed(slate())
    metrics = FeedMetrics()
    ready = asyncio.Event()
    feed = Feed(provider, connection, bus=bus(), metrics=metrics)
    async with asyncio.TaskGroup() as group:
        group.create_task(feed.run(ready.set))
        await ready.wait()
        nats_server.freeze()
        provider.put(*slate(2))
        await eventually(lambda: _total(metrics, "writes_unknown") >= LANES)
        provider.put(*slate(3))
        nats_server.thaw()
        async with Connection(nats_server.url, name="reader") as other, reading(other) as (_, mirror):
            await eventually(lambda: shows(mirror, 3))
            provider.put(*slate(4))
            await eventually(lambda: shows(mirror, 4))
            stamps = [
                state.ts for record in mirror.records if (state := _market(record.subject, record.data)) is not None
            ]
            assert stamps == sorted(stamps)
        feed.stop()


async def test_goes_on_after_a_crash_of_the_server(nats_server: NatsServer, connection: Connection) -> None:
    provider = HandFed(slate())
    async with (
        feeding(connection, provider),
        Connection(nats_server.url, name="reader") as other,
        reading(other) as (_, mirror),
    ):
        await nats_server.kill()
        provider.put(*slate(2))
        provider.put(*slate(3))
        await nats_server.start()
        await eventually(lambda: shows(mirror, 3))
        assert len(mirror.epochs) == 1


async def test_a_lost_log_is_made_anew_with_every_state(nats_server: NatsServer, connection: Connection) -> None:
    provider = HandFed(slate())
    async with (
        feeding(connection, provider),
        Connection(nats_server.url, name="reader") as other,
        reading(other) as (_, mirror),
    ):
        await eventually(lambda: shows(mirror, 1))
        await nats_server.wipe()
        await eventually(lambda: len(mirror.epochs) > 1 and shows(mirror, 1))
        assert mirror.state("E1") is not None
        provider.put(*slate(2))
        await eventually(lambda: shows(mirror, 2))


async def test_takeover_writes_only_what_differs_and_ends_what_is_absent(connection: Connection) -> None:
    async with feeding(connection, HandFed(slate())):
        pass
    absent = [f"E2M{n}" for n in range(5)] + ["E2", "E3M4"]
    known = [msgspec.structs.replace(state, ts=7) for state in slate() if state.id not in absent]
    known = [market("E4M0", "E4", ts=8, st="suspended") if state.id == "E4M0" else state for state in known]
    async with reading(connection) as (_, mirror):
        await eventually(lambda: mirror.boards == LANES)
        board = {subject: record.s for lane in mirror.last.values() for subject, record in lane.items()}
        async with feeding(connection, HandFed(known)):
            moved = {
                subject
                for lane in mirror.last.values()
                for subject, record in lane.items()
                if record.s != board[subject] and ".E" in subject
            }
        assert {subject.rpartition(".")[2] for subject in moved} == {"E4M0", "E3M4", "_event", *absent[:5]}
        gone = mirror.state("E3M4")
        assert isinstance(gone, Market)
        assert gone.gone
        ended = mirror.state("E2")
        assert isinstance(ended, Event)
        assert ended.state == "ended"


async def test_two_feeds_of_one_lane_refresh_each_other_and_both_go_on(
    nats_server: NatsServer, connection: Connection
) -> None:
    """A refresh moves the other's lead record, which then refuses a write: its owner finds it is still the owner."""
    alpha, beta = HandFed(slate()), HandFed([event("B1"), market("B1M1", "B1", feed="beta")], feed="beta")
    async with (
        feeding(connection, alpha, log_age_s=10),
        Connection(nats_server.url, name="beta") as other,
        feeding(other, beta, log_age_s=10),
        reading(connection, log_age_s=10) as (_, mirror),
    ):
        for ts in range(2, 40):
            alpha.put(*slate(ts))
            beta.put(market("B1M1", "B1", feed="beta", ts=ts))
            await eventually(lambda ts=ts: shows(mirror, ts))  # type: ignore[misc]
        await eventually(lambda: (state := mirror.state("B1M1")) is not None and state.ts == 39)


async def test_refresh_keeps_the_board_whole_while_the_log_forgets(connection: Connection) -> None:
    provider = HandFed(slate())
    async with feeding(connection, provider, log_age_s=10), reading(connection, log_age_s=10) as (_, mirror):
        provider.put(market("E5M0", "E5", ts=2, st="settled", gone=True))
        gone = market_subject(lane_of("E5", LANES), "football.nfl.E5", "E5M0")
        await eventually(lambda: min(mirror.floors.values(), default=0) > 100, within_s=40)
        assert all(mirror.floors[lane] > 100 for lane in range(LANES))
        async with reading(connection, log_age_s=10) as (_, fresh):
            await eventually(lambda: fresh.boards == LANES)
            held = {subject for lane in fresh.last.values() for subject in lane}
            assert gone[5:] not in held
            for name in EVENTS:
                assert fresh.state(name) is not None
                for n in range(5):
                    assert (name, n) == ("E5", 0) or fresh.state(f"{name}M{n}") is not None


def _market(subject: str, data: bytes) -> Market | None:
    record = decode_record("odds" + subject[4:], data)
    return record if isinstance(record, Market) else None


def _total(metrics: FeedMetrics, name: str) -> float:
    values = (
        metrics.registry.get_sample_value(f"oddswire_feed_{name}_total", {"lane": str(lane)}) for lane in range(LANES)
    )
    return sum(value or 0 for value in values)
