"""One device's connection as the shard keeps it: a few hundred bytes; what is larger is shared, or lives in a walk."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from fanout.catchup import Walk
from fanout.cohorts import Cohort
from fanout.contract.cursor import Cursor
from fanout.contract.messages import Subscribe, Unsubscribe
from fanout.contract.tickets import Grant
from fanout.contract.topics import Topic
from fanout.ports import Outlet


class Request(NamedTuple):
    """A subscribe or unsubscribe that was understood. `cursor` None: there was none, or it was none."""

    said: Subscribe | Unsubscribe
    topics: tuple[Topic, ...]
    cursor: Cursor | None


class Device:
    """A connected device. With a `walk` it catches up and gets no shared frames; without, it is in its cohort.

    `blocked_ms`: since when its socket has been full. `waiting`: requests that the log must
    reach first, and since when. `tokens` bounds its messages. `grant`: what its ticket lets it hear, None for all.
    `forgot`: the log was lost while it was connected, so it was told to forget all it held.
    """

    __slots__ = (
        "blocked_ms",
        "cohort",
        "forgot",
        "grant",
        "left",
        "number",
        "opened_ms",
        "outlet",
        "slow_since_ms",
        "tokens",
        "tokens_ms",
        "waiting",
        "waiting_ms",
        "walk",
    )

    def __init__(self, number: int, outlet: Outlet, *, now_ms: int, tokens: float, grant: Grant | None = None) -> None:
        self.number = number
        self.outlet = outlet
        self.grant = grant
        self.opened_ms = now_ms
        self.left = False
        self.forgot = False
        self.cohort: Cohort | None = None
        self.walk: Walk | None = None
        self.blocked_ms: int | None = None
        self.slow_since_ms: int | None = None
        self.waiting: deque[Request] | None = None
        self.waiting_ms = 0
        self.tokens = tokens
        self.tokens_ms = now_ms

    def is_full(self) -> bool:
        """Whether its socket is full."""
        return self.blocked_ms is not None

    def send(self, payload: bytes, cursor: str | None = None) -> None:
        """A message for this device alone."""
        outlet = self.outlet
        outlet.write(outlet.wire.frame(payload, cursor))

    def spend_token(self, now_ms: int, *, per_s: int) -> bool:
        """One message more, at `per_s` a second with bursts of twice that. False: over the limit."""
        self.tokens = min(2.0 * per_s, self.tokens + (now_ms - self.tokens_ms) * per_s / 1000)
        self.tokens_ms = now_ms
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True
