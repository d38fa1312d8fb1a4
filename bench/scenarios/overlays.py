"""What a desk's overlays cost a feed: processor time of a state on its way into a lane's queue, and of one click.

Everything is in this process: a lane's leader that writes nothing, states of 4,000 markets, and as many overlays as
asked for: none, on events that do not move, on markets of those that do (a quarter of all), on all of them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from bench.options import count_to
from bench.result import Limit, Measured, Reading
from bench.scenario import Scenario, Tell
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.publisher import LanePublisher
from feeds.candidacy import Mandate
from feeds.contract.desk import Change, Entries, Overlay, Suspension, Target
from feeds.contract.lane import Stored
from feeds.contract.model import Market, Selection
from feeds.contract.prices import price_from_american
from feeds.contract.records import encode_overlay
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import desk_subject, source_id
from feeds.feed_lane import FeedLane
from feeds.leader import LaneLeader
from feeds.metrics import FeedMetrics
from feeds.ownership import NO_PRIORITY, LaneOwnership
from feeds.recovery import HeldStates
from feeds.writer import LaneWriter

FEED = "bench"
MARKETS_OF_EVENT = 4
ROUNDS = 10
"""States of each market."""


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """Each way once."""
    states = list(_states(options.events))
    figures: dict[str, Reading] = {}
    for name, scope, market in (
        ("no", "", None),
        ("other_events", "football.nfl.X{}", None),
        ("a_market_of_each_event", "football.nfl.E{}", "E{}M1"),
        ("every_event", "football.nfl.E{}", None),
    ):
        tell(f"{len(states)} states under overlays of {name}")
        lane, held = _lane()
        for number in range(options.events if scope else 0):
            _lay(held, scope.format(number), None if market is None else market.format(number))
        lane.oversee(0)
        figures[f"state_under_{name}"] = Reading(_puts_us(lane, states), "us")
    lane, held = _lane()
    _puts_us(lane, states)
    _lay(held, "football", None)
    figures["click_on_a_sport"] = Reading(_click_us(lane) / (options.events * MARKETS_OF_EVENT), "us a market")
    return Measured(figures, [])


def _lane() -> tuple[FeedLane, HeldStates]:
    held, metrics = HeldStates(feed=FEED, lane=0), FeedMetrics()
    held.recovered(lambda market: market)
    leader = LaneLeader(
        LaneWriter(feed=FEED, lane=0, mandate=Mandate(FEED)),
        LanePublisher(Connection("nats://127.0.0.1", name="bench"), 0, bus=BusSettings()),  # nothing is written here
        lane=0,
        log_age_s=3_600,
        current=held.current,
        metrics=metrics,
    )
    ownership = LaneOwnership(feed=FEED, lane=0, priority=NO_PRIORITY, meet=held.meet)
    return FeedLane(0, leader, held=held, ownership=ownership, metrics=metrics), held


def _states(events: int) -> Iterator[Market]:
    price = price_from_american(-110)
    selections = tuple(Selection(f"O{number}", "A", price=price, side="home") for number in range(3))
    for ts in range(ROUNDS):
        for event in range(events):
            topic = f"football.nfl.E{event}"
            for number in range(MARKETS_OF_EVENT):
                yield Market(
                    f"E{event}M{number}",
                    f"E{event}",
                    topic,
                    "main",
                    "moneyline",
                    "game",
                    source_id(FEED, 0),
                    ts,
                    "open",
                    selections,
                )


def _lay(held: HeldStates, scope: str, market: str | None) -> None:
    target = Target(market)
    entries = Entries(suspensions=(Suspension(target, "because", FEED, 0),))
    change = Change(f"command-{scope}", scope, 1, "suspend", target, FEED, 0, "because", Entries(), entries)
    held.overlays.record(Stored(desk_subject(0, scope), 1, encode_overlay(Overlay(scope, 1, entries, change))))


def _puts_us(lane: FeedLane, states: list[Market]) -> float:
    began = time.process_time()
    for state in states:
        lane.put(state, 1)
    return (time.process_time() - began) * 1e6 / len(states)


def _click_us(lane: FeedLane) -> float:
    began = time.process_time()
    while lane.oversee(1):
        pass
    return (time.process_time() - began) * 1e6


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--events", type=count_to(100_000), default=1_000, metavar="N", help="events, and overlays (default 1000)"
    )


OVERLAYS = Scenario(
    "overlays",
    "what a desk's overlays cost a feed",
    (Limit("state_under_every_event", 100, "median"),),
    _options,
    run,
)
