"""A producer's health: alive, silence, recoveries, retries."""

from __future__ import annotations

from feeds.contract.model import FeedState
from feeds.providers.sportradar.producer import (
    ALIVE_TIMEOUT_MS,
    LIVE_WINDOW_MS,
    RECOVERY_TIMEOUT_MS,
    RETRY_MS,
    RETRY_MS_MAX,
    Producer,
    RecoveryRequest,
)
from feeds.providers.sportradar.spec import Alive, ProductDown, SnapshotComplete

_T = 1_900_000_000_000


def _alive(at: int, *, subscribed: bool = True, product: int = 1) -> Alive:
    return Alive(product=product, timestamp=at, subscribed=subscribed)


def _snapshot(request: RecoveryRequest, at: int = _T) -> SnapshotComplete:
    return SnapshotComplete(product=1, timestamp=at, request_id=request.id)


def _recovering(now_ms: int = _T) -> tuple[Producer, RecoveryRequest]:
    producer = Producer(1, now_ms=now_ms)
    producer.connected(now_ms)
    producer.hear(_alive(now_ms), now_ms)
    request = producer.due(now_ms)
    assert request is not None
    return producer, request


def _state(producer: Producer) -> FeedState:
    """Read anew each time: a call in between may have changed it."""
    return producer.state


def _live(now_ms: int = _T) -> Producer:
    producer, request = _recovering(now_ms)
    assert producer.hear(_snapshot(request), now_ms) == request
    assert _state(producer) == "recovering"
    assert producer.complete(request)
    assert _state(producer) == "live"
    return producer


def test_the_first_recovery_is_asked_for_when_the_producer_lives_and_is_whole() -> None:
    producer = Producer(1, now_ms=_T)
    producer.connected(_T)
    assert (_state(producer), producer.due(_T)) == ("recovering", None)
    producer.hear(_alive(_T, product=3), _T)
    assert producer.due(_T) is None
    producer.hear(_alive(_T), _T)
    request = producer.due(_T)
    assert request is not None
    assert (request.after_ms, request.whole) == (None, True)
    assert producer.due(_T + 1) is None


def test_silence_is_down_and_the_next_alive_asks_for_what_came_after_the_last() -> None:
    producer = _live()
    producer.hear(_alive(_T + 10_000), _T + 10_000)
    assert producer.due(_T + 10_000 + ALIVE_TIMEOUT_MS) is None
    assert _state(producer) == "live"
    producer.due(_T + 10_001 + ALIVE_TIMEOUT_MS)
    assert _state(producer) == "down"
    later = _T + 60_000
    producer.hear(_alive(later), later)
    assert _state(producer) == "recovering"
    request = producer.due(later)
    assert request is not None
    assert (request.after_ms, request.whole) == (_T + 10_000, False)


def test_what_is_too_long_ago_is_recovered_whole() -> None:
    producer = _live()
    producer.disconnected()
    later = _T + LIVE_WINDOW_MS + 1
    producer.connected(later)
    request = producer.due(later)
    assert request is not None
    assert request.whole


def test_not_subscribed_is_a_recovery() -> None:
    producer = _live()
    producer.hear(_alive(_T + 10, subscribed=False), _T + 10)
    assert _state(producer) == "recovering"
    first = producer.due(_T + 10)
    assert first is not None
    producer.hear(_alive(_T + 20, subscribed=False), _T + 20)
    assert producer.due(_T + 20) is None
    producer.hear(_alive(_T + 30), _T + 30)
    producer.hear(_alive(_T + 40, subscribed=False), _T + 40)
    second = producer.due(_T + 40)
    assert second is not None
    assert second.id != first.id
    assert producer.hear(_snapshot(first), _T + 41) is None
    assert not producer.complete(first)
    assert producer.hear(_snapshot(second), _T + 42) == second


def test_a_snapshot_that_nobody_asked_for_is_counted_and_ignored() -> None:
    producer, request = _recovering()
    assert producer.hear(SnapshotComplete(product=1, timestamp=_T, request_id=request.id + 5), _T) is None
    assert (producer.unknown_snapshots, _state(producer), producer.request) == (1, "recovering", request)


def test_a_request_that_fails_is_made_again_later_and_later() -> None:
    producer, request = _recovering()
    now_ms, waits = _T, []
    for _ in range(12):
        producer.failed(request, now_ms)
        started = now_ms
        while (again := producer.due(now_ms)) is None:
            now_ms += 1000
            producer.hear(_alive(now_ms), now_ms)
        waits.append(now_ms - started)
        request = again
    assert waits[:3] == [RETRY_MS, RETRY_MS * 2, RETRY_MS * 4]
    assert waits[-1] == RETRY_MS_MAX


def test_a_recovery_that_does_not_end_is_asked_for_anew() -> None:
    producer, request = _recovering()
    now_ms = _T + RECOVERY_TIMEOUT_MS + 1
    producer.hear(_alive(now_ms), now_ms)
    assert producer.due(now_ms) is None
    assert producer.request is None
    again = producer.due(now_ms + RETRY_MS)
    assert again is not None
    assert again.id == request.id + 1


def test_a_cut_line_and_an_old_product_down() -> None:
    producer = _live()
    producer.disconnected()
    assert _state(producer) == "down"
    producer = _live()
    producer.hear(ProductDown(product=1, timestamp=_T), _T)
    assert _state(producer) == "down"
    producer.hear(_alive(_T + 1), _T + 1)
    assert producer.due(_T + 1) is not None


def test_a_line_cut_while_everything_is_put_does_not_end_live() -> None:
    producer, request = _recovering()
    producer.hear(_snapshot(request), _T)
    producer.disconnected()
    assert not producer.complete(request)
    assert _state(producer) == "down"


def test_an_alive_that_comes_late_or_again_is_no_sign_of_life() -> None:
    producer = _live()
    producer.hear(_alive(_T + 10_000), _T + 10_000)
    now_ms = _T + 25_000
    producer.hear(_alive(_T + 9_000, subscribed=False), now_ms)
    assert _state(producer) == "live"
    now_ms = _T + 10_001 + ALIVE_TIMEOUT_MS
    producer.hear(_alive(_T + 10_000), now_ms)
    producer.due(now_ms)
    assert _state(producer) == "down"
