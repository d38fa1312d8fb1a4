"""Sportradar's sports, market descriptions and outcome names in our words. Tables and pure functions; no state.

A market is known by the English name of its description, which is a template: "{!quarternr} quarter - total" with
`quarternr=1|total=10.5` is the total of `q1` at 10.5. The few ids that every installation has are known as ids too. All
the rest is `special`, by a slug of its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from feeds.contract.errors import Refused
from feeds.contract.ids import slug
from feeds.contract.model import MarketClass, Side
from feeds.contract.prices import line_text
from feeds.providers.sportradar.spec import Description
from feeds.vocabulary import (
    BOTH_TEAMS_TO_SCORE,
    CLASSES,
    DRAW_NO_BET,
    GAME,
    MATCH_RESULT,
    MONEYLINE,
    NAMED_SIDES,
    OUTRIGHT,
    OVERTIME_SPORTS,
    REGULATION,
    SEASON,
    SPREAD,
    TEAM_TOTAL,
    TOTAL,
)

SPORTS: Final[Mapping[str, str]] = {
    "sr:sport:1": "soccer",
    "sr:sport:2": "basketball",
    "sr:sport:3": "baseball",
    "sr:sport:4": "hockey",
    "sr:sport:5": "tennis",
    "sr:sport:9": "golf",
    "sr:sport:10": "boxing",
    "sr:sport:16": "football",
    "sr:sport:21": "cricket",
    "sr:sport:22": "darts",
    "sr:sport:23": "volleyball",
    "sr:sport:117": "mma",
}
"""Our sport by theirs, where their name is not ours. American football is `football`, ice hockey `hockey`."""

_KNOWN: Final[Mapping[str, str]] = {
    "1": "1x2",
    "10": "double chance",
    "11": "draw no bet",
    "16": "handicap",
    "18": "total",
    "19": "{$competitor1} total",
    "20": "{$competitor2} total",
    "29": "both teams to score",
}
"""English names of markets whose descriptions may be in another language."""

_INCLUDING = re.compile(r"\s*\(incl\.? [^)]*\)")
_HALF = re.compile(r"(1st|2nd) half - (.+)")
_NUMBERED = re.compile(r"\{!(\w+)\} (quarter|set|period|inning|map|half) - (.+)")
_LETTERS: Final[Mapping[str, str]] = {"quarter": "q{}", "set": "s{}", "period": "p{}", "inning": "{}i", "half": "{}h"}

_SPREAD = re.compile(r"(?:asian |goal |point |game |run )?handicap\Z")
_TOTAL = re.compile(r"total(?: goals| points| games| runs)?\Z")
_TEAM_TOTAL = re.compile(r"\{\$competitor([12])\} total(?: goals| points| games| runs)?\Z")
_PLAYER = re.compile(r"\{%player\}(?: -)?(?: total)? (.+)")
_PLAIN: Final[Mapping[str, str]] = {
    "1x2": MATCH_RESULT,
    "winner": MONEYLINE,
    "draw no bet": DRAW_NO_BET,
    "both teams to score": BOTH_TEAMS_TO_SCORE,
}
_OWN: Final[Mapping[str, str]] = {"double chance": "double_chance", "correct score": "correct_score"}
"""Types under which other providers have other selections."""

_TEMPLATE = re.compile(r"\{[^{}]*\}")
_COUNT = re.compile(r"[0-9]{1,3}\Z")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,6}(\.[0-9]{1,4})?\Z")

_SIDES: Final[Mapping[str, Side]] = {
    "{$competitor1}": "home",
    "{$competitor1} ({+hcp})": "home",
    "{$competitor2}": "away",
    "{$competitor2} ({-hcp})": "away",
    "over {total}": "over",
    "under {total}": "under",
    **NAMED_SIDES,
}
_KNOWN_SIDES: Final[Mapping[str, Side]] = {"12": "over", "13": "under", "74": "yes", "76": "no"}
"""Outcome ids that mean the same in every market."""


class Kind(NamedTuple):
    """What a market is about. `about`: `home`, `away` or a player's id. `lined`: one line of many, of which one is
    main: it is `cls`, the others are `alternate`. `shared`: other providers have the same market."""

    cls: MarketClass
    type: str
    period: str = GAME
    line: str | None = None
    about: str | None = None
    lined: bool = False
    shared: bool = True


def kind_of(
    description: Description | None, market_id: str, specifiers: Mapping[str, str], *, sport_id: str, outright: bool
) -> Kind:
    """What a market is. `outright`: its event is a season or a tournament."""
    name = (_KNOWN.get(market_id) or (description.name if description else "")).lower().strip()
    if outright:
        return _outright(name, market_id)
    period, rest = _period(name, specifiers)
    bare = _INCLUDING.sub("", rest)
    if bare == rest and period == GAME and SPORTS.get(sport_id) in OVERTIME_SPORTS and "{%player}" not in rest:
        period = REGULATION
    plain = _PLAIN.get(bare)
    if plain is not None:
        return Kind(CLASSES[plain], plain, period)
    if bare in _OWN:
        return Kind("special", _OWN[bare], period, shared=False)
    return _lined(bare, period, specifiers) or _prop(bare, period, specifiers) or _special(name, market_id, specifiers)


def _outright(name: str, market_id: str) -> Kind:
    if not name or name == "winner" or "free text" in name:
        return Kind("future", OUTRIGHT, SEASON, shared=name == "winner")
    return Kind("future", _type_slug(name, market_id), SEASON, shared=False)


def _period(name: str, specifiers: Mapping[str, str]) -> tuple[str, str]:
    half = _HALF.match(name)
    if half is not None:
        return f"{half[1][0]}h", half[2]
    numbered = _NUMBERED.match(name)
    number = specifiers.get(numbered[1], "") if numbered is not None else ""
    if numbered is not None and _COUNT.match(number):
        return _LETTERS.get(numbered[2], numbered[2] + "{}").format(number), numbered[3]
    return GAME, name


def _lined(bare: str, period: str, specifiers: Mapping[str, str]) -> Kind | None:
    hcp, total = _decimal(specifiers.get("hcp")), _decimal(specifiers.get("total"))
    if hcp is not None and _SPREAD.match(bare):
        return Kind(CLASSES[SPREAD], SPREAD, period, hcp, lined=True)
    if total is not None and _TOTAL.match(bare):
        return Kind(CLASSES[TOTAL], TOTAL, period, total, lined=True)
    team = _TEAM_TOTAL.match(bare)
    if total is not None and team is not None:
        return Kind(CLASSES[TEAM_TOTAL], TEAM_TOTAL, period, total, "home" if team[1] == "1" else "away", lined=True)
    return None


def _prop(bare: str, period: str, specifiers: Mapping[str, str]) -> Kind | None:
    player, match = specifiers.get("player"), _PLAYER.match(bare)
    if player is None or match is None:
        return None
    return Kind("prop", _type_slug(match[1], ""), period, _decimal(specifiers.get("total")), player)


def _special(name: str, market_id: str, specifiers: Mapping[str, str]) -> Kind:
    line = _decimal(specifiers.get("total")) or _decimal(specifiers.get("hcp"))
    return Kind("special", _type_slug(name, market_id), line=line, about=specifiers.get("player"), shared=False)


def _type_slug(name: str, market_id: str) -> str:
    words = _TEMPLATE.sub(" ", _INCLUDING.sub("", name)).strip()
    return slug(words) if words else f"market_{slug(market_id)}"


@lru_cache(maxsize=16_384)
def _decimal(text: str | None) -> str | None:
    """A line in its one spelling. None where it is not decimal: a European handicap is `0:1`."""
    if text is None or not _DECIMAL.match(text):
        return None
    try:
        return line_text(text)
    except Refused:
        return None


def side_of(outcome_id: str, template: str) -> Side | None:
    """Which side an outcome is, by its template, or where there is none by its id."""
    return _SIDES.get(template.lower().strip()) or (_KNOWN_SIDES.get(outcome_id) if not template else None)


def signed(text: str) -> str:
    """A handicap as people write it: +3.5."""
    return text if text.startswith("-") or text == "0" else f"+{text}"


def negated(text: str) -> str:
    """A line from the other side."""
    return text if text == "0" else text.removeprefix("-") if text.startswith("-") else f"-{text}"


def ordinal(number: str) -> str:
    """1 as 1st."""
    if not number.isdecimal():
        return number
    ending = "th" if number[-2:] in ("11", "12", "13") else {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th")
    return number + ending


def render(template: str, specifiers: Mapping[str, str], names: Mapping[str, str]) -> str:
    """A name from its template. `names`: what stands for `$competitor1`, `$event`, `%player` and the like."""

    def filled(match: re.Match[str]) -> str:
        word = match[0][1:-1]
        if word in names:
            return names[word]
        value = specifiers.get(word.lstrip("+-!%$"))
        if value is None:
            return match[0]
        if word.startswith("!"):
            return ordinal(value)
        if word[0] in "+-" and (line := _decimal(value)) is not None:
            return signed(line if word[0] == "+" else negated(line))
        return value

    text = _TEMPLATE.sub(filled, template)
    return text[:1].upper() + text[1:]
