"""Every metric of settlement, in one place."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.settlement.steps import Step

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class SettlementMetrics:
    """Counters and gauges of one settler, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.results = Counter(
            "oddswire_settlement_results",
            "Results read, by what became of them: new, held, known, refused",
            ("outcome",),
            registry=self.registry,
        )
        self.changes = self._counter("changes", "Markets whose outcome changed")
        self.missed = self._counter("missed", "Results that the log had forgotten before they were read")
        self.logs_lost = self._counter("logs_lost", "Times another log of results was found than before")
        self.bets = Counter(
            "oddswire_settlement_bets", "Steps of bets, by the state they led to", ("state",), registry=self.registry
        )
        self.batches = self._counter("batches", "Transactions that settled bets")
        self.failures = self._counter("failures", "Times the log or the database failed, and it began anew")
        self.owed = self._counter("owed_minor", "Minor units that users owe since, by steps beyond their cash")
        self.seconds = Histogram(
            "oddswire_settlement_seconds",
            "From the recording of a result to a bet that is settled by it",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.backlog = Gauge(
            "oddswire_settlement_backlog_markets", "Markets whose bets are to be settled", registry=self.registry
        )
        self.corrections = Counter(
            "oddswire_settlement_corrections",
            "Corrections of what providers said that were applied, by the state they came to",
            ("state",),
            registry=self.registry,
        )
        self.corrections_waiting = Gauge(
            "oddswire_settlement_corrections_waiting",
            "Corrections of what providers said that somebody is to approve, or to look at",
            registry=self.registry,
        )
        self.waiting_seconds = Gauge(
            "oddswire_settlement_backlog_seconds", "Age of the oldest of them", registry=self.registry
        )

    def settled(self, step: Step, seconds: float) -> None:
        """A step was written, so long after its result was recorded."""
        self.bets.labels(step.target.state).inc()
        self.seconds.observe(seconds)
        if step.receivable < 0:
            self.owed.inc(-step.receivable)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"oddswire_settlement_{name}", text, registry=self.registry)
