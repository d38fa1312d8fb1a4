"""What the simulator's markets, players and leagues are called in the Unified Odds Feed: ids, specifiers, documents.

Owns their numbers, given in order of appearance and kept for the life of the server, and the XML of the REST API. Pure.
Market ids and outcome ids are the feed's own where it has such a market; player props have ids of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple
from xml.sax.saxutils import quoteattr

from feeds.contract.model import Event, Market, Selection
from feeds.providers.simulator.spec import ROTATION

PRODUCER_PATH: Final = "liveodds"
WINDOW_MIN: Final = 600
_PROPS_FROM: Final = 9_000

_SPORTS: Final = {
    "soccer": (1, "Soccer"),
    "basketball": (2, "Basketball"),
    "baseball": (3, "Baseball"),
    "hockey": (4, "Ice Hockey"),
    "tennis": (5, "Tennis"),
    "football": (16, "American Football"),
}
_SIDES: Final = {
    "1": {"home": "1", "draw": "2", "away": "3"},
    "219": {"home": "4", "away": "5"},
    "223": {"home": "1714", "away": "1715"},
    "225": {"over": "12", "under": "13"},
    "227": {"over": "12", "under": "13"},
    "228": {"over": "12", "under": "13"},
}
_PROP_SIDES: Final = {"over": "12", "under": "13", "yes": "74", "no": "76"}
_NAMES: Final = {
    "{$competitor1}": ("1", "4"),
    "draw": ("2",),
    "{$competitor2}": ("3", "5"),
    "{$competitor1} ({+hcp})": ("1714",),
    "{$competitor2} ({-hcp})": ("1715",),
    "over {total}": ("12",),
    "under {total}": ("13",),
    "yes": ("74",),
    "no": ("76",),
}
_OUTCOME_NAMES: Final = {outcome: name for name, outcomes in _NAMES.items() for outcome in outcomes}
_MARKET_NAMES: Final = {
    "1": "1x2",
    "219": "Winner (incl. overtime)",
    "223": "Handicap (incl. overtime)",
    "225": "Total (incl. overtime)",
    "227": "{$competitor1} total (incl. overtime)",
    "228": "{$competitor2} total (incl. overtime)",
}
OUTRIGHT: Final = "906"


class UofLine(NamedTuple):
    """A market line, its outcomes in the order of the selections, and whether it is the main one of its group."""

    market: str
    specifiers: str
    outcomes: tuple[str, ...]
    favourite: bool


class Catalogue:
    """Numbers and names of what was put so far."""

    def __init__(self) -> None:
        self._events: dict[str, str] = {}
        self._by_number: dict[str, Event] = {}
        self._competitors: dict[tuple[str, str], str] = {}
        self._players: dict[str, str] = {}
        self._player_names: dict[str, str] = {}
        self._outright_teams: dict[str, tuple[str, ...]] = {}
        props = dict.fromkeys(prop.type for league in ROTATION for prop in league.sport.props)
        self._props = {prop: str(_PROPS_FROM + number) for number, prop in enumerate(props)}

    def event_id(self, event: Event) -> str:
        """The event's URN."""
        kind = "season" if event.kind == "outright" else "match"
        found = self._events.setdefault(event.id, f"sr:{kind}:{len(self._events) + 1}")
        self._by_number[found] = event
        return found

    def line(self, event: Event, market: Market) -> UofLine:
        """The line that a market is."""
        if market.cls == "future":
            teams = tuple(self._competitor(event, selection.name) for selection in market.selections)
            self._outright_teams[self.event_id(event)] = tuple(selection.name for selection in market.selections)
            return UofLine(OUTRIGHT, "", teams, favourite=True)
        market_id, specifiers = self._identity(event, market)
        sides = _SIDES.get(market_id, _PROP_SIDES)
        outcomes = tuple(sides[_side(selection)] for selection in market.selections)
        return UofLine(market_id, specifiers, outcomes, market.cls != "alternate")

    def _identity(self, event: Event, market: Market) -> tuple[str, str]:
        sides = {selection.side for selection in market.selections}
        if market.subject is not None and market.subject.type == "player":
            player = f"player={self._player(market.subject.id, market.subject.name)}"
            total = "" if market.line is None else f"|total={market.line}"
            return self._props[market.type], player + total
        if market.subject is not None:
            return "227" if market.subject.name == event.home else "228", f"total={market.line}"
        if market.line is None:
            return "1" if "draw" in sides else "219", ""
        return ("225", f"total={market.line}") if "over" in sides else ("223", f"hcp={market.line}")

    def _player(self, subject_id: str, name: str) -> str:
        found = self._players.setdefault(subject_id, f"sr:player:{len(self._players) + 1}")
        self._player_names[found] = name
        return found

    def _competitor(self, event: Event, name: str) -> str:
        key = (event.league, name)
        return self._competitors.setdefault(key, f"sr:competitor:{len(self._competitors) + 1}")

    def descriptions(self) -> bytes:
        """markets.xml."""
        markets = [_market(market, name, _SIDES[market].values()) for market, name in _MARKET_NAMES.items()]
        markets.append(_market(OUTRIGHT, "Winner", ()))
        for prop, market in self._props.items():
            words = prop.replace("_", " ")
            markets.append(_market(market, f"{{%player}} total {words}", _PROP_SIDES.values()))
        return f'<market_descriptions response_code="OK">{"".join(markets)}</market_descriptions>'.encode()

    def fixture(self, event_id: str) -> bytes | None:
        """fixture.xml of an event; None: there is none."""
        event = self._by_number.get(event_id)
        if event is None:
            return None
        number, sport = _SPORTS[event.sport]
        league = [league.slug for league in ROTATION].index(event.league)
        if event.kind == "outright":
            competitors = [(name, "") for name in self._outright_teams.get(event_id, ())]
        else:
            competitors = [(event.home or "", "home"), (event.away or "", "away")]
        teams = "".join(
            f"<competitor id={quoteattr(self._competitor(event, name))} name={quoteattr(name)}"
            f"{f' qualifier={quoteattr(side)}' if side else ''}/>"
            for name, side in competitors
        )
        name = f" name={quoteattr(event.name)}" if event.kind == "outright" else ""
        return (
            f'<fixtures_fixture xmlns="http://schemas.sportradar.com/sportsapi/v1/unified">'
            f"<fixture id={quoteattr(event_id)}{name} start_time={quoteattr(event.start)}>"
            f'<tournament id="sr:tournament:{league + 1}" name={quoteattr(event.league)}>'
            f'<sport id="sr:sport:{number}" name={quoteattr(sport)}/></tournament>'
            f"<competitors>{teams}</competitors></fixture></fixtures_fixture>"
        ).encode()

    def players(self) -> list[bytes]:
        """profile.xml of every player so far."""
        return [profile for each in self._player_names if (profile := self.player(each)) is not None]

    def player(self, player_id: str) -> bytes | None:
        """profile.xml of a player; None: there is none."""
        name = self._player_names.get(player_id)
        if name is None:
            return None
        return (
            f"<player_profile><player id={quoteattr(player_id)} full_name={quoteattr(name)}/></player_profile>".encode()
        )


def producers(product: int) -> bytes:
    """producers.xml."""
    return (
        f'<producers response_code="OK"><producer id="{product}" name="LO" active="true" scope="live" '
        f'api_url="http://127.0.0.1/v1/{PRODUCER_PATH}/" stateful_recovery_window_in_minutes="{WINDOW_MIN}"/>'
        "</producers>"
    ).encode()


def _market(market: str, name: str, outcomes: Iterable[str]) -> str:
    rows = "".join(f"<outcome id={quoteattr(one)} name={quoteattr(_OUTCOME_NAMES[one])}/>" for one in outcomes)
    return f'<market id="{market}" name={quoteattr(name)} groups="all"><outcomes>{rows}</outcomes></market>'


def _side(selection: Selection) -> str:
    assert selection.side is not None, selection.name
    return selection.side
