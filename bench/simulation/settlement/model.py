"""What every bet must come to in the end, from all that was ever said. It shares no code with the product.

Sayings are gone through one after the other in the order of their times, as a clerk would: a settlement is written
down, a rollback strikes what is written, a cancellation is a note that can be torn off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from bench.simulation.settlement.games import Ended, Share, share_of
from feeds.contract.model import Market

FOREVER_MS = 10**15


class Word(NamedTuple):
    """One saying, as the model knows it: `ended` belongs to settlements, the span to cancellations. `name` decides
    between two of the same time."""

    kind: str
    ts: int
    certainty: int
    name: str
    ended: Ended | None = None
    from_ms: int = 0
    to_ms: int = FOREVER_MS


class Ruled(NamedTuple):
    """What stands of a market."""

    ended: Ended | None
    void: tuple[tuple[int, int], ...]


class Comes(NamedTuple):
    """What a bet comes to; `pays` None: it is open."""

    state: str
    pays: int | None


def ruled(words: Iterable[Word]) -> Ruled:
    """A clerk goes through them."""
    written: Word | None = None
    notes: list[tuple[int, int]] = []
    for word in sorted(words, key=lambda word: (word.ts, word.kind.startswith("rollback"), word.name)):
        if word.kind == "settled" and (written is None or word.certainty >= written.certainty):
            written = word
        elif word.kind == "rollback":
            written = None
        elif word.kind == "cancelled":
            notes.append((word.from_ms, word.to_ms))
        elif word.kind == "rollback_cancel":
            notes = [note for note in notes if not (word.from_ms <= note[0] and note[1] <= word.to_ms)]
    return Ruled(None if written is None else written.ended, tuple(notes))


def comes_to(
    stake: int, legs: Iterable[tuple[Market, str, int]], placed_ms: int, rulings: Mapping[str, Ruled]
) -> Comes:
    """Legs are market, selection and thousandths."""
    pays, open_legs, won, refunded = Fraction(stake), 0, False, True
    for market, selection, milli in legs:
        share = _share(market, selection, placed_ms, rulings[market.id])
        if share is None:
            open_legs += 1
            continue
        pays *= share.void + share.won * Fraction(milli, 1000)
        won, refunded = won or share.won > 0, refunded and share.void == 1
    if pays == 0:
        return Comes("lost", 0)
    if open_legs:
        return Comes("accepted", None)
    if refunded:
        return Comes("void", stake)
    return Comes("won" if won else "lost", round(pays))  # of a Fraction: half to even


def _share(market: Market, selection: str, placed_ms: int, ruling: Ruled) -> Share | None:
    if any(begin <= placed_ms < end for begin, end in ruling.void):
        return Share(Fraction(0), Fraction(1))
    return None if ruling.ended is None else share_of(market, selection, ruling.ended)
