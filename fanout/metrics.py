"""What a shard tells Prometheus. Read from the shard when asked, so that counting costs the hot path nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fanout.listener import Front
from fanout.pulse import now_ms
from fanout.scheduler import quantiles


class ShardCollector(Collector):
    """Every metric of a shard, in one place. Names end in their unit (Prometheus naming practice)."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now."""
        shard, sessions, placement = self._front.shard, self._front.shard.sessions, self._front.shard.placement
        yield _gauge("sockets", "Connected devices.", len(self._front.connections))
        yield _gauge("catching_up", "Devices in catch-up.", len(placement.catching_up))
        yield _gauge("full", "Devices whose socket is full.", len(placement.full))
        yield _gauge("owed", "Devices in catch-up that wait for their next chunk.", placement.owed)
        admission_lag_s = self._front.pulse.admission.lag_p99_ms / 1000
        yield _gauge(
            "admission_lag_seconds", "Lateness by which devices are refused: p99 of a second.", admission_lag_s
        )
        yield _counter("records", "Records read from the log.", shard.records)
        yield _counter("records_refused", "Records that could not be read.", shard.refused)
        yield _counter("boards", "Boards read: one for joining a lane, one more for every hole.", shard.boards)
        yield _by("closed", "Connections closed by the shard.", "code", sessions.closed.items())
        yield _by("refused", "Connections refused before the upgrade.", "reason", self._front.refused.items())
        yield from self._tiers()
        yield from self._lanes()
        yield from self._accounts()

    def _accounts(self) -> Iterator[Metric]:
        accounts = self._front.shard.accounts
        yield _gauge("accounts", "Accounts whose news somebody hears here.", len(accounts))
        yield _gauge("account_devices", "Devices that hear news of their account.", accounts.devices)
        yield _gauge("account_lacking", "Of them those that wait for what they lack.", accounts.lacking)
        yield _counter("account_news", "News of accounts written to devices.", accounts.told)
        yield _counter(
            "account_unanswered", "Questions about an account that nobody answered.", accounts.unanswered_times
        )
        lag = GaugeMetricFamily(
            "oddswire_fanout_account_lag_seconds",
            "From a transaction's time to the device's socket, of the last thousand.",
            labels=["quantile"],
        )
        lag_ms = quantiles(accounts.lags_ms)
        lag.add_metric(["0.5"], lag_ms["p50"] / 1000)
        lag.add_metric(["0.99"], lag_ms["p99"] / 1000)
        yield lag

    def _tiers(self) -> Iterator[Metric]:
        frames = CounterMetricFamily("oddswire_fanout_frames", "Shared frames written to devices.", labels=["tier_ms"])
        writes = CounterMetricFamily(
            "oddswire_fanout_writes", "Writes by which they went, several of them at once.", labels=["tier_ms"]
        )
        deliveries = CounterMetricFamily(
            "oddswire_fanout_deliveries", "Market changes written to devices.", labels=["tier_ms"]
        )
        cohorts = GaugeMetricFamily("oddswire_fanout_cohorts", "Distinct sets of topics.", labels=["tier_ms"])
        lag = GaugeMetricFamily(
            "oddswire_fanout_tick_lag_seconds", "How late flushes end.", labels=["tier_ms", "quantile"]
        )
        clocks = self._front.pulse.clocks
        for interval_ms in self._front.settings.tiers_ms:
            label = str(interval_ms)
            phases = [tier for tier in clocks if tier.interval_ms == interval_ms]
            frames.add_metric([label], sum(tier.frames for tier in phases))
            writes.add_metric([label], sum(tier.writes for tier in phases))
            deliveries.add_metric([label], sum(tier.deliveries for tier in phases))
            cohorts.add_metric([label], sum(len(tier.cohorts) for tier in phases))
            lag_ms = quantiles(lag for tier in phases for lag in clocks[tier].lags_ms)
            lag.add_metric([label, "0.5"], lag_ms["p50"] / 1000)
            lag.add_metric([label, "0.99"], lag_ms["p99"] / 1000)
        yield from (frames, writes, deliveries, cohorts, lag)

    def _lanes(self) -> Iterator[Metric]:
        joined = GaugeMetricFamily("oddswire_fanout_lane_joined", "1 where the lane is read densely.", labels=["lane"])
        position = GaugeMetricFamily("oddswire_fanout_lane_position", "Position read up to.", labels=["lane"])
        markets = GaugeMetricFamily("oddswire_fanout_lane_entries", "Markets and events held.", labels=["lane"])
        age = GaugeMetricFamily("oddswire_fanout_source_age_seconds", "Age of the newest beat.", labels=["source"])
        for lane in self._front.shard.board.lanes:
            label = str(lane.number)
            joined.add_metric([label], int(lane.joined))
            position.add_metric([label], lane.book.position)
            markets.add_metric([label], len(lane.book))
            for source, age_ms in lane.sources.ages_ms(now_ms()).items():
                age.add_metric([source], age_ms / 1000)
        yield from (joined, position, markets, age)


def exposition(front: Front) -> CollectorRegistry:
    """A registry of this shard's metrics and its process's."""
    registry = CollectorRegistry()
    registry.register(ShardCollector(front))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def render(registry: CollectorRegistry) -> bytes:
    """The text that Prometheus reads."""
    return generate_latest(registry)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"oddswire_fanout_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"oddswire_fanout_{name}", text, value=value)


def _by(name: str, text: str, label: str, counts: Iterable[tuple[object, int]]) -> Metric:
    family = CounterMetricFamily(f"oddswire_fanout_{name}", text, labels=[label])
    for key, count in counts:
        family.add_metric([str(key)], count)
    return family
