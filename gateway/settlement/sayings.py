"""What is said of one market, folded to the outcome in force. Pure.

The fold looks at the set of sayings alone: their order of arrival, and how often each came, change nothing.

- Settlements said up to the newest rollback's time are taken back. Of the others a confirmed one beats a scout's, then
  the newest is in force.
- A cancellation is in force unless a rollback of cancellations, not said before it, names a span that holds its own.
  A rollback of settlements leaves cancellations alone, and the other way round.
- Of two sayings of the same time the one that takes back is the later one; of two settlements the one with the greater
  id, for there must be one answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from feeds.contract.errors import Refused
from feeds.contract.results import MarketResult, ResultKind, SelectionResult
from gateway.settlement.outcome import EVER, Outcome, Span

SAYINGS_MAX = 10_000
"""Sayings of one market. Beyond it the market stays as it is, which is told, and somebody has to look."""


ID_CHARS_MAX = 512
"""Ours have 64 at most; what is so long could not be indexed."""


class Saying(NamedTuple):
    """What the fold needs of one saying."""

    id: str
    kind: ResultKind
    ts: int
    certainty: int
    from_ms: int | None
    to_ms: int | None

    @property
    def span(self) -> Span:
        """The time that a cancellation speaks of."""
        return Span(self.from_ms or 0, EVER if self.to_ms is None else self.to_ms)


class InForce(NamedTuple):
    """What stands: the id of the settlement, if there is one, and the cancelled spans in order."""

    settlement: str | None
    cancelled: tuple[Span, ...]


def saying_of(name: str, result: MarketResult) -> Saying:
    """What the fold needs of a result, whose id as a saying is `name`."""
    return Saying(name, result.kind, result.ts, result.certainty, result.from_ms, result.to_ms)


def in_force(sayings: Iterable[Saying]) -> InForce:
    """What a set of sayings comes to."""
    by_kind: dict[ResultKind, list[Saying]] = {}
    for saying in sayings:
        by_kind.setdefault(saying.kind, []).append(saying)
    taken_back = max((saying.ts for saying in by_kind.get("rollback", ())), default=-1)
    standing = [saying for saying in by_kind.get("settled", ()) if saying.ts > taken_back]
    best = max(standing, key=lambda saying: (saying.certainty, saying.ts, saying.id), default=None)
    undone = by_kind.get("rollback_cancel", [])
    spans = {one.span for one in by_kind.get("cancelled", ()) if not any(_undoes(other, one) for other in undone)}
    return InForce(None if best is None else best.id, tuple(sorted(spans)))


def _undoes(rollback: Saying, cancelled: Saying) -> bool:
    wider, span = rollback.span, cancelled.span
    return rollback.ts >= cancelled.ts and wider.from_ms <= span.from_ms and span.to_ms <= wider.to_ms


def outcome_of(settlement: MarketResult | None, cancelled: tuple[Span, ...]) -> Outcome:
    """The outcome of what is in force. `settlement`: the result of that id."""
    if settlement is None:
        return Outcome(cancelled=cancelled)
    selections = tuple(sorted(settlement.selections, key=lambda result: result.id))
    return Outcome(True, selections, settlement.reductions, cancelled)


def check_result(result: MarketResult) -> None:
    """Whether a result can be settled by. Raises Refused("bad_result")."""
    times = (result.ts, result.from_ms or 0, result.to_ms or 0)
    if not all(0 <= time < EVER for time in times):
        raise Refused("bad_result", f"{result.market}: a time that is none, {times}")
    if not all(0 < len(name) <= ID_CHARS_MAX and "\0" not in name for name in (result.market, result.event)):
        raise Refused("bad_result", "an id that is none")
    names = [selection.id for selection in result.selections]
    if len(set(names)) != len(names):
        raise Refused("bad_result", f"{result.market}: a selection is named twice")
    for selection in result.selections:
        _check_selection(result.market, selection)
    for reduction in result.reductions:
        if not (reduction.share.den > 0 and 0 <= reduction.share.num <= reduction.share.den):
            raise Refused("bad_result", f"{result.market}: a reduction of {reduction.share}")
    if result.kind == "settled" and not result.selections:
        raise Refused("bad_result", f"{result.market}: settled without selections")


def _check_selection(market: str, selection: SelectionResult) -> None:
    shares = (selection.w, selection.v, selection.dh)
    if any(share.den <= 0 or share.num < 0 for share in shares):
        raise Refused("bad_result", f"{market} {selection.id}: shares {shares}")
    won, void, dead_heat = shares
    if won.num * void.den + void.num * won.den > won.den * void.den or dead_heat.num > dead_heat.den:
        raise Refused("bad_result", f"{market} {selection.id}: more than the whole, {shares}")
