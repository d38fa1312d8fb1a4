"""The freshness rule: from beats and the clock to live, stale and down, each told once."""

from __future__ import annotations

import pytest

from feeds.contract.freshness import DOWN_AFTER_MS, STALE_AFTER_MS, Source, Sources
from feeds.contract.model import FeedState

NOW_MS = 1_790_000_000_000


@pytest.mark.parametrize(
    ("feed", "age_ms", "state"),
    [
        ("live", 0, "live"),
        ("live", STALE_AFTER_MS, "live"),
        ("live", STALE_AFTER_MS + 1, "stale"),
        ("live", DOWN_AFTER_MS, "stale"),
        ("live", DOWN_AFTER_MS + 1, "down"),
        ("recovering", 0, "stale"),
        ("recovering", DOWN_AFTER_MS + 1, "down"),
        ("down", 0, "down"),
    ],
)
def test_the_rule(feed: FeedState, age_ms: int, state: str) -> None:
    assert Source(feed, NOW_MS, NOW_MS).state(NOW_MS + age_ms) == state


def test_age_is_the_larger_of_arrival_and_the_beats_own_time() -> None:
    assert Source("live", NOW_MS - 5_000, NOW_MS).age_ms(NOW_MS) == 5_000
    assert Source("live", NOW_MS, NOW_MS - 4_000).age_ms(NOW_MS) == 4_000
    assert Source("live", NOW_MS + 9_000, NOW_MS).age_ms(NOW_MS) == 0, "a leader's clock ahead of ours is no credit"


def test_every_turn_is_told_once() -> None:
    sources = Sources()
    sources.beat("alpha-0", "live", NOW_MS, NOW_MS)
    assert sources.turned(NOW_MS) == []
    assert sources.turned(NOW_MS + 3_001) == [("alpha-0", "stale")]
    assert sources.turned(NOW_MS + 3_002) == []
    assert sources.not_live() == {"alpha-0": "stale"}
    assert sources.turned(NOW_MS + 20_001) == [("alpha-0", "down")]
    sources.beat("alpha-0", "live", NOW_MS + 20_002, NOW_MS + 20_002)
    assert sources.not_live() == {"alpha-0": "down"}, "what was told stands until the turn is told"
    assert sources.turned(NOW_MS + 20_002) == [("alpha-0", "live")]
    assert sources.ages_ms(NOW_MS + 20_003) == {"alpha-0": 1}


def test_who_claims_a_lane_is_recovering_until_the_first_beat() -> None:
    sources = Sources()
    sources.claimed("alpha-0", NOW_MS, NOW_MS)
    assert sources.turned(NOW_MS) == [("alpha-0", "stale")]
    sources.beat("alpha-0", "live", NOW_MS, NOW_MS)
    sources.claimed("alpha-0", NOW_MS + 1, NOW_MS + 1)
    assert sources.turned(NOW_MS + 1) == [("alpha-0", "live")]
    sources.clear()
    assert sources.ages_ms(NOW_MS) == {}
