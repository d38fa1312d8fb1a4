"""States on their way to their lanes: each to its event's lane, ends last, nothing too large."""

from __future__ import annotations

import msgspec
import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.durability import durable
from feeds.contract.errors import Refused
from feeds.contract.subjects import event_subject, lane_of, market_subject
from feeds.feed_lane import STATE_BYTES_MAX
from feeds.main import Feed
from feeds.metrics import FeedMetrics
from feeds.ports import State
from feeds.providers.registry import ProviderOptions, make_provider
from feeds.writer import ReadLead, RemakeLog, WriteLead, WriteStates
from tests.bus import LANES, HandFed, bus, event, market

OPTIONS = ProviderOptions(feed="alpha", lanes=LANES, events=1, rate=1, seed=1, speed=1.0, loop=False)


def feed(provider: HandFed, metrics: FeedMetrics) -> Feed:
    return Feed(provider, Connection("nats://127.0.0.1:1", name="test"), bus=bus(), metrics=metrics)


def sent(feed: Feed, lane: int) -> list[str]:
    """Subjects the lane's writer sends first, once it leads."""
    writer = feed.leaders[lane].writer
    while not isinstance(step := writer.step(), WriteStates):
        match step:
            case RemakeLog():
                writer.made("now")
            case ReadLead():
                writer.lead_read(None, 0)
            case WriteLead():
                writer.lead_written(1)
            case None:
                return []
    return [message.subject for message in step.messages]


def test_each_state_goes_to_its_events_lane_and_ends_go_last() -> None:
    made = feed(HandFed(), FeedMetrics())
    lane, topic = lane_of("E1", LANES), "football.nfl.E1"
    other = next(name for name in map("E{}".format, range(99)) if lane_of(name, LANES) != lane)
    ending: list[State] = [
        event("E1", state="ended"),
        market("M1", "E1"),
        market("M2", other),
        market("M3", "E1", gone=True),
    ]
    made.pipeline.put(ending)
    assert sent(made, lane) == [
        market_subject(lane, topic, "M1"),
        market_subject(lane, topic, "M3"),
        event_subject(lane, topic),
    ]
    lane = lane_of(other, LANES)
    assert sent(made, lane) == [market_subject(lane, f"football.nfl.{other}", "M2")]


def test_a_state_too_large_for_the_log_is_refused_and_counted() -> None:
    metrics = FeedMetrics()
    made = feed(HandFed(), metrics)
    large = market("M1", "E1")
    made.pipeline.put([msgspec.structs.replace(large, reason="x" * STATE_BYTES_MAX)])
    assert sent(made, lane_of("E1", LANES)) == []
    assert metrics.registry.get_sample_value("oddswire_feed_states_refused_total") == 1


@pytest.mark.parametrize(
    ("spec", "feed_name", "code"),
    [
        ("nobody", "alpha", "unknown_provider"),
        ("simulator:x", "alpha", "bad_provider"),
        ("betfair", "alpha", "bad_settings"),
        ("betfair:/nowhere", "alpha", "unreadable"),
        ("simulator", "a.b", "bad_feed"),
        ("simulator", "", "bad_feed"),
    ],
)
def test_bad_providers_are_refused_with_a_code(spec: str, feed_name: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        make_provider(spec, ProviderOptions(feed_name, LANES, 1, 1, 1, 1.0, loop=False))
    assert refused.value.code == code


def test_the_simulator_is_made_by_name() -> None:
    assert make_provider("simulator", OPTIONS).feed == "alpha"


@pytest.mark.parametrize(
    ("config", "replicas", "expected"),
    [({"sync_always": True}, 1, True), ({"sync_interval": 120}, 1, False), ({}, 3, True)],
)
def test_durable_is_synced_or_replicated(config: dict[str, object], replicas: int, expected: bool) -> None:
    assert durable(config, replicas=replicas) is expected
