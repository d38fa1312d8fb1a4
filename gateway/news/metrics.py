"""Every metric of who tells account news, in one place."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class NewsMetrics:
    """Counters and gauges of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.told = self._counter("told", "News published to shards")
        self.too_large = self._counter("too_large", "News left out for their size: devices ask for them")
        self.began = self._counter("began", "Times it began to tell, after its start or an outage of the bus")
        self.failures = self._counter("failures", "Looks at the outbox that failed")
        self.answered = self._counter("answered", "Questions of shards answered, by account")
        self.turned_away = self._counter(
            "turned_away", "Messages of shards not answered, as too many wait or it failed"
        )
        self.revoked = self._counter("revoked", "Revocations told to shards")
        self.backlog = self._gauge("backlog", "News that the last look found; a full page means that more wait")
        self.publish_seconds = Histogram(
            "oddswire_news_publish_seconds",
            "From a transaction's time to the bus",
            registry=self.registry,
            buckets=_BUCKETS_S,
        )

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"oddswire_news_{name}", text, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"oddswire_news_{name}", text, registry=self.registry)
