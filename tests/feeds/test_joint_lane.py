"""Two or three feeds of the same markets in one lane, at random: whatever happens, after quiet the first that is live
has the last word, its newest one, nobody writes any more, and no state was ever made of two feeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from feeds.contract.model import Event, Market
from feeds.ownership import Priority
from feeds.ports import State
from tests.feeds.joint_lane import MARKETS, TICK_MS, JointLane, Process, Provider, source

HYSTERESIS_MS = 2_000
CHAOS_MS = 20_000
QUIET_MS = 20_000
STILL_MS = 5_000
REPEATS_MAX = 12
"""How often one and the same state may be written in all: again after a failover, a takeover, a lost answer."""

FAULTS = ("freeze", "kill", "cut_off", "recover")


class Player:
    """A feed, its present process, and what is wrong with it until when."""

    def __init__(self, lane: JointLane, provider: Provider, priority: Priority) -> None:
        self.lane = lane
        self.provider = provider
        self.priority = priority
        self.process: Process | None = Process(lane, provider, priority)
        self.fault = ""
        self.until_ms = 0
        self.unread: list[State] = []

    def strike(self, random: Random) -> None:
        if self.fault:
            return
        self.fault = random.choice(FAULTS)
        self.until_ms = self.lane.now_ms + random.randrange(200, 6_000)
        if self.fault == "kill":
            self.process = None
            self.unread.clear()
        elif self.fault == "recover" and self.process is not None:
            self.process.recover(self.until_ms - self.lane.now_ms)

    def turn(self) -> None:
        if self.fault and self.lane.now_ms >= self.until_ms:
            if self.fault == "cut_off" and self.process is not None and self.process.read_to is not None:
                self.process.read_board()
            self.fault = ""
        if self.process is None and not self.fault:
            self.process = Process(self.lane, self.provider, self.priority)
        if self.process is not None and self.fault != "freeze":
            for state in self.unread:
                self.process.put(state)
            self.unread.clear()
            self.process.turn(cut_off=self.fault == "cut_off")

    def move(self, random: Random) -> None:
        self.unread.append(self.provider.move(random))

    def die(self) -> None:
        self.process = None
        self.fault, self.until_ms = "kill", self.lane.now_ms + 10 * QUIET_MS

    @property
    def live(self) -> bool:
        return self.process is not None and self.process.live


def played(
    seed: int, meddle: Callable[[JointLane, Random], None] | None = None
) -> tuple[JointLane, list[Player], Priority]:
    """Chaos, in which `meddle` is called now and then, then quiet, in which one of three is dead for good."""
    random = Random(seed)
    names = ["alpha", "beta", "gamma"][: random.randint(2, 3)]
    priority = Priority(tuple(random.sample(names, random.randint(0, len(names)))), HYSTERESIS_MS)
    lane = JointLane(random)
    players = [
        Player(lane, Provider(name, random.sample(MARKETS, random.randint(2, len(MARKETS)))), priority)
        for name in names
    ]
    for _ in range(CHAOS_MS // TICK_MS):
        lane.advance()
        if random.random() < 0.0005:
            lane.lose()
        if meddle is not None and random.random() < 0.03:
            meddle(lane, random)
        for player in players:
            if random.random() < 0.3:
                player.move(random)
            if random.random() < 0.004:
                player.strike(random)
            player.turn()
    if random.random() < 0.5:
        random.choice(players).die()
    for _ in range(QUIET_MS // TICK_MS):
        lane.advance()
        for player in players:
            player.turn()
    return lane, players, priority


def check(seed: int) -> None:
    lane, players, priority = played(seed)
    live = sorted((player for player in players if player.live), key=lambda each: priority.place(each.provider.feed))
    assert live
    last: dict[str, Market | Event] = {}
    times = Counter(record.subject.encode() + record.data for record, _ in lane.states())
    assert max(times.values()) <= REPEATS_MAX, "feeds answer each other"
    for record, state in lane.states():
        last[state.id] = state
        if isinstance(state, Market):
            assert {f"{selection.name.split()[0]}-0" for selection in state.selections} == {state.src}
        else:
            assert state.src == f"{state.name}-0"
        assert lane.stored_ms[record.s] < lane.now_ms - STILL_MS, "somebody still writes"
    for market_id in MARKETS:
        holders = [each for each in live if market_id in each.provider.versions and market_id not in each.provider.gone]
        found = last.get(market_id)
        if not holders:
            continue
        assert isinstance(found, Market)
        first = holders[0]
        before = [source(each.provider.feed) for each in live[: live.index(first)]]
        if found.gone and found.src in before:
            continue  # ended by a live feed that stands before all that still have it
        assert (found.src, found.ts) == (source(first.provider.feed), first.provider.versions[market_id])
        assert not found.gone
    shown = last["E1"]
    assert isinstance(shown, Event)
    assert (shown.src, shown.ts) == (source(live[0].provider.feed), live[0].provider.event_version)


@pytest.mark.parametrize("seed", range(40))
def test_after_quiet_the_first_live_feed_has_the_last_word(seed: int) -> None:
    check(seed)


@pytest.mark.proof
@pytest.mark.timeout(3_600)
def test_after_quiet_the_first_live_feed_has_the_last_word_many_times() -> None:
    for seed in range(40, 4_000):
        check(seed)
