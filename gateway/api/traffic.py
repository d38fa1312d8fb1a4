"""What was answered: by route and status how often, by route how long it took. Plain numbers, read when asked for."""

from __future__ import annotations

from bisect import bisect_left

BUCKETS_S = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Upper bounds of the duration histogram. From the first byte handed to us to the last byte handed to the server."""


class Durations:
    """One route's histogram: requests in each bucket, the last without bound; and their sum."""

    __slots__ = ("buckets", "sum_s")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self.sum_s = 0.0


class Traffic:
    """Counts of one process. Routes come from our own table, statuses from our own answers: both are few."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, int], int] = {}
        self.durations: dict[str, Durations] = {}

    def count(self, route: str, status: int, took_s: float) -> None:
        """One request is over. Status 0: the client was gone before it was answered."""
        key = (route, status)
        self.answers[key] = self.answers.get(key, 0) + 1
        durations = self.durations.get(route)
        if durations is None:
            durations = self.durations[route] = Durations()
        durations.buckets[bisect_left(BUCKETS_S, took_s)] += 1
        durations.sum_s += took_s
