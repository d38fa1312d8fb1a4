"""The rule matrix: what may be bet on by who stands in a state. Dated data with sources; pure but for `read_rules`.

A condition may be true, false, or unknown where the facts of a bet leave it open. A rule that refuses does so unless
it is certain that it does not apply; one that allows does so only if it is certain that it does. What nobody allows is
refused, and so is every state without a file.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Annotated, Literal, NamedTuple

import msgspec

from feeds.contract.errors import Refused
from feeds.contract.model import MarketClass
from gateway.location.leagues import Level
from gateway.location.refusals import GeoRefused

HOUSE_AGE = 21
"""Where no state's own age was read, and never less."""

_FOLDER = files("gateway.location") / "data" / "rules"
_Words = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Question(NamedTuple):
    """The facts of one leg of a bet, as far as they are known. `stake`: minor units of the whole bet. `own_team`: a
    college team of the state takes part; `here`: it takes place in the state; `age`: whole years."""

    sport: str
    league: str
    level: Level | None
    cls: MarketClass
    live: bool
    parlay: bool
    stake: int
    own_team: bool | None = None
    here: bool | None = None
    age: int | None = None


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a rule is about; what is left out does not matter to it. `stake_max`: it is about stakes up to there."""

    sports: tuple[str, ...] | None = None
    leagues: tuple[str, ...] | None = None
    levels: tuple[Level, ...] | None = None
    classes: tuple[MarketClass, ...] | None = None
    live: bool | None = None
    parlay: bool | None = None
    own_team: bool | None = None
    here: bool | None = None
    stake_max: int | None = None

    def applies(self, asked: Question) -> bool | None:
        """None where the facts do not tell."""
        found = (
            _among(asked.sport, self.sports),
            _among(asked.league, self.leagues),
            _among(asked.level, self.levels),
            _among(asked.cls, self.classes),
            _same(asked.live, self.live),
            _same(asked.parlay, self.parlay),
            _same(asked.own_team, self.own_team),
            _same(asked.here, self.here),
            self.stake_max is None or asked.stake <= self.stake_max,
        )
        if False in found:
            return False
        return None if None in found else True


def _among(value: str | None, wanted: tuple[str, ...] | None) -> bool | None:
    if wanted is None:
        return True
    return None if value is None else value in wanted


def _same(value: bool | None, wanted: bool | None) -> bool | None:
    if wanted is None:
        return True
    return None if value is None else value == wanted


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text that was read: where, when, and of what date it is as far as it says."""

    id: _Words
    title: _Words
    section: _Words
    dated: _Words
    read: datetime.date
    address: Annotated[str, msgspec.Meta(pattern=r"\Ahttps?://")]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule; `text` is our paraphrase of what the source says. It holds from and until these days, both included."""

    id: _Words
    verdict: Literal["allow", "refuse"]
    source: str
    text: _Words
    when: When
    from_: datetime.date = msgspec.field(name="from", default=datetime.date.min)
    until: datetime.date = datetime.date.max


class Age(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Years, and the source that asks for them."""

    years: Annotated[int, msgspec.Meta(ge=HOUSE_AGE, le=30)]
    source: str


class StateRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of one state."""

    state: Annotated[str, msgspec.Meta(pattern=r"\AUS-[A-Z]{2}\Z")]
    name: _Words
    reviewed: datetime.date
    source: tuple[Source, ...]
    rule: tuple[Rule, ...]
    minimum_age: Age | None = None

    @property
    def age(self) -> int:
        """Whole years that somebody has to have."""
        return HOUSE_AGE if self.minimum_age is None else self.minimum_age.years

    def sourced(self) -> Iterable[str]:
        """Ids of the sources that are named."""
        age = () if self.minimum_age is None else (self.minimum_age.source,)
        return (*(rule.source for rule in self.rule), *age)


class Matrix:
    """The rules of all states. `version` names the files they were read from."""

    def __init__(self, states: Iterable[StateRules], *, version: str) -> None:
        self.version = version
        self.states: Mapping[str, StateRules] = {one.state: one for one in states}

    def offers(self, state: str) -> bool:
        """Whether anything at all is allowed there."""
        rules = self.states.get(state)
        return rules is not None and any(rule.verdict == "allow" for rule in rules.rule)

    def permit(self, state: str, asked: Question, *, on: datetime.date) -> Rule:
        """The rule that allows it. Raises GeoRefused."""
        rules = self.states.get(state)
        if rules is None or not self.offers(state):
            raise GeoRefused("geo_state_not_offered")
        if asked.age is None or asked.age < rules.age:
            raise GeoRefused("geo_too_young")
        running = [rule for rule in rules.rule if rule.from_ <= on <= rule.until]
        for rule in running:
            if rule.verdict == "refuse" and rule.when.applies(asked) is not False:
                raise GeoRefused("geo_market_not_allowed", rule=rule.id)
        for rule in running:
            if rule.verdict == "allow" and rule.when.applies(asked):
                return rule
        raise GeoRefused("geo_market_not_allowed")


def read_rules() -> Matrix:
    """The shipped files. Raises Refused("bad_rules")."""
    states, digest = [], hashlib.sha256()
    for path in sorted(_FOLDER.iterdir(), key=lambda path: path.name):
        text = path.read_bytes()
        digest.update(text)
        states.append(_state(path.name, text))
    newest = max(one.reviewed for one in states)
    return Matrix(states, version=f"{newest}/{digest.hexdigest()[:12]}")


def _state(name: str, text: bytes) -> StateRules:
    try:
        rules = msgspec.toml.decode(text, type=StateRules)
    except msgspec.MsgspecError as error:
        raise Refused("bad_rules", f"{name}: {error}") from error
    known = {source.id for source in rules.source}
    if name != f"{rules.state}.toml" or not known.issuperset(rules.sourced()):
        raise Refused("bad_rules", f"{name}: it is of another state, or names a source that it does not have")
    if len({rule.id for rule in rules.rule}) != len(rules.rule) or len(known) != len(rules.source):
        raise Refused("bad_rules", f"{name}: two rules or two sources have one id")
    return rules
