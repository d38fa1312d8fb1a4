"""When a lane that holds less than it did is taken for lost: of a lone server at once, of several only in time."""

from __future__ import annotations

import pytest

from feeds.adapters.nats.streams import FALL_BACK_S, FallBack, LaneInfo
from feeds.contract.errors import LogUnavailable


def lane(last_s: int, *, replicas: int) -> LaneInfo:
    return LaneInfo("then", 1, last_s, replicas)


def test_a_lane_that_holds_what_it_did_is_not_lost() -> None:
    assert not FallBack().lost([(lane(9, replicas=1), 9), (lane(9, replicas=3), 8)], 0)


def test_a_lone_server_is_believed_at_once() -> None:
    assert FallBack().lost([(lane(9, replicas=1), 10)], 0)


def test_a_new_leader_may_catch_up() -> None:
    fall_back = FallBack()
    for now_s, last_s in ((0, 9), (FALL_BACK_S - 1, 9), (2 * FALL_BACK_S + 1, 8)):
        with pytest.raises(LogUnavailable):
            fall_back.lost([(lane(last_s, replicas=3), 10)], now_s)
        assert not fall_back.lost([(lane(10, replicas=3), 10)], now_s + 0.5)


def test_what_stays_behind_is_lost() -> None:
    fall_back = FallBack()
    with pytest.raises(LogUnavailable):
        fall_back.lost([(lane(9, replicas=3), 10)], 0)
    assert fall_back.lost([(lane(9, replicas=3), 10)], FALL_BACK_S)
