"""How markets are graded, as dated data: `data/SPORT.toml`, one a sport, each rule with the house rules it follows.

`any.toml` holds for every sport where its own file says nothing. What no rule is about is not graded: unknown is
refused, not guessed. Pure but for reading the files that ship with this package.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from feeds.contract.errors import Refused
from feeds.contract.model import MarketClass

_FOLDER = Path(__file__).parent / "data"
_ANY = "any"

_Words = Annotated[str, msgspec.Meta(min_length=1)]
_Length = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,3}(\.[0-9])?\Z")]

Method: TypeAlias = Literal[
    "winner", "parts_won", "margin", "total", "team_total", "both_score", "player", "player_does", "places"
]
"""What a market is about: who has more points, who won more parts of the game, the lead against a line, points of
both or of one side against a line, whether both scored, a player's number against a line, whether it is reached, an
order."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """House rules that were read: whose, under which title, where and when."""

    id: _Words
    title: _Words
    read: datetime.date
    address: Annotated[str, msgspec.Meta(pattern=r"\Ahttps?://")]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How markets of these types are graded; `text` is our paraphrase of the sources. Types empty: all of `classes`.

    `tie`: nobody won (`winner`), where the market has no draw. `official_after`: broken off, it counts from this length
    on, in the file's unit; `home_leads_after`: or from this on where the home side leads. None: it never counts unless
    it was finished. What was decided beyond change counts all the same. `stat`, `at_least`: of `player_does`.
    `winners`: places that are paid; `withdrawn`: what becomes of who never started.
    """

    id: _Words
    method: Method
    sources: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    text: _Words
    types: tuple[str, ...] = ()
    classes: tuple[MarketClass, ...] = ()
    tie: Literal["void", "dead_heat"] = "void"
    official_after: _Length | None = None
    home_leads_after: _Length | None = None
    stat: str | None = None
    at_least: int = 1
    winners: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    withdrawn: Literal["lost", "void"] = "lost"
    from_: datetime.date = msgspec.field(name="from", default=datetime.date.min)
    until: datetime.date = datetime.date.max

    def about(self, market_type: str, cls: MarketClass, on: datetime.date) -> bool:
        """Whether it is about such markets, on such a day; both of its days are included."""
        meant = market_type in self.types if self.types else cls in self.classes
        return meant and self.from_ <= on <= self.until

    def is_official(self, played: Decimal | None, *, home_leads: bool) -> bool:
        """Whether what was broken off after `played` counts."""
        if played is None or self.official_after is None:
            return False
        if self.home_leads_after is not None and home_leads and played >= Decimal(self.home_leads_after):
            return True
        return played >= Decimal(self.official_after)


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a game is made of. `periods`: of which parts the periods of the market model consist; `extra`: parts that
    need not be played; `once`: whoever wins such a part has one point of it, however many were scored (a shootout)."""

    unit: Literal["minutes", "innings", "sets"]
    periods: Mapping[str, tuple[str, ...]]
    extra: tuple[str, ...] = ()
    once: tuple[str, ...] = ()


class SportRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of one sport."""

    sport: _Words
    reviewed: datetime.date
    source: tuple[Source, ...]
    rule: tuple[Rule, ...]
    shape: Shape | None = None


class HouseRules:
    """The rules of all sports. `version` names the files they were read from."""

    def __init__(self, sports: Mapping[str, SportRules], *, version: str) -> None:
        self.version = version
        self.sports = sports

    def rule(self, sport: str, market_type: str, cls: MarketClass, *, on: datetime.date) -> Rule:
        """The rule such a market is graded by. Raises Refused("no_rule")."""
        for rules in self._of(sport):
            for rule in rules.rule:
                if rule.about(market_type, cls, on):
                    return rule
        raise Refused("no_rule", f"no house rule grades {market_type} ({cls}) of {sport}")

    def shape(self, sport: str) -> Shape:
        """What a game of it is made of. Raises Refused("no_rule")."""
        found = self.sports.get(sport)
        if found is None or found.shape is None:
            raise Refused("no_rule", f"there are no house rules of {sport}")
        return found.shape

    def _of(self, sport: str) -> Iterator[SportRules]:
        return (self.sports[name] for name in (sport, _ANY) if name in self.sports)


@cache
def house_rules() -> HouseRules:
    """The shipped files. Raises Refused("bad_rules")."""
    sports, digest = {}, hashlib.sha256()
    for path in sorted(_FOLDER.glob("*.toml"), key=lambda path: path.name):
        text = path.read_bytes()
        digest.update(text)
        sports[path.stem] = _sport(path.stem, text)
    newest = max(one.reviewed for one in sports.values())
    return HouseRules(sports, version=f"{newest}/{digest.hexdigest()[:12]}")


def _sport(name: str, text: bytes) -> SportRules:
    try:
        rules = msgspec.toml.decode(text, type=SportRules)
    except msgspec.MsgspecError as error:
        raise Refused("bad_rules", f"{name}.toml: {error}") from error
    known = {source.id for source in rules.source}
    if rules.sport != name or not all(known.issuperset(rule.sources) for rule in rules.rule):
        raise Refused("bad_rules", f"{name}.toml: it is of another sport, or names a source that it does not have")
    if len({rule.id for rule in rules.rule}) != len(rules.rule) or len(known) != len(rules.source):
        raise Refused("bad_rules", f"{name}.toml: two rules or two sources have one id")
    return rules
