"""From what a bookmaker offers on an event to the markets of ours it becomes: ids, classes, lines, selections. Pure.

Owns which outcomes make one market: the two sides of a total, a spread's point and its negative, one player's prop at
one line. A market is priced by one market key alone, its lay prices by that key's lay twin; the main line is taken from
the main key, and an alternate at the same line is no market of its own. Our id is derived from everything that is fixed
for a market's life; `slot` is what stays the same where a main line moves.

Nothing that cannot be read stops the rest: it is passed over and counted by reason in `skipped`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from feeds.contract.errors import Refused
from feeds.contract.ids import slug
from feeds.contract.model import MarketClass, Selection, Side, Subject
from feeds.contract.prices import Price, line_text, price_from_american, price_from_decimal
from feeds.mapping import EventIdentity, MarketKey, Names
from feeds.providers.theoddsapi.spec import OddsMarket, Outcome, SportEvent
from feeds.providers.theoddsapi.taxonomy import (
    SPORTS,
    Family,
    KeyKind,
    has_draw,
    kind_of,
    owner_of,
    side_of,
    sport_word,
)
from feeds.vocabulary import CLASSES, MATCH_RESULT, winner

PriceFormat = Literal["decimal", "american"]

_CLASSES: Final[Mapping[Family, MarketClass]] = {"prop": "prop", "special": "special"}
"""Classes of the families whose types are not of the vocabulary."""

_LINED: Final = frozenset[Family]({"spread", "total", "team_total"})
_SIDES: Final[tuple[Side | None, ...]] = ("home", "draw", "away", "over", "under", "yes", "no", None)

# Decimals are compared with these before anything is computed with them: a huge exponent overflows in arithmetic.
_POINT_MAX = 1_000_000
_POINT_DIGITS_MAX = 4
_PRICE_MAX = 10_000_000

_Bucket = tuple[str, str, str, str | None]
"""Type, period, id of the subject and line: outcomes of one bucket are one market."""


class MarketPlan(NamedTuple):
    """One of our markets as it is offered now. `slot`: what a moved line has in common with the line it was."""

    id: str
    key: MarketKey
    slot: str
    group: str | None
    subject: Subject | None
    selections: tuple[Selection, ...]

    @property
    def quoted(self) -> bool:
        """Whether there is any price to bet at."""
        return any(selection.st == "open" for selection in self.selections)


class _Quote:
    """One selection in the making."""

    __slots__ = ("lay", "line", "name", "price", "side")

    def __init__(self, name: str, side: Side | None, line: str | None) -> None:
        self.name = name
        self.side = side
        self.line = line
        self.price: Price | None = None
        self.lay: Price | None = None


class _Draft:
    """One market in the making. `owner`: the market key that prices it."""

    __slots__ = ("kind", "owner", "quotes", "subject")

    def __init__(self, owner: str, kind: KeyKind, subject: Subject | None) -> None:
        self.owner = owner
        self.kind = kind
        self.subject = subject
        self.quotes: dict[str, _Quote] = {}


class Layout:
    """Lays out events of one bookmaker. `skipped` counts what was passed over, by reason."""

    def __init__(self, names: Names, *, bookmaker: str, price_format: PriceFormat) -> None:
        self._names = names
        self._bookmaker = bookmaker
        self._price_format = price_format
        self.skipped: Counter[str] = Counter()

    def plans(self, event: SportEvent, offered: Mapping[str, OddsMarket]) -> dict[str, MarketPlan]:
        """Our markets by id. `offered`: what the bookmaker offers on the event, by market key."""
        drafts: dict[_Bucket, _Draft] = {}
        for key in sorted(offered, key=_precedence):
            kind = _kind(event, key, offered)
            for outcome in offered[key].outcomes:
                try:
                    self._add(drafts, event, key, kind, outcome)
                except Refused as refusal:
                    self.skipped[refusal.code] += 1
        lines = Counter((draft.owner, bucket[:3]) for bucket, draft in drafts.items())
        identity = self._names.event(event.id)
        plans: dict[str, MarketPlan] = {}
        slots: set[str] = set()
        for bucket, draft in drafts.items():
            plan = self._plan(event, identity, bucket, draft, single=lines[draft.owner, bucket[:3]] == 1, slots=slots)
            plans.setdefault(plan.id, plan)
        return plans

    def _add(self, drafts: dict[_Bucket, _Draft], event: SportEvent, key: str, kind: KeyKind, outcome: Outcome) -> None:
        side = side_of(outcome.name, event.home_team, event.away_team)
        subject = self._subject(kind, outcome)
        line = _line(kind, side, outcome.point)
        bucket = (kind.type, kind.period, subject.id if subject else "", line)
        owner = owner_of(key)
        draft = drafts.setdefault(bucket, _Draft(owner, kind, subject))
        if draft.owner != owner:
            return
        if draft.subject != subject:
            raise Refused("ambiguous_subject", f"{key}: {outcome.description} goes by the id of somebody else")
        raw = outcome.name if subject or not outcome.description else f"{outcome.description} {outcome.name}"
        quote = draft.quotes.get(raw)
        if quote is None:
            quote = draft.quotes[raw] = _Quote(*self._shown(kind, raw, side, line, outcome.point))
        elif (quote.lay if kind.lay else quote.price) is not None:
            raise Refused("duplicate_outcome", f"{key} has {raw} twice")
        price = self._price(outcome.price)
        if kind.lay:
            quote.lay = price
        else:
            quote.price = price

    def _subject(self, kind: KeyKind, outcome: Outcome) -> Subject | None:
        if kind.family == "prop" and outcome.description:
            return self._names.player(outcome.description, outcome.description)
        if kind.family != "team_total":
            return None
        if not outcome.description:
            raise Refused("no_subject", "a team's total names no team")
        team = self._names.team(outcome.description, outcome.description)
        return Subject("team", slug(team), team)

    def _shown(
        self, kind: KeyKind, raw: str, side: Side | None, line: str | None, point: Decimal | None
    ) -> tuple[str, Side | None, str | None]:
        """Name, side and line of a selection."""
        name = self._names.team(raw, raw) if side in ("home", "away") or kind.family == "outright" else raw
        if line is None or point is None:
            return name, side, None
        own = line_text(point)
        sign = "+" if kind.family == "spread" and point > 0 else ""
        return f"{name} {sign}{own}", side, own

    def _price(self, price: Decimal) -> Price | None:
        """A price; None where it is none that can be bet at, which is counted."""
        try:
            return read_price(price, self._price_format)
        except Refused as refusal:
            self.skipped[refusal.code] += 1
            return None

    def _plan(
        self,
        event: SportEvent,
        identity: EventIdentity,
        bucket: _Bucket,
        draft: _Draft,
        *,
        single: bool,
        slots: set[str],
    ) -> MarketPlan:
        kind = draft.kind
        market_type, period, subject_id, line = bucket
        slot = "/".join((market_type, period, subject_id))
        cls = _CLASSES.get(kind.family) or CLASSES[market_type]
        if kind.alternate or (cls == "main" and slot in slots):
            cls, slot = "alternate", ""
        elif kind.family == "special" or (cls == "prop" and not single):
            slot = ""
        if kind.family == "prop" and draft.subject is None:
            cls = "special"
        slots.add(slot)
        key = MarketKey(cls, market_type, period, line, subject_id or None)
        market_id = self._names.market_id(identity, key, self._bookmaker, event.id, subject_id)
        group = self._names.group_id(identity, key) if line is not None else None
        selections = tuple(self._selections(identity, market_id, draft))
        return MarketPlan(market_id, key, slot, group, draft.subject, selections)

    def _selections(self, identity: EventIdentity, market_id: str, draft: _Draft) -> Iterator[Selection]:
        made: dict[str, Selection] = {}
        for raw, quote in draft.quotes.items():
            selection_id = self._names.selection_id(identity, market_id, raw, side=quote.side, name=quote.name)
            if selection_id in made:
                self.skipped["duplicate_outcome"] += 1
                continue
            made[selection_id] = Selection(
                selection_id,
                quote.name,
                st="open" if quote.price or quote.lay else "suspended",
                price=quote.price,
                side=quote.side,
                line=quote.line,
                lay=quote.lay.milli if quote.lay else None,
            )
        yield from sorted(made.values(), key=in_order)


def read_price(price: Decimal, price_format: PriceFormat) -> Price:
    """A price as sent. Raises Refused("price_out_of_range" | "price_malformed")."""
    if not price.is_finite() or not -_PRICE_MAX <= price <= _PRICE_MAX:
        raise Refused("price_out_of_range", f"not odds: {price}")
    if price_format == "decimal":
        return price_from_decimal(price)
    if price != int(price):
        raise Refused("price_malformed", f"not American odds: {price}")
    return price_from_american(int(price))


def in_order(selection: Selection) -> tuple[int, str, str]:
    """The order of a market's selections, whatever the order of a list in a message: by side, then by name."""
    return _SIDES.index(selection.side), selection.name, selection.id


