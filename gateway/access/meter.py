"""How much of a plan is used: a rate by the second and a quota by the UTC day, each of the installation. Pure.

The rate is a bucket of `burst` that fills by `per_s` (as GCRA: one number, ITU-T I.371), twice: one in coordination for
all workers, from which a worker takes ahead (gateway/access/taking.py), and its own, which decides. A request that has
a token costs a place in its own bucket as the plan says; one that has none costs what it would if only this worker's
share were bought, and is owed: its token is taken with the next. A worker that owes more than coordination had is shut
until that is taken, or for SHUT_S without an answer. So of W workers no stretch of `s` seconds has more requests than

    burst + per_s x s + W x (block + max(1, share x burst) + share x per_s x round + 1)

block = per_s / 10, at least 1, a round being 100 ms and the answer's time; what is owed is taken in the end, so that in
the long run it is `per_s`. A worker alone is as exact as its bucket. While coordination is away, or nobody knows what
it did, nothing is owed and nobody is shut: the workers have W x share x (burst + per_s x s).

The quota is counted in the worker and settled in blocks (gateway/access/settling.py): a request passes where what the
installation had counted at the last settlement, and what this worker has added since, is below it. A worker never holds
more than a block that is not settled, so of W workers the day's requests are at most

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
    worker's without tokens. `due` is where it puts itself once there is something to settle, `takes` once it wants
    tokens; without `takes` the rate is its share of the plan's, and nobody else's concern."""

    __slots__ = (
        "__weakref__", "_ahead", "_asked", "_begins_s", "_busy_s", "_due", "_ends_s", "_failing", "_fresh", "_full_s",
        "_interval_s", "_per_day", "_policy", "_queued", "_room_s", "_settled", "_share_s", "_shut_s", "_takes",
        "_tokens", "_wanting", "block", "plan", "subject",
    )  # fmt: skip

    def __init__(
        self, subject: str, plan: Plan, due: list[Meter], *, share: float = 1.0, takes: list[Meter] | None = None
    ) -> None:
        self.subject = subject
        self.plan = plan
        self.block = block_of(plan)
        self._per_day = plan.per_day
        self._due = due
        self._queued = False
        self._begins_s = self._ends_s = 0
        self._settled = self._asked = self._fresh = 0
        self._failing = False
        self._takes = None if plan.per_s is None else takes
        self._tokens = 0
        self._wanting = False
        self._shut_s = 0.0
        self._ahead = ahead_of(plan)
        self._share_s = 0.0 if plan.per_s is None else 1 / (plan.per_s * share)
        self._interval_s = self._share_s if self._takes is None else self._share_s * share
        self._room_s = self._share_s * max(1.0, plan.burst * share)
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
        if self._takes is None or self._tokens > 0:
            busy_s += self._interval_s
        else:
            self._want(self._takes)
            if self._is_shut(now_s):
                return Denied("rate_limited", max(1, ceil(-self._tokens * self._interval_s)))
            busy_s += self._share_s
        if busy_s > self._room_s + _ROUNDING_S:
            return Denied("rate_limited", max(1, ceil(busy_s - self._room_s)))
        if self._per_day is not None and (denied := self._count(self._per_day, now_s)) is not None:
            return denied
        self._tokens -= 1
        self._full_s = now_s + busy_s
        self._busy_s = busy_s
        return None

    def headers(self, now_s: float) -> Headers:
        """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10), as of the last `take`."""
        if self._per_day is None:
            said = f'"burst";r={self._free(now_s)};t={ceil(self._busy_s)}'
        else:
            left = self._per_day - self._settled - self._asked - self._fresh
            said = f'"day";r={max(0, left)};t={self._ends_s - int(now_s)}'
            if self._interval_s:
                said += f', "burst";r={self._free(now_s)};t={ceil(self._busy_s)}'
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

    def _count(self, per_day: int, now_s: float) -> Denied | None:
        """Against the quota."""
        unsettled = self._asked + self._fresh
        if self._settled + unsettled >= per_day:
            return Denied("quota_exceeded", ceil(self._ends_s - now_s))
        if unsettled >= self.block and not self._failing:
            return Denied("rate_limited", 1)
        self._fresh += 1
        if not self._queued:
            self._queued = True
            self._due.append(self)
        return None

    def wants(self) -> int:
        """Tokens to be taken now: what is owed, and a block ahead. Until `got` or `got_none` that is under way."""
        return max(0, self._ahead - self._tokens)

    def got(self, tokens: int, now_s: float) -> None:
        """So many were taken. Who still owes asks again, and is shut meanwhile."""
        self._tokens += tokens
        self._wanting = False
        self._shut_s = now_s + SHUT_S if self._tokens < -OWED_OPEN else 0.0
        if self._tokens < 0 and self._takes is not None:
            self._want(self._takes)

    def got_none(self) -> None:
        """Coordination did not say: what is owed is let go, in the customer's favour; the worker's share goes on."""
        self._tokens = max(0, self._tokens)
        self._wanting = False
        self._shut_s = 0.0

    def _want(self, takes: list[Meter]) -> None:
        if not self._wanting:
            self._wanting = True
            takes.append(self)

    def _is_shut(self, now_s: float) -> bool:
        """A clock that is put back shuts nobody out."""
        return now_s < self._shut_s <= now_s + SHUT_S

    def _begin(self, day: int) -> None:
        """What yesterday left unsettled is forgotten."""
        self._begins_s = day * DAY_S
        self._ends_s = self._begins_s + DAY_S
        self._settled = self._fresh = self._asked = 0

    def _free(self, now_s: float) -> int:
        """Requests that it still takes at once."""
        left_s = self._room_s - self._busy_s + _ROUNDING_S
        free = int(left_s // self._interval_s)
        tokens = max(0, self._tokens)
        if self._takes is None or free <= tokens:
            return free
        if not tokens and self._is_shut(now_s):
            return 0
        return min(self.plan.burst, tokens + int((left_s - tokens * self._interval_s) // self._share_s))


_ROUNDING_S = 1e-6
"""Unix time as a float has steps of 0.2 us."""


SHUT_S = 0.5
"""A worker that owes goes on by its share where coordination has not answered for so long."""

OWED_OPEN = 1
"""Owed by a worker that is not shut: clocks differ by a little, and a worker alone is not to stumble over that."""


def ahead_of(plan: Plan) -> int:
    """Tokens that a worker takes ahead at once, and holds at most while nobody asks."""
    return 0 if plan.per_s is None else max(1, plan.per_s // 10)


def block_of(plan: Plan) -> int:
    """Requests that a worker may leave unsettled."""
    if plan.per_day is None:
        return 0
    block = plan.per_day // 20
    return max(1, block if plan.per_s is None else min(block, 2 * plan.per_s + plan.burst))


def _policy(plan: Plan, room_s: float, interval_s: float) -> str:
    said = [] if plan.per_day is None else [f'"day";q={plan.per_day};w={DAY_S}']
    if interval_s:
        said.append(f'"burst";q={min(plan.burst, int(room_s / interval_s + _ROUNDING_S))};w={max(1, ceil(room_s))}')
    return ", ".join(said)
