"""How markets ended: what a feed says of a market's result, and what takes a saying back. Pure.

A result goes to `settle.{lane}.{event}.{market}` after the market's closed or settled state went to its lane, and names
that state's position. It may come late, twice, or before what it undoes; who settles orders by `ts` and `certainty`.

The payout of a stake on a selection at decimal odds `price` is `stake x (v + w x price x dh)`: `w` won, `v` void
(refunded), the rest lost, `dh` the dead-heat factor. Exact fractions: Sportradar's result 1 with void_factor 0.5 is
w 1/2, v 1/2. Where `reductions` are told, a bet is paid at the price they leave of the one it was struck at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

ResultKind = Literal["settled", "rollback", "cancelled", "rollback_cancel"]
Certainty = Literal[1, 2]

_ID_BYTES = 16


class Share(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An exact fraction, `num` of `den`; `den` is positive."""

    num: int
    den: int = 1


NONE = Share(0)
WHOLE = Share(1)


class SelectionResult(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What became of one selection; see above."""

    id: str
    w: Share = NONE
    v: Share = NONE
    dh: Share = WHOLE


class Reduction(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A selection was withdrawn when others had been bet on: what bets struck before `to_ms` lose of their price.

    `price` p becomes `p x (1 - share)`, or, `of` "winnings", `1 + (p - 1) x (1 - share)`; never below 1.01 of an
    exchange. Several apply one after the other, each only to bets struck before its own time. Applies to every
    selection but `removed`, which is void. Source: Betfair Exchange Rules, "Betfair Non-Runner Rule" (win and each-way
    markets: of the price; place markets: of the winnings); Tattersalls Rule 4(c) deducts from winnings.
    """

    removed: str
    share: Share
    to_ms: int
    of: Literal["price", "winnings"] = "winnings"


class MarketResult(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One saying about a market. `settled` has its selections; `rollback` takes settlements back; `cancelled` voids the
    bets placed from `from_ms` to `to_ms` (None: open ended), `rollback_cancel` takes that back. `reductions`: of a
    `settled` market from which selections were withdrawn, oldest first.

    `ts` is the provider's own time of the saying, Unix ms; `certainty` 1: from a scout, 2: confirmed.
    """

    market: str
    event: str
    topic: str
    kind: ResultKind
    ts: int
    certainty: Certainty = 2
    selections: tuple[SelectionResult, ...] = msgspec.field(name="x", default=())
    from_ms: int | None = None
    to_ms: int | None = None
    reason: str | None = None
    reductions: tuple[Reduction, ...] = ()


class Settlement(msgspec.Struct, frozen=True):
    """A result as it stands on the bus: who said it, and the position of the market's state that it rests on.

    `epoch` is the creation time of the lane's stream, `s` the sequence in it; 0 where the lane holds no such state.
    """

    feed: str
    lane: int
    epoch: str
    s: int
    result: MarketResult


def saying_id(feed: str, result: MarketResult) -> str:
    """What makes two sayings the same one, so that twice is once: whose it is, and everything it means. `reason` is for
    people and means nothing."""
    meaning = (
        feed,
        result.market,
        result.kind,
        result.ts,
        result.certainty,
        result.selections,
        result.from_ms,
        result.to_ms,
        result.reductions,
    )
    return hashlib.blake2b(msgspec.json.encode(meaning), digest_size=_ID_BYTES).hexdigest()


class Said(NamedTuple):
    """One result as the log gave it: `s` is its position there, `reply` where it is acknowledged."""

    subject: str
    s: int
    data: bytes
    reply: str


class ResultPlace(NamedTuple):
    """Where reading begins: `created` tells one log of results from the next, `first_s` is the oldest result it still
    has."""

    created: str
    first_s: int


class ResultTap(Protocol):
    """The log of results, shared by all who settle: the port for settlement.

    What was taken and not done comes again, to whoever takes then. Every call raises LogUnavailable; after that the
    reader calls `begin` again.
    """

    async def begin(self) -> ResultPlace:
        """Joins the readers."""

    async def take(self, most: int, wait_s: float) -> list[Said]:
        """The next results: what is there, as soon as there is something, or nothing after `wait_s`."""

    async def done(self, said: Sequence[Said]) -> None:
        """These are kept, and need not come again. That may be lost: then they do."""
