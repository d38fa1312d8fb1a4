"""The pace of corrections: what a gateway's metrics say of placing bets, and what is made of it. Pure."""

from __future__ import annotations

import math

import httpx
import pytest

from gateway.settlement.pacing import Metrics, Pauses, buckets, p99_s

TEXT = """\
# TYPE oddswire_gateway_request_seconds histogram
oddswire_gateway_request_seconds_bucket{{route="place_bet",worker="1",le="0.1"}} {fast}
oddswire_gateway_request_seconds_bucket{{route="place_bet",worker="1",le="0.5"}} {all}
oddswire_gateway_request_seconds_bucket{{route="place_bet",worker="1",le="+Inf"}} {all}
oddswire_gateway_request_seconds_bucket{{route="bets",worker="1",le="+Inf"}} 99
"""


def test_p99_is_of_what_came_since() -> None:
    before, after = (buckets(TEXT.format(fast=fast, all=total)) for fast, total in ((1_000, 1_000), (1_098, 1_100)))
    assert after == {0.1: 1_098, 0.5: 1_100, math.inf: 1_100}
    assert p99_s(before, after) == 0.5
    assert p99_s({}, after) == 0.1
    assert p99_s(after, after) is None


@pytest.mark.parametrize(
    ("p99s", "pauses"),
    [
        ((None, None), (20, 20)),
        ((300.0, 300.0, 300.0), (40, 80, 100)),
        ((300.0, 200.0, 200.0), (40, 30, 22.5)),
        ((300.0, None), (40, 30)),
    ],
)
def test_pauses_grow_while_bets_are_slow(p99s: tuple[float | None, ...], pauses: tuple[float, ...]) -> None:
    paused = Pauses(usual_ms=20, longest_ms=100, p99_ms_max=250)
    assert tuple(paused.after(p99) for p99 in p99s) == pauses


async def test_a_gateway_that_does_not_tell_says_nothing() -> None:
    texts = iter((TEXT.format(fast=0, all=0), TEXT.format(fast=100, all=100)))

    async def fetch() -> str:
        try:
            return next(texts)
        except StopIteration:
            raise httpx.ConnectError("gone") from None

    metrics = Metrics(fetch)
    assert [await metrics.p99_ms() for _ in range(3)] == [None, 100.0, None]
