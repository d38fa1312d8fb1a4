"""Documents of the REST API: XML bytes to descriptions, fixtures, players, producers. Pure and total, as `parse` is.

Never fetches anything. A fixture without a tournament, or a market without outcomes, is as good as any.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from feeds.contract.errors import Refused
from feeds.providers.sportradar.parse import identifier, integer, integer_or_none
from feeds.providers.sportradar.spec import Competitor, Description, Document, Fixture, Player, Producer
from feeds.providers.sportradar.xml import Element, read_xml
from feeds.providers.times import utc_text

NAME_CHARACTERS_MAX: Final = 200
_FAMILY_FIRST: Final = ", "


def parse_document(data: bytes) -> Document:
    """A document of whatever kind. Raises Refused("unknown_document" | "bad_value"), or the codes of read_xml."""
    root = read_xml(data)
    match root.tag:
        case "market_descriptions":
            return tuple(_description(market) for market in root.findall("market"))
        case "variant_descriptions":
            return tuple(_variant(variant) for variant in root.findall("variant"))
        case "fixtures_fixture":
            return _fixture(_only(root, "fixture"))
        case "player_profile":
            return _player(_only(root, "player"))
        case "producers":
            return tuple(_producer(producer) for producer in root.findall("producer"))
    raise Refused("unknown_document", f"not a document of the API: {root.tag[:80]!r}")


def _only(root: Element, tag: str) -> Element:
    found = root.find(tag)
    if found is None:
        raise Refused("bad_value", f"{root.tag} without {tag}")
    return found


def _name(element: Element | None, name: str = "name") -> str:
    return "" if element is None else element.get(name, "")[:NAME_CHARACTERS_MAX]


def _description(market: Element) -> Description:
    return Description(
        id=identifier(market),
        name=_name(market),
        groups=frozenset(group for group in market.get("groups", "").split("|") if group),
        variant=market.get("variant"),
        outcomes=_outcomes(market),
    )


def _variant(variant: Element) -> Description:
    return Description(id="", name="", variant=identifier(variant), outcomes=_outcomes(variant))


def _outcomes(market: Element) -> dict[str, str]:
    return {identifier(outcome): _name(outcome) for outcome in market.findall("outcomes/outcome")}


def _fixture(fixture: Element) -> Fixture:
    sport = fixture.find("tournament/sport")
    tournament = fixture.find("tournament")
    return Fixture(
        id=identifier(fixture),
        name=_name(fixture),
        start=_utc(fixture.get("start_time") or fixture.get("scheduled") or ""),
        sport_id="" if sport is None else sport.get("id", ""),
        sport_name=_name(sport),
        tournament_id="" if tournament is None else tournament.get("id", ""),
        tournament_name=_name(tournament),
        competitors=tuple(
            Competitor(identifier(competitor), _name(competitor), competitor.get("qualifier"))
            for competitor in fixture.findall("competitors/competitor")
        ),
    )


def _utc(text: str) -> str:
    """RFC 3339 in UTC, whole seconds; empty where there is none."""
    if not text:
        return ""
    try:
        return utc_text(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise Refused("bad_value", f"not a time: {text[:40]!r}") from error


def _player(player: Element) -> Player:
    name = _name(player, "full_name")
    if not name:
        family, comma, given = _name(player).partition(_FAMILY_FIRST)
        name = f"{given} {family}" if comma else family
    return Player(identifier(player), name)


def _producer(producer: Element) -> Producer:
    address = producer.get("api_url", "")
    try:
        path = urlsplit(address).path.strip("/").rpartition("/")[2]
    except ValueError as error:
        raise Refused("bad_value", f"not an address: {address[:80]!r}") from error
    return Producer(
        id=integer(producer, "id"),
        path=path,
        scope=producer.get("scope", ""),
        window_min=integer_or_none(producer, "stateful_recovery_window_in_minutes"),
    )
