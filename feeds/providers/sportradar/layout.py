"""From a line to the market of ours it is: ids, class, type, line, subject, names of its outcomes, without prices.

Owns what follows from names alone, so that it is worked out once per line and not per price. Pure. The class of a
lined market (a spread, a total) depends on which line is main; its id on its class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from feeds.contract.model import Event, MarketClass, Side, Subject
from feeds.contract.subjects import lane_of, source_id
from feeds.mapping import EventIdentity, MarketKey, Names
from feeds.providers.sportradar.directory import Directory, is_player
from feeds.providers.sportradar.spec import Fixture, Line
from feeds.providers.sportradar.specifiers import values
from feeds.providers.sportradar.taxonomy import SPORTS, Kind, kind_of, negated, render, side_of
from feeds.vocabulary import SPREAD

PROVIDER: Final = "sportradar"
"""The word ids are derived with. Not the feed's name: the feeds of two producers tell of the same markets."""

_OUTRIGHTS: Final = (":season:", ":tournament:", ":simple_tournament:", ":stage:")


class EventPlan(NamedTuple):
    """What is fixed of an event, and its names."""

    raw_id: str
    identity: EventIdentity
    topic: str
    src: str
    sport_id: str
    name: str
    start: str
    home: str | None
    away: str | None
    competitors: Mapping[str, str]

    @property
    def outright(self) -> bool:
        """Whether it is a season or a tournament, and not a match."""
        return is_outright(self.raw_id)

    def event(self, now_ms: int) -> Event:
        """The event before it is known how it stands."""
        return Event(
            id=self.identity.id,
            topic=self.topic,
            name=self.name,
            start=self.start,
            state="upcoming",
            ts=now_ms,
            home=self.home,
            away=self.away,
            kind="outright" if self.outright else "game",
        )


class OutcomePlan(NamedTuple):
    """One outcome's name, and its side and line where it has them."""

    name: str
    side: Side | None
    line: str | None


class LinePlan:
    """One line of an event."""

    __slots__ = ("_directory", "_event", "_names", "_outcomes", "_specifiers", "_words", "kind", "line", "subject")

    def __init__(
        self, line: Line, kind: Kind, event: EventPlan, subject: Subject | None, *, names: Names, directory: Directory
    ) -> None:
        self.line = line
        self.kind = kind
        self.subject = subject
        self._event = event
        self._names = names
        self._directory = directory
        self._specifiers = values(line.specifiers)
        self._outcomes: dict[str, OutcomePlan] = {}
        self._words = {
            "$competitor1": event.home or "",
            "$competitor2": event.away or "",
            "$event": event.name,
            "%player": subject.name if subject else "",
        }

    @property
    def group(self) -> tuple[str, str, str] | None:
        """The lines among which one is main; None where there is no such choice."""
        return (self.kind.type, self.kind.period, self.kind.about or "") if self.kind.lined else None

    def classes(self) -> tuple[MarketClass, ...]:
        """The classes it may have."""
        return (self.kind.cls, "alternate") if self.kind.lined else (self.kind.cls,)

    def market_id(self, cls: MarketClass) -> str:
        """Its id under a class."""
        line = self.line
        return self._names.market_id(self._identity, self._key(cls), self._event.raw_id, line.market, line.specifiers)

    def group_id(self, cls: MarketClass) -> str | None:
        """What joins it with the other lines of its group."""
        if not self.kind.lined:
            return None
        return self._names.group_id(self._identity, self._key(cls))

    def selection_id(self, market_id: str, outcome_id: str) -> str:
        """An outcome's id in a market of this line."""
        identity = self._identity
        outcome = self.outcome(outcome_id) if identity.joined else None
        if outcome is None:
            return self._names.selection_id(identity, market_id, outcome_id, name=outcome_id)
        return self._names.selection_id(identity, market_id, outcome_id, side=outcome.side, name=outcome.name)

    def can_identify(self, outcome_ids: Iterable[str]) -> bool:
        """Whether these outcomes' ids are known. In joined events they follow from names, which are wanted then."""
        if not self._identity.joined:
            return True
        unknown = [outcome_id for outcome_id in outcome_ids if self.outcome(outcome_id) is None]
        return not unknown

    def outcome(self, outcome_id: str) -> OutcomePlan | None:
        """Name, side and line of an outcome. None where a name is missing yet, which is wanted then."""
        found = self._outcomes.get(outcome_id)
        if found is None:
            found = self._make_outcome(outcome_id)
            if found is not None:
                self._outcomes[outcome_id] = found
        return found

    @property
    def _identity(self) -> EventIdentity:
        """Markets that other providers do not have are ours alone also in a joined event."""
        identity = self._event.identity
        return identity if self.kind.shared else EventIdentity(identity.id, joined=False)

    def _key(self, cls: MarketClass) -> MarketKey:
        kind = self.kind
        return MarketKey(cls, kind.type, kind.period, kind.line, self.subject.id if self.subject else None)

    def _make_outcome(self, outcome_id: str) -> OutcomePlan | None:
        if is_player(outcome_id):
            players = [self._directory.player(one) for one in outcome_id.split(",")]
            known = [name for name in players if name is not None]
            return OutcomePlan(" & ".join(known), None, None) if len(known) == len(players) else None
        if outcome_id in self._event.competitors:
            name = self._event.competitors[outcome_id]
            side: Side | None = "home" if name == self._event.home else "away" if name == self._event.away else None
            return OutcomePlan(name, side, None)
        template = self._template(outcome_id)
        if template is None:
            return None
        side = side_of(outcome_id, template)
        name = render(template or outcome_id, self._specifiers, self._words)
        return OutcomePlan(name, side, self._side_line(side))

    def _template(self, outcome_id: str) -> str | None:
        """The outcome's name as the descriptions have it; empty: they do not know it; None: it is wanted."""
        description = self._directory.description(self.line.market)
        if description is not None and outcome_id in description.outcomes:
            return description.outcomes[outcome_id]
        variant = self._specifiers.get("variant")
        if variant is None:
            return ""
        outcomes = self._directory.variant(self.line.market, variant)
        return None if outcomes is None else outcomes.get(outcome_id, "")

    def _side_line(self, side: Side | None) -> str | None:
        line = self.kind.line
        if line is None or side is None:
            return None
        return negated(line) if self.kind.type == SPREAD and side == "away" else line


