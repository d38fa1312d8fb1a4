"""What a correction says: results, in the desk's name, and what markets come to by them. Pure.

A desk's sayings are later than all that was said of its markets, so they are in force once they are recorded, unless
somebody says something newer meanwhile: then the impact is computed anew. A provider's keep the times they came with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec

from feeds.contract.errors import Refused
from feeds.contract.results import MarketResult, Settlement, saying_id
from gateway.settlement.outcome import EVER, Outcome, Span
from gateway.settlement.sayings import Saying, check_result, in_force, outcome_of, saying_of

FEED = "desk"
"""In whose name results are said that the desk entered."""

MARKETS_MAX = 1_000
"""Of one correction."""


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """A result, and the type of its market, which policies go by. Of a provider's: whose it is, and the position of the
    market's state that it rests on."""

    result: MarketResult
    type: str
    feed: str = FEED
    lane: int = 0
    epoch: str = ""
    s: int = 0


class Draft(msgspec.Struct, frozen=True):
    """What a job says."""

    said: Annotated[tuple[Said, ...], msgspec.Meta(min_length=1)]

    @property
    def markets(self) -> list[str]:
        """Its markets, each once, in order."""
        return sorted({one.result.market for one in self.said})

    @property
    def types(self) -> dict[str, str]:
        """Types of its markets."""
        return {one.result.market: one.type for one in self.said}


class Turn(msgspec.Struct, frozen=True):
    """What a market came to before a correction, and comes to by it."""

    before: Outcome
    after: Outcome


class Job(NamedTuple):
    """A row of correction.job."""

    correction: str
    state: str
    reason: str
    operator: str
    drafter: str
    drafted: datetime
    draft: str
    undoes: str | None
    outcomes: str | None
    totals: str | None
    hash: str | None
    second: bool
    approver: str | None
    approved: datetime | None
    recorded: bool
    marked: int
    position: int
    ended: datetime | None
    fault: str | None
    provided: bool

    @property
    def says(self) -> Draft:
        """Its draft."""
        return msgspec.json.decode(self.draft, type=Draft)

    @property
    def turns(self) -> dict[str, Turn]:
        """What its markets turn from and to, once that is computed."""
        return {} if self.outcomes is None else msgspec.json.decode(self.outcomes, type=dict[str, Turn])


def checked(said: Iterable[Said], *, ts: int) -> Draft:
    """The draft, its results all said at `ts`. Raises Refused."""
    found = tuple(msgspec.structs.replace(one, result=msgspec.structs.replace(one.result, ts=ts)) for one in said)
    if not found:
        raise Refused("bad_correction", "it is about no market")
    if len({one.result.market for one in found}) > MARKETS_MAX:
        raise Refused("bad_correction", f"more than {MARKETS_MAX} markets")
    for one in found:
        check_result(one.result)
        if one.result.certainty != 2:
            raise Refused("bad_correction", f"{one.result.market}: a correction is confirmed")
    return Draft(found)


def settlements(draft: Draft) -> list[Settlement]:
    """As they are recorded."""
    return [Settlement(one.feed, one.lane, one.epoch, one.s, one.result) for one in draft.said]


def turned(
    draft: Draft, sayings: Mapping[str, Sequence[Saying]], bodies: Mapping[str, MarketResult]
) -> dict[str, Turn]:
    """What markets turn from and to. `sayings`: all that was said of each; `bodies`: results by their saying's id."""
    ours: dict[str, dict[str, MarketResult]] = {}
    for one in draft.said:
        ours.setdefault(one.result.market, {})[saying_id(one.feed, one.result)] = one.result
    found = {}
    for market, results in ours.items():
        known = list(sayings.get(market, ()))
        added = [saying_of(key, result) for key, result in results.items() if key not in {one.id for one in known}]
        found[market] = Turn(_outcome(known, bodies), _outcome([*known, *added], {**bodies, **results}))
    return found


def _outcome(sayings: Iterable[Saying], bodies: Mapping[str, MarketResult]) -> Outcome:
    standing = in_force(sayings)
    return outcome_of(None if standing.settlement is None else bodies[standing.settlement], standing.cancelled)


def undone(draft: Draft, turns: Mapping[str, Turn]) -> Iterator[Said]:
    """What brings markets back to what they came to before."""
    seen: set[str] = set()
    for one in draft.said:
        market = one.result.market
        if market in seen:
            continue
        seen.add(market)
        yield from (Said(back, one.type) for back in _back(one.result, turns[market]))


def _back(result: MarketResult, turn: Turn) -> Iterator[MarketResult]:
    plain = MarketResult(result.market, result.event, result.topic, "rollback", 0, reason="undone")
    before, after = turn.before, turn.after
    if before.settled:
        yield msgspec.structs.replace(plain, kind="settled", selections=before.selections, reductions=before.reductions)
    elif after.settled:
        yield plain
    for span in after.cancelled:
        if span not in before.cancelled:
            yield _spanning(plain, "rollback_cancel", span)
    for span in before.cancelled:
        if span not in after.cancelled:
            yield _spanning(plain, "cancelled", span)


def _spanning(plain: MarketResult, kind: Any, span: Span) -> MarketResult:
    to_ms = None if span.to_ms == EVER else span.to_ms
    return msgspec.structs.replace(plain, kind=kind, from_ms=span.from_ms, to_ms=to_ms)


def correction_id(draft: Draft, reason: str) -> str:
    """An id of what is said and why: the same draft twice, a moment apart, is another."""
    return "C" + hashlib.blake2b(msgspec.json.encode((draft, reason)), digest_size=8).hexdigest()
