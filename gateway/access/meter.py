"""How much of a plan is used: a rate by the second in the worker, a quota by the UTC day in the installation. Pure.

The rate is a bucket of `burst` that fills by `per_s` (as GCRA: one number, ITU-T I.371): each worker's own, and its
share of the plan's. The quota is counted in the worker and settled in blocks (gateway/access/settling.py): a request
passes where what the installation had counted at the last settlement, and what this worker has added since, is below
it. A worker never holds more than a block that is not settled, so of W workers the day's requests are at most

    per_day + W x block,   block = min(per_day / 20, 2 x per_s + burst), at least 1

as long as settling works. While it fails a worker lets through on its own count alone: at most a whole quota each.
(`limits`, the library for this, takes 4 to 8 us a hit in memory, more than all else of a read together; and no blocks.)
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from gateway.access.principal import Plan

DAY_S = 86_400

Headers = list[tuple[str, str]]


class Denied(NamedTuple):
    """Not now. `code` is the problem's."""

    code: str
    retry_after_s: int


class Meter:
    """Of one subject in one worker. `now_s` is Unix time throughout; `share`: the part of the rate that is this
    worker's. `due` is where it puts itself once there is something to settle."""

    __slots__ = (
        "__weakref__", "_asked", "_begins_s", "_busy_s", "_due", "_ends_s", "_failing", "_fresh", "_full_s",
        "_interval_s", "_per_day", "_policy", "_queued", "_room_s", "_settled", "block", "plan", "subject",
    )  # fmt: skip

    def __init__(self, subject: str, plan: Plan, due: list[Meter], *, share: float = 1.0) -> None:
        self.subject = subject
        self.plan = plan
        self.block = block_of(plan)
        self._per_day = plan.per_day
        self._due = due
        self._queued = False
        self._begins_s = self._ends_s = 0
        self._settled = self._asked = self._fresh = 0
        self._failing = False
        self._interval_s = 0.0 if plan.per_s is None else 1 / (plan.per_s * share)
        self._room_s = self._interval_s * max(1.0, plan.burst * share)
        self._full_s = self._busy_s = 0.0
        self._policy = ("ratelimit-policy", _policy(plan, self._room_s, self._interval_s))

    @property
    def day(self) -> int:
        """That which is counted: days since Unix time 0."""
        return self._begins_s // DAY_S

    @property
    def used(self) -> int:
        """Requests of the day, as far as this worker knows."""
        return self._settled + self._asked + self._fresh

    def take(self, now_s: float) -> Denied | None:
        """Counts a request, or says why it may not be."""
        if not self._begins_s <= now_s < self._ends_s:
            self._begin(int(now_s // DAY_S))
        busy_s = self._full_s - now_s
        if busy_s < 0 or busy_s > self._room_s + _ROUNDING_S:  # more than a bucket holds: the clock was put back
            busy_s = 0.0
        self._busy_s = busy_s
        busy_s += self._interval_s
        if busy_s > self._room_s + _ROUNDING_S:
            return Denied("rate_limited", max(1, ceil(busy_s - self._room_s)))
        per_day = self._per_day
        if per_day is not None:
            unsettled = self._asked + self._fresh
            if self._settled + unsettled >= per_day:
                return Denied("quota_exceeded", ceil(self._ends_s - now_s))
            if unsettled >= self.block and not self._failing:
                return Denied("rate_limited", 1)
            self._fresh += 1
            if not self._queued:
                self._queued = True
                self._due.append(self)
        self._full_s = now_s + busy_s
        self._busy_s = busy_s
        return None

    def headers(self, now_s: float) -> Headers:
        """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10), as of the last `take`."""
        if self._per_day is None:
            said = f'"burst";r={self._free()};t={ceil(self._busy_s)}'
        else:
            left = self._per_day - self._settled - self._asked - self._fresh
            said = f'"day";r={max(0, left)};t={self._ends_s - int(now_s)}'
            if self._interval_s:
                said += f', "burst";r={self._free()};t={ceil(self._busy_s)}'
        return [self._policy, ("ratelimit", said)]

    def ask(self) -> int:
        """What is to be settled now; until `settled` or `unsettled` it is under way. 0: nothing."""
        assert not self._asked
        self._queued = False
        self._asked, self._fresh = self._fresh, 0
        return self._asked

    def settled(self, total: int, day: int) -> None:
        """The installation counts `total` requests of a day, ours included."""
        self._failing = False
        self._asked = 0
        if day == self.day:
            self._settled = total

    def unsettled(self, *, in_doubt: bool) -> None:
        """It was not counted; or nobody knows: then it is not counted again, in the customer's favour."""
        self._failing = True
        if in_doubt:
            self._settled += self._asked
        else:
            self._fresh += self._asked
        self._asked = 0
        if self._fresh and not self._queued:
            self._queued = True
            self._due.append(self)

    def _begin(self, day: int) -> None:
        """What yesterday left unsettled is forgotten."""
        self._begins_s = day * DAY_S
        self._ends_s = self._begins_s + DAY_S
        self._settled = self._fresh = self._asked = 0

    def _free(self) -> int:
        """Requests that the bucket still takes at once."""
        return int((self._room_s - self._busy_s + _ROUNDING_S) // self._interval_s)


_ROUNDING_S = 1e-6
"""Unix time as a float has steps of 0.2 us."""


def block_of(plan: Plan) -> int:
    """Requests that a worker may leave unsettled."""
    if plan.per_day is None:
        return 0
    block = plan.per_day // 20
    return max(1, block if plan.per_s is None else min(block, 2 * plan.per_s + plan.burst))


def _policy(plan: Plan, room_s: float, interval_s: float) -> str:
    said = [] if plan.per_day is None else [f'"day";q={plan.per_day};w={DAY_S}']
    if interval_s:
        said.append(f'"burst";q={int(room_s / interval_s + _ROUNDING_S)};w={max(1, ceil(room_s))}')
    return ", ".join(said)
