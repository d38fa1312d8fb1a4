"""A desk over feeds that share a lane, at random: takeovers, freezes, cuts, lost answers, a lost log. After quiet every
market is the newest state of the feed that owns it under the newest overlays, and nobody writes any more.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from feeds.contract.desk import lift
from feeds.contract.lane import Stored
from feeds.contract.model import Market
from feeds.contract.records import decode_overlay, encode_overlay
from feeds.contract.subjects import desk_subject, kind_of
from feeds.lane_log import Fence, Message
from tests.feeds.desk_states import any_command, published, tried
from tests.feeds.joint_lane import MARKETS, JointLane
from tests.feeds.test_joint_lane import STILL_MS, played


def desk() -> Callable[[JointLane, Random], None]:
    """Writes a command of any kind at once, expecting what it read."""
    given = 0

    def meddle(lane: JointLane, random: Random) -> None:
        nonlocal given
        given += 1
        wanted = any_command(random, MARKETS, given)
        subject = desk_subject(0, wanted.aim.scope)
        last = lane.log.last(subject)
        made = tried(wanted, None if last is None else decode_overlay(subject, last.data), lane.now_ms)
        if made is not None:
            message = Message(subject, encode_overlay(made))
            assert lane.write([message], Fence(subject, 0 if last is None else last.s)) is not None

    return meddle


def check(seed: int) -> int:
    """Gives how many markets were other than their feed had them at the end."""
    lane, players, _ = played(seed, desk())
    overlays: list[Stored] = [record for record in lane.log.stored if kind_of(record.subject) == "desk"]
    last: dict[str, Market] = {}
    for record, state in lane.states():
        if isinstance(state, Market):
            last[state.id] = state
        assert lane.stored_ms[record.s] < lane.now_ms - STILL_MS, "somebody still writes"
    owners = {player.provider.feed: player for player in players if player.live}
    changed = 0
    for market in last.values():
        owner = owners.get(market.src.removesuffix("-0"))
        if owner is None:
            continue
        said = owner.provider.state(market.id)
        if said.gone:
            assert market.gone
            continue
        assert lift(market) == said
        assert market == published(said, overlays, lane.now_ms)
        changed += market != said
    return changed


@pytest.mark.parametrize("seeds", [range(start, start + 5) for start in range(0, 40, 5)])
def test_after_quiet_every_market_is_its_newest_state_under_the_newest_overlays(seeds: range) -> None:
    assert sum(map(check, seeds)) > 0


@pytest.mark.proof
@pytest.mark.timeout(3_600)
def test_after_quiet_every_market_is_its_newest_state_under_the_newest_overlays_many_times() -> None:
    for seed in range(40, 2_000):
        check(seed)
