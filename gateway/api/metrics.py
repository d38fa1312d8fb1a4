"""What a gateway tells Prometheus. Read when asked, so that counting costs the hot path next to nothing.

One process, one page of metrics: behind a load balancer Prometheus asks every process at its own address, and sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.access.guard import Guard
from gateway.api.history import Past
from gateway.api.load import What
from gateway.api.traffic import BUCKETS_S, Traffic
from gateway.bets.service import BetsDesk, BetsService
from gateway.read.shelf import Shelf
from gateway.read.views import Reading

_PREFIX = "oddswire_gateway"


class GatewayCollector(Collector):
    """Every metric of the gateway's reads, in one place. Names end in their unit."""

    def __init__(
        self,
        traffic: Traffic,
        shelf: Shelf,
        reading: Reading,
        past: Past,
        *,
        guard: Guard | None = None,
        desk: BetsDesk | None = None,
    ) -> None:
        self._traffic = traffic
        self._shelf = shelf
        self._reading = reading
        self._past = past
        self._guard = guard
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        yield from self._requests()
        yield from self._book()
        if self._guard is not None:
            yield from self._access(self._guard)
        if self._desk is not None and self._desk.service is not None:
            yield from _money(self._desk.service)
        shelf, encoded = self._shelf, self._reading.encoded
        yield _gauge("pages", "Bodies that are kept.", len(shelf))
        yield _gauge("pages_bytes", "Memory they take.", shelf.held_bytes)
        yield _gauge("encoded_bytes", "Memory of encoded markets and events.", encoded.held_bytes)
        yield _counter("bodies_made", "Bodies made, at most one for a view and change.", shelf.made)
        yield _counter("bodies_compressed", "Bodies compressed, at most one for a body and encoding.", shelf.compressed)
        yield _counter("encodings_made", "Markets and events encoded.", encoded.made)

        yield from self._load()

    def _load(self) -> Iterator[Metric]:
        past = self._past
        yield _gauge("delay_seconds", "Time that what is handled now has waited.", past.pressure.delay_s)
        shed = CounterMetricFamily(f"{_PREFIX}_shed", "Requests turned away, as others waited.", labels=["what"])
        for what in get_args(What):
            shed.add_metric([what], past.pressure.shed[what])
        yield shed
        yield _gauge("history_waiting", "Questions to the archive that wait for a connection.", len(past.queue))
        yield _counter("history_shed", "Questions turned away, as there was too much to do.", past.health.shed)
        yield _counter("history_unanswered", "Questions the database did not answer.", past.health.unanswered)

    def _requests(self) -> Iterator[Metric]:
        answers = CounterMetricFamily(f"{_PREFIX}_requests", "Requests answered.", labels=["route", "status"])
        took = HistogramMetricFamily(f"{_PREFIX}_request_seconds", "Time to answer.", labels=["route"])
        for name, route in self._traffic.routes.items():
            for status, times in route.answers.items():
                answers.add_metric([name, str(status)], times)
            total, buckets = 0, []
            for bound, times in zip((*map(str, BUCKETS_S), "+Inf"), route.buckets):
                total += times
                buckets.append((bound, total))
            took.add_metric([name], buckets, route.sum_s)
        yield from (answers, took)

    def _access(self, guard: Guard) -> Iterator[Metric]:
        verifier = guard.verifier
        yield _gauge("known_keys", "API keys that were verified and are remembered.", len(verifier.keys))
        yield _gauge("known_tokens", "Tokens, likewise.", len(verifier.tokens))
        yield _gauge("revocations_age_seconds", "Since revocations were last read.", verifier.revocations_age_s)
        yield _counter("quotas_unsettled", "Settlements of quotas that failed.", guard.meters.failures)

    def _book(self) -> Iterator[Metric]:
        book = self._reading.book
        yield _counter("records", "Records read from the log.", book.records)
        yield _counter("records_refused", "Records that could not be read.", book.refused)
        joined = GaugeMetricFamily(f"{_PREFIX}_lane_joined", "1 where the lane is held whole.", labels=["lane"])
        position = GaugeMetricFamily(f"{_PREFIX}_lane_position", "Position read up to.", labels=["lane"])
        entries = GaugeMetricFamily(f"{_PREFIX}_lane_entries", "Markets and events held.", labels=["lane"])
        age = GaugeMetricFamily(
            f"{_PREFIX}_book_age_seconds", "Time since the lane's newest record came; feeds beat.", labels=["lane"]
        )
        for lane in book.lanes:
            label = [str(lane.number)]
            joined.add_metric(label, int(lane.joined))
            position.add_metric(label, lane.book.position)
            entries.add_metric(label, len(lane.book))
            if lane.joined:
                age.add_metric(label, max(book.now_ms - lane.heard_ms, 0) / 1000)
        yield from (joined, position, entries, age)


def _money(service: BetsService) -> Iterator[Metric]:
    gate, finals = service.gate, service.finals
    yield _gauge("money_wait_seconds", "How long a bet that came now would wait for the database.", gate.expected_s)
    yield _counter("money_statements", "Statements of bets and money that had their turn.", gate.passed)
    yield _counter("money_shed", "Of those turned away, as they would have waited too long.", gate.shed)
    yield _gauge("finals", "Final answers that are kept.", len(finals))
    yield _gauge("finals_bytes", "Memory they take.", finals.held_bytes)
    yield _counter("claims_unanswered", "Questions Coordination did not answer, or in time.", service.claims.unanswered)
    yield _counter("bets_decided", "Bets decided after the in-play delay.", service.accepting.decided)


def exposition(collector: GatewayCollector) -> CollectorRegistry:
    """A registry of this gateway's metrics and its process's."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"{_PREFIX}_{name}", text, value=value)
