"""Every metric of the archiver, in one place."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_COMMIT_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class HistoryMetrics:
    """Counters and gauges of one archiver, in a registry of its own. Those of a lane have the label `lane`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.records = self._counter("records", "Records read and committed, beats and refreshes included")
        self.changes = self._counter("changes", "Rows added: changes of markets and events")
        self.repeats = self._counter("repeats", "Refreshes and repetitions, which add no row")
        self.holes = self._counter("holes", "Positions the archive lacks for ever")
        self.failures = self._counter("failures", "Times archiving began anew after log or database failed")
        self.pending = self._gauge("pending_records", "Records the log holds and the archive does not")
        self.lag = self._gauge("lag_seconds", "Age of the oldest record that is not archived")
        self.alarm = self._gauge("lag_alarm", "1 while the lag is above a tenth of the log's age")
        self.position = self._gauge("position", "Position archived up to")
        self.active = Gauge(
            "oddswire_history_active", "1 where this archiver works, 0 where it waits", registry=self.registry
        )
        self.commit_seconds = Histogram(
            "oddswire_history_commit_seconds",
            "Writing and committing one batch",
            ("lane",),
            registry=self.registry,
            buckets=_COMMIT_BUCKETS_S,
        )

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"oddswire_history_{name}", text, ("lane",), registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"oddswire_history_{name}", text, ("lane",), registry=self.registry)
