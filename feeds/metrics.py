"""Every metric of an ingestor, in one place."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_ACK_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class FeedMetrics:
    """Counters and gauges of one ingestor process, in a registry of its own. Those of a lane have the label `lane`,
    those of the leadership the label `feed`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        lane, feed = ("lane",), ("feed",)
        self.leading = Gauge(
            "oddswire_feed_leading", "1 while this process leads the feed", feed, registry=self.registry
        )
        self.takeovers = Counter(
            "oddswire_feed_takeovers",
            "Times this process took the feed over and became live",
            feed,
            registry=self.registry,
        )
        self.lease_epoch = Gauge(
            "oddswire_feed_lease_epoch", "Epoch of the lease when it was last granted", feed, registry=self.registry
        )
        self.states_in = Counter("oddswire_feed_states_in", "States the provider gave", registry=self.registry)
        self.states_refused = Counter(
            "oddswire_feed_states_refused", "States too large for the log", registry=self.registry
        )
        self.states_withheld = self._counter("states_withheld", "States not written because another feed owns them")
        self.states_rewritten = self._counter("states_rewritten", "States written late, or again, over another feed's")
        self.states_overlaid = self._counter("states_overlaid", "States written anew because a desk's overlay changed")
        self.states_stored = self._counter("states_stored", "States the log acknowledged")
        self.conflated = Gauge(
            "oddswire_feed_states_conflated",
            "States replaced by newer ones before they were sent, since start",
            lane,
            registry=self.registry,
        )
        self.batches = self._counter("batches", "Writes the log acknowledged")
        self.refused = self._counter("writes_refused", "Writes whose fence did not hold")
        self.unknown = self._counter("writes_unknown", "Writes whose outcome was not known")
        self.logs_lost = self._counter("logs_lost", "Times the lane's log was found lost")
        self.refreshed = self._counter("records_refreshed", "Records written anew before they aged")
        self.results_published = self._counter("results_published", "Results acknowledged, or known already")
        self.results_dropped = self._counter("results_dropped", "Results given up at the limit of those that wait")
        self.results_waiting = Gauge(
            "oddswire_feed_results_waiting", "Results that wait to be published", lane, registry=self.registry
        )
        self.waiting = Gauge(
            "oddswire_feed_states_waiting", "States that wait to be sent", lane, registry=self.registry
        )
        self.log_replicas = Gauge(
            "oddswire_feed_log_replicas", "Servers that hold the lane as it is now", lane, registry=self.registry
        )
        self.log_replicas_wanted = Gauge(
            "oddswire_feed_log_replicas_wanted", "Servers that should hold each lane", registry=self.registry
        )
        self.ack_seconds = Histogram(
            "oddswire_feed_ack_seconds",
            "From sending a write to its acknowledgement",
            lane,
            registry=self.registry,
            buckets=_ACK_BUCKETS_S,
        )

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"oddswire_feed_{name}", text, ("lane",), registry=self.registry)
