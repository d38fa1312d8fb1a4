"""What was answered: by route and status how often, by route how long it took. Plain numbers, read when asked for."""

from __future__ import annotations

from bisect import bisect_left

BUCKETS_S = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Upper bounds of the duration histogram. From the first byte handed to us to the last byte handed to the server."""


class RouteTraffic:
    """One route: answers by status, requests in each bucket (the last without bound), and their time together."""

    __slots__ = ("answers", "buckets", "sum_s")

    def __init__(self) -> None:
        self.answers: dict[int, int] = {}
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self.sum_s = 0.0


class Traffic:
    """Counts of one process. Routes come from our own table, statuses from our own answers: both are few."""

    def __init__(self) -> None:
        self.routes: dict[str, RouteTraffic] = {}

    def count(self, name: str, status: int, took_s: float) -> None:
        """One request is over. Status 0: the client was gone before it was answered."""
        route = self.routes.get(name)
        if route is None:
            route = self.routes[name] = RouteTraffic()
        route.answers[status] = route.answers.get(status, 0) + 1
        route.buckets[bisect_left(BUCKETS_S, took_s)] += 1
        route.sum_s += took_s