class Planner:
    """Makes plans of one feed."""

    def __init__(self, *, feed: str, lanes: int, names: Names, directory: Directory) -> None:
        self._feed = feed
        self._lanes = lanes
        self._names = names
        self._directory = directory

    def event(self, fixture: Fixture, *, start: str, topic: str | None) -> EventPlan:
        """An event's plan. `start` stands in for one that is not known; `topic` is fixed where there was one."""
        names = self._names
        identity = names.event(fixture.id)
        if topic is None:
            sport = names.sport(fixture.sport_id, fixture.sport_name, known=SPORTS)
            league = names.league(fixture.tournament_id, fixture.tournament_name)
            topic = names.topic(fixture.id, sport=sport, league=league)
        competitors = {one.id: names.team(one.id, one.name) for one in fixture.competitors}
        home, away = (None, None) if is_outright(fixture.id) else _sides(fixture, competitors)
        between = f"{home} v {away}" if home and away else ""
        return EventPlan(
            raw_id=fixture.id,
            identity=identity,
            topic=topic,
            src=source_id(self._feed, lane_of(identity.id, self._lanes)),
            sport_id=fixture.sport_id,
            name=fixture.name or between or fixture.tournament_name or f"Event {fixture.id}",
            start=fixture.start or start,
            home=home,
            away=away,
            competitors=competitors,
        )

    def line(self, event: EventPlan, line: Line) -> LinePlan | None:
        """A line's plan. None where the name of whom it is about is missing yet, which is wanted then."""
        description = self._directory.description(line.market)
        specifiers = values(line.specifiers)
        kind = kind_of(description, line.market, specifiers, sport_id=event.sport_id, outright=event.outright)
        subject: Subject | None = None
        if kind.about in ("home", "away"):
            team = (event.home if kind.about == "home" else event.away) or kind.about
            subject = Subject("team", self._names.player("", team).id, team)
        elif kind.about is not None:
            name = self._directory.player(kind.about)
            if name is None:
                return None
            subject = self._names.player(kind.about, name)
        return LinePlan(line, kind, event, subject, names=self._names, directory=self._directory)


def is_outright(event_id: str) -> bool:
    """Whether an event's id is that of a season, a tournament or a stage."""
    return any(word in event_id for word in _OUTRIGHTS)


def _sides(fixture: Fixture, names: Mapping[str, str]) -> tuple[str | None, str | None]:
    by_qualifier = {one.qualifier: names[one.id] for one in fixture.competitors if one.qualifier}
    if "home" in by_qualifier and "away" in by_qualifier:
        return by_qualifier["home"], by_qualifier["away"]
    return None, None
