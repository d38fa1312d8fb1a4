"""The JSON of corrections, entered results and the history of bets, as types. They write none."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from feeds.contract.results import MarketResult, ResultKind, SelectionResult, Share
from gateway.api.money_schemas import Money, Time
from gateway.api.schemas import Id
from gateway.settlement.corrections.drafts import Said
from gateway.settlement.grading.entered import Entered

JobState = Literal["drafted", "computed", "approved", "applying", "verifying", "done", "aborted"]
Word = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500, description="every user is told it")]
_Part = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
_Whole = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Fraction = Annotated[tuple[_Part, _Whole], msgspec.Meta(description="numerator and denominator")]
_Moment = Annotated[int, msgspec.Meta(ge=0, le=1 << 53, description="Unix ms")]


class SelectionIn(msgspec.Struct, frozen=True):
    """What became of a selection: `w` won, `v` refunded, the rest lost; `dh` is the dead-heat factor."""

    id: Word
    w: Fraction = (0, 1)
    v: Fraction = (0, 1)
    dh: Fraction = (1, 1)


class ResultIn(msgspec.Struct, frozen=True):
    """What is said of a market; `type` is its type, which policies go by. `from_ms`, `to_ms`: of cancellations."""

    market: Word
    event: Word
    topic: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]
    type: Word
    kind: ResultKind = "settled"
    selections: Annotated[tuple[SelectionIn, ...], msgspec.Meta(max_length=400)] = ()
    from_ms: _Moment | None = None
    to_ms: _Moment | None = None


class CorrectionIn(msgspec.Struct, frozen=True):
    """A draft."""

    reason: Reason
    results: Annotated[tuple[ResultIn, ...], msgspec.Meta(min_length=1, max_length=100)]

    def said(self) -> list[Said]:
        """As the service takes it."""
        return [Said(_result(one), one.type) for one in self.results]


def drafted(said: Said) -> ResultIn:
    """What a draft says of a result."""
    result = said.result
    return ResultIn(
        market=result.market,
        event=result.event,
        topic=result.topic,
        type=said.type,
        kind=result.kind,
        selections=tuple(
            SelectionIn(one.id, *((share.num, share.den) for share in (one.w, one.v, one.dh)))
            for one in result.selections
        ),
        from_ms=result.from_ms,
        to_ms=result.to_ms,
    )


def _result(one: ResultIn) -> MarketResult:
    return MarketResult(
        market=one.market,
        event=one.event,
        topic=one.topic,
        kind=one.kind,
        ts=0,
        selections=tuple(
            SelectionResult(each.id, Share(*each.w), Share(*each.v), Share(*each.dh)) for each in one.selections
        ),
        from_ms=one.from_ms,
        to_ms=one.to_ms,
    )


class ImpactIn(msgspec.Struct, frozen=True):
    """`dry_run`: compute, keep nothing."""

    dry_run: bool = False


class ApprovalIn(msgspec.Struct, frozen=True):
    """`hash`: only if the impact's hash begins so."""

    hash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8,64}$")] | None = None


class ReasonIn(msgspec.Struct, frozen=True):
    """Why."""

    reason: Reason


class NothingIn(msgspec.Struct, frozen=True):
    """Nothing more is asked."""


class ResultEnteredIn(msgspec.Struct, frozen=True):
    """The end of an event, graded by the house's rules. `dry_run`: record nothing."""

    event: Word
    entered: Entered
    dry_run: bool = False


class InState(msgspec.Struct, frozen=True):
    """Corrections in this state alone."""

    state: JobState | None = None


class Sums(msgspec.Struct):
    """Sums of an impact in one currency. `waived`: what the house bears."""

    bets: int
    users: int
    credits: Money
    debits: Money
    waived: Money


class Totals(msgspec.Struct):
    """Sums of an impact. `frozen`, `approval`: bets under policies that freeze, or ask for another person; `automatic`:
    policies let it go without a person, if a provider said it. Amounts are by currency."""

    bets: int
    users: int
    frozen: int
    approval: int
    automatic: bool
    by_currency: dict[str, Sums]
    by_policy: dict[str, int]
    by_jurisdiction: dict[str, dict[str, Money]]


class Impact(msgspec.Struct):
    """What a correction would do."""

    hash: str
    totals: Totals


class Came(msgspec.Struct):
    """What a correction came to in one currency."""

    cash: Money
    receivable: Money
    waived: Money


class Progress(msgspec.Struct):
    """How far a correction is, and what it came to."""

    users: int
    users_done: int
    by_currency: dict[str, Came]


class Deed(msgspec.Struct):
    """Who did what."""

    at: Time
    who: str
    what: str
    detail: dict[str, Any]


class Turned(msgspec.Struct):
    """How a market stood and how it stands then, in words."""

    market: Id
    before: str
    after: str


class Correction(msgspec.Struct):
    """A correction. `second_person`: another than `drafter` approves; `fault`: why it is where it is."""

    id: Id
    state: JobState
    reason: str
    operator: str
    drafter: str
    drafted_at: Time
    undoes: Id | None
    markets: list[Id]
    hash: str | None
    second_person: bool
    approver: str | None
    approved_at: Time | None
    ended_at: Time | None
    fault: str | None
    provided: bool
    totals: Totals | None
    turns: list[Turned] | UnsetType = UNSET
    progress: Progress | UnsetType = UNSET
    deeds: list[Deed] | UnsetType = UNSET


class Corrections(msgspec.Struct):
    """The newest first."""

    items: list[Correction]
    next_page_token: None


class Named(msgspec.Struct):
    """The id of a correction that was drafted; null: there was nothing to take back."""

    id: Id | None


class NotGraded(msgspec.Struct):
    """A market without a result from what was entered."""

    market: Id
    code: str
    detail: str


class Graded(msgspec.Struct):
    """What became of an event's markets. `conflicts` have another result: draft a correction, of `drafts`."""

    recorded: list[Id]
    graded: list[Id]
    conflicts: list[Id]
    drafts: list[ResultIn]
    not_graded: list[NotGraded]


class BetStep(msgspec.Struct):
    """One settlement of a bet: `cash` and `owed` are what it changed by, `waived` what the house bore instead."""

    revision: int
    at: Time
    market: Id
    state_before: str
    payout_before: Money | None
    state: str
    payout: Money | None
    cash: Money
    owed: Money
    waived: Money
    correction: Id | None
    reason: str | None


class BetHistory(msgspec.Struct):
    """Every settlement of a bet, the oldest first."""

    items: list[BetStep]
    next_page_token: None