def _kind(event: SportEvent, key: str, offered: Mapping[str, OddsMarket]) -> KeyKind:
    """What a key is about. Whether there is a draw is the same for prices to back and to lay."""
    kind = kind_of(key)
    if kind.family != "winner":
        return kind
    twins = (market for twin, market in offered.items() if owner_of(twin) == owner_of(key))
    outcomes = (outcome for market in twins for outcome in market.outcomes)
    drawable = has_draw(event.sport_key) or any(outcome.name.lower() == "draw" for outcome in outcomes)
    found = winner(
        SPORTS.get(sport_word(event.sport_key), ""),
        drawable=drawable or kind.type == MATCH_RESULT,
        period=kind.period,
    )
    return kind._replace(type=found.type, period=found.period)


def _precedence(key: str) -> tuple[bool, bool, str]:
    """Main lines before alternates, and what is to back before what is to lay."""
    kind = kind_of(key)
    return kind.lay, kind.alternate, key


def _line(kind: KeyKind, side: Side | None, point: Decimal | None) -> str | None:
    """A market's line, a spread's from the home side. Raises Refused where there should be one and is not."""
    if point is None:
        if kind.family in _LINED:
            raise Refused("line_malformed", f"a {kind.family} without a point")
        return None
    if not point.is_finite() or not -_POINT_MAX <= point <= _POINT_MAX or _digits(point) > _POINT_DIGITS_MAX:
        raise Refused("line_malformed", f"not a line: {point}")
    if kind.family in {"winner", "outright"}:
        return None
    if kind.family != "spread":
        return line_text(point)
    if side not in ("home", "away"):
        raise Refused("unknown_outcome", "a spread of neither side")
    return line_text(point if side == "home" else -point)


def _digits(point: Decimal) -> int:
    """Digits behind the point."""
    exponent = point.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) else _POINT_DIGITS_MAX + 1
