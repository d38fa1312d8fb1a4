"""The shards of a touchdown: numbers in arrays, one place a shard; some places are empty until something is bought.

Devices are never lost and never made: `devices` is what came, whatever happens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.capacity.shard import Numbers
from bench.capacity.sizing import SOCKETS_MAX, Demand

SPARE = 2
"""Places for shards, for each that there is at first."""


class Fleet:
    """`up`: who serves; `live` and `queue`: devices that are live, or connected and not yet; `lanes`: that it reads;
    `away` by region and group: who is between shards. `ordered`, `ready_s`: what autoscaling bought; `draining`: being
    replaced."""

    def __init__(
        self, region: NDArray[np.int64], zone: NDArray[np.int64], group: NDArray[np.int64], lanes: int
    ) -> None:
        places = len(region)
        self.region, self.zone, self.group = region, zone, group
        self.up = np.zeros(places, bool)
        self.ordered, self.draining, self._dead = (np.zeros(places, bool) for _ in range(3))
        self.ready_s = np.full(places, np.inf)
        self.live, self.queue, self.backlog_s = np.zeros(places), np.zeros(places), np.zeros(places)
        self.lanes = np.full(places, float(lanes))
        self.away = np.zeros((region.max() + 1, group.max() + 1))
        self._weights = np.zeros(group.max() + 1)
        self._cell = region * (group.max() + 1) + group

    @classmethod
    def of(cls, demand: Demand, hot: float, shards: int) -> Fleet:
        """So many shards, spread over regions, groups by who watches them, and zones in turn."""
        weights = np.full(demand.groups, (1 - hot) / demand.groups)
        weights[0] += hot
        wanted = np.maximum(weights * shards / demand.regions, demand.zones)
        each = np.floor(wanted).astype(int)
        missing = max(shards // demand.regions - int(each.sum()), 0)
        for group in np.argsort(each - wanted)[: missing % demand.groups or missing]:
            each[group] += 1
        rows = [
            (region, number % demand.zones, group, number < count)
            for region in range(demand.regions)
            for group, count in enumerate(each)
            for number in range(SPARE * count)
        ]
        region, zone, group, there = (np.array(column) for column in zip(*rows, strict=True))
        fleet = cls(region, zone, group, min(demand.lanes_per_shard, demand.lanes))
        fleet.up = there.astype(bool)
        fleet._weights = weights
        return fleet

    @property
    def devices(self) -> float:
        """All that came."""
        return float(self.live.sum() + self.queue.sum() + self.away.sum())

    def settle(self, devices: float) -> None:
        """Before anything happens: evenly over the shards of each group and region."""
        share = devices * self._weights / self.away.shape[0]
        there = self._sums(self.up.astype(float))
        self.live = np.where(self.up, share[self.group] / np.maximum(there[self._cell], 1), 0.0)

    def lose_zone(self, region: int, zone: int) -> None:
        """All of its shards, and nothing will be bought there."""
        self._dead |= (self.region == region) & (self.zone == zone)
        self.lose(self._dead)

    def lose(self, gone: NDArray[np.bool_]) -> None:
        """They serve no more; their devices are away."""
        self._away(np.where(gone, self.live + self.queue, 0.0))
        for numbers in (self.live, self.queue, self.backlog_s):
            numbers[gone] = 0.0
        self.up &= ~gone
        self.ordered &= ~gone

    def move(self, moving: NDArray[np.bool_], share: float) -> None:
        """Of their live devices a share is told to go elsewhere."""
        leaving = np.where(moving & self.up, self.live * min(share, 1.0), 0.0)
        self.live -= leaving
        self._away(leaving)

    def begin(self, ready: NDArray[np.bool_]) -> None:
        """They serve."""
        self.up |= ready
        self.ordered &= ~ready
        self.ready_s[ready] = np.inf

    def drain(self, share: float) -> None:
        """Every so many-th of the shards that serve begins to drain."""
        serving = np.nonzero(self.up)[0]
        if share > 0:
            every = min(1 / share, len(serving))  # a share may be so small that its inverse is no number
            self.draining[serving[:: max(round(every), 1)]] = True

    def order(self, room: int, ready_s: float) -> None:
        """As many shards as devices need, where more are needed than serve or are on their way."""
        have = self._sums((self.up | self.ordered).astype(float))
        want = np.ceil((self._sums(self.live + self.queue) + self.away.ravel()) / room)
        missing = np.maximum(want - have, 0)
        free = ~(self.up | self.ordered | self.draining | self._dead)
        place = np.zeros(len(free))
        for cell in np.nonzero(missing)[0]:
            mine = np.nonzero(free & (self._cell == cell))[0]
            place[mine[: int(missing[cell])]] = 1
        ordered = place > 0
        self.ordered |= ordered
        self.ready_s[ordered] = ready_s

    def admit(self, arrivals: Numbers, takes: NDArray[np.bool_], waiting_max: float) -> None:
        """Newcomers by region and group; who finds no shard is away."""
        room = np.where(takes, np.minimum(waiting_max - self.queue, SOCKETS_MAX - self.live - self.queue), 0.0)
        room = np.maximum(room, 0.0)
        rest = self._fill(arrivals.ravel(), room, self._cell)
        self._spill(rest.reshape(self.away.shape), room)

    def _fill(self, arrivals: Numbers, room: Numbers, cell: NDArray[np.int64]) -> Numbers:
        """Puts them where there is room, as there is; gives those that are left, by cell. `room` becomes less."""
        there = np.bincount(cell, room, len(arrivals))
        taken = np.minimum(arrivals, there)
        share = np.divide(taken, there, out=np.zeros_like(there), where=there > 0)
        added = room * share[cell]
        self.queue += added
        room -= added
        return arrivals - taken

    def _spill(self, rest: Numbers, room: Numbers) -> None:
        """To shards of other groups, which read the newcomers' lane as well."""
        left = rest.sum(axis=1)
        if not left.any():
            return
        before = self.queue.copy()
        over = self._fill(left, room, self.region)
        strangers = self.queue > before
        self.lanes[strangers] = np.maximum(self.lanes[strangers], self.lanes.min() + 1)
        kept = np.divide(over, left, out=np.zeros_like(left), where=left > 0)
        self.away += rest * kept[:, None]

    def _away(self, devices: Numbers) -> None:
        self.away += self._sums(devices).reshape(self.away.shape)

    def _sums(self, numbers: Numbers) -> Numbers:
        """By region and group."""
        sums: Numbers = np.bincount(self._cell, numbers, self.away.size).astype(np.float64)
        return sums
