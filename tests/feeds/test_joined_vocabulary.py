"""The same game told by each of three providers is the same event, the same markets and the same selections.

Each provider tells it in words of its own: names, orders, signs and market types as it has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import pytest

from feeds.contract.model import Event, Market
from feeds.mapping import MappingTable, Names
from feeds.ports import State
from feeds.providers.simulator.serving.uof_catalogue import Catalogue
from feeds.providers.sportradar.documents import parse_document
from feeds.providers.sportradar.mapping import Translator
from feeds.providers.sportradar.parse import parse
from feeds.providers.sportradar.spec import EventMessage
from feeds.vocabulary import CLASSES, shared, winner
from tests.feeds import betfair_states, theoddsapi_answers, uof_messages
from tests.feeds.betfair_stream import change, definition, line, runner
from tests.feeds.theoddsapi_answers import market as answer
from tests.feeds.theoddsapi_answers import outcome
from tests.feeds.uof_messages import market as uof

KEY = {"key": "the-game", "sport": "football", "league": "the_league"}
HOME, AWAY = "Ayton", "Beeham"
HOME_ID, AWAY_ID, DRAW_ID = 21, 22, 58805
OVER_ID, UNDER_ID = 31, 32

Json = dict[str, Any]


class Game(NamedTuple):
    """A game as each provider tells it, and what it is of ours: class, type, period and line of each market."""

    betfair: list[Json]
    theoddsapi: list[Json]
    sportradar: list[str]
    markets: set[tuple[str, str, str, str | None]]
    sport_key: str
    sr_sport: int


def _winner(*, draw: bool, **more: Any) -> Json:
    runners = [runner(AWAY_ID, name=AWAY, sortPriority=1), runner(HOME_ID, name=HOME, sortPriority=2)]
    drawn = [runner(DRAW_ID, name="The Draw", sortPriority=3)] if draw else []
    return definition(runners=[*runners, *drawn], marketType="MATCH_ODDS", **more)


def _asian(market_type: str, main: float, *lines: float, sides: tuple[tuple[int, str, int], ...]) -> Json:
    """An Asian handicap of some lines; `sides`: id, name and sign of the line of both runners."""
    return definition(
        runners=[
            runner(number, name=name, hc=sign * each, sortPriority=place)
            for place, (each, (number, name, sign)) in enumerate((each, side) for each in lines for side in sides)
        ],
        marketType=market_type,
        bettingType="ASIAN_HANDICAP_DOUBLE_LINE",
        keyLineDefinition={"kl": [{"id": number, "hc": sign * main} for number, _, sign in sides]},
    )


def _handicap(market_type: str, main: float, *lines: float) -> Json:
    """Lines of the home side; the away side comes first, as Americans list them."""
    return _asian(market_type, main, *lines, sides=((AWAY_ID, AWAY, -1), (HOME_ID, HOME, 1)))


def _over_under(market_type: str) -> Json:
    both = [runner(UNDER_ID, name="Under 2.5 Goals"), runner(OVER_ID, name="Over 2.5 Goals")]
    return definition(runners=both, marketType=market_type)


def _spread(point: float, key: str = "spreads") -> Json:
    return answer(key, outcome(AWAY, 1.9, -point), outcome(HOME, 1.9, point))


def _both(home: str, away: str) -> dict[str, str]:
    return {home: "1.9", away: "1.9"}


_SOCCER = Game(
    [
        _winner(draw=True),
        _handicap("ASIAN_HANDICAP", -0.5, -1.5, -0.5),
        _over_under("OVER_UNDER_25"),
        _over_under("OVER_UNDER_35"),
    ],
    [
        answer("h2h", outcome(AWAY, 3), outcome("Draw", 3), outcome(HOME, 3)),
        _spread(-0.5),
        _spread(-1.5, "alternate_spreads"),
        theoddsapi_answers.total(2.5),
        theoddsapi_answers.total(3.5, key="alternate_totals"),
    ],
    [
        uof(1, prices={"1": "3", "2": "3", "3": "3"}),
        uof(16, "hcp=-0.5", _both("1714", "1715"), favourite=1),
        uof(16, "hcp=-1.5", _both("1714", "1715")),
        uof(18, "total=2.5", _both("12", "13"), favourite=1),
        uof(18, "total=3.5", _both("12", "13")),
    ],
    {
        ("main", "match_result", "game", None),
        ("main", "spread", "game", "-0.5"),
        ("alternate", "spread", "game", "-1.5"),
        ("main", "total", "game", "2.5"),
        ("alternate", "total", "game", "3.5"),
    },
    "soccer_epl",
    1,
)
_FOOTBALL = Game(
    [
        _winner(draw=False),
        _handicap("HANDICAP", 3.5, 3.5, 6.5),
        _asian("COMBINED_TOTAL", 44.5, 41.5, 44.5, sides=((UNDER_ID, "Under", 1), (OVER_ID, "Over", 1))),
    ],
    [
        answer("h2h", outcome(AWAY, 2), outcome(HOME, 2)),
        _spread(3.5),
        _spread(6.5, "alternate_spreads"),
        theoddsapi_answers.total(44.5),
        theoddsapi_answers.total(41.5, key="alternate_totals"),
    ],
    [
        uof(219, prices=_both("4", "5")),
        uof(223, "hcp=3.5", _both("1714", "1715"), favourite=1),
        uof(223, "hcp=6.5", _both("1714", "1715")),
        uof(225, "total=44.5", _both("12", "13"), favourite=1),
        uof(225, "total=41.5", _both("12", "13")),
    ],
    {
        ("main", "moneyline", "game", None),
        ("main", "spread", "game", "3.5"),
        ("alternate", "spread", "game", "6.5"),
        ("main", "total", "game", "44.5"),
        ("alternate", "total", "game", "41.5"),
    },
    "americanfootball_nfl",
    16,
)
_HOCKEY = Game(
    [_winner(draw=True)],
    [answer("h2h_3_way", outcome(HOME, 3), outcome(AWAY, 3), outcome("Draw", 3))],
    [uof(1, prices={"1": "3", "2": "3", "3": "3"})],
    {("main", "match_result", "regulation", None)},
    "icehockey_nhl",
    4,
)
GAMES = {"soccer": _SOCCER, "football": _FOOTBALL, "hockey": _HOCKEY}
_EVENT_TYPES = {"soccer": "1", "football": "6423", "hockey": "7524"}


def _by_betfair(sport: str, game: Game) -> list[State]:
    common = {"eventId": "31000001", "eventTypeId": _EVENT_TYPES[sport], "eventName": f"{AWAY} @ {HOME}"}
    feed = betfair_states.Feed(table=_table("31000001"))
    changes = [
        change(market=f"1.{number}", marketDefinition={**told, **common}) for number, told in enumerate(game.betfair)
    ]
    return feed.states(line(*changes))


def _by_theoddsapi(game: Game) -> list[State]:
    told = theoddsapi_answers.Told(names=Names("theoddsapi", _table(theoddsapi_answers.EVENT)))
    event = theoddsapi_answers.event(
        *game.theoddsapi, sport_key=game.sport_key, home_team=HOME, away_team=AWAY, sport_title="The League"
    )
    return told.one(event)


def _by_sportradar(game: Game) -> list[State]:
    translator = Translator(feed="sportradar", lanes=4, mapping=_table(uof_messages.EVENT), product=1)
    sport = f'<sport id="sr:sport:{game.sr_sport}" name="A sport"/>'
    fixture = uof_messages.FIXTURE.replace(b'<sport id="sr:sport:1" name="Soccer"/>', sport.encode())
    for document in (Catalogue().descriptions(), uof_messages.DESCRIPTIONS, fixture):
        translator.learn(parse_document(document), uof_messages.T)
    message = parse(uof_messages.odds(*game.sportradar))
    assert isinstance(message, EventMessage)
    return translator.apply(message, uof_messages.T).states


def _table(raw_id: str) -> MappingTable:
    return msgspec.convert({"events": {raw_id: KEY}}, MappingTable)


def _identities(states: Iterable[State]) -> Mapping[tuple[str, ...], dict[str | None, str]]:
    """What must be the same: every market by all that is fixed of it, its selections by side."""
    return {
        (each.event, each.topic, each.id, each.group or "", each.cls, each.type, each.period, each.line or ""): {
            selection.side: selection.id for selection in each.selections
        }
        for each in states
        if isinstance(each, Market) and not each.gone
    }


@pytest.mark.parametrize("sport", GAMES)
def test_the_same_game_is_the_same_markets_whoever_tells_of_it(sport: str) -> None:
    game = GAMES[sport]
    told = {
        "betfair": _by_betfair(sport, game),
        "theoddsapi": _by_theoddsapi(game),
        "sportradar": _by_sportradar(game),
    }
    for provider, states in told.items():
        (event,) = {(each.id, each.topic, each.home, each.away) for each in states if isinstance(each, Event)}
        assert event[1:] == (f"football.the_league.{event[0]}", HOME, AWAY), provider
        markets = [each for each in states if isinstance(each, Market) and not each.gone]
        assert {(each.cls, each.type, each.period, each.line) for each in markets} == game.markets, provider
        assert len(markets) == len(game.markets)
        assert all(selection.side for each in markets for selection in each.selections), provider
    first, *others = map(_identities, told.values())
    for other in others:
        assert other == first


def test_lines_of_both_sides_are_their_own() -> None:
    for states in (_by_betfair("football", _FOOTBALL), _by_theoddsapi(_FOOTBALL), _by_sportradar(_FOOTBALL)):
        (main,) = (each for each in states if isinstance(each, Market) and (each.type, each.cls) == ("spread", "main"))
        assert {each.side: each.line for each in main.selections} == {"home": "3.5", "away": "-3.5"}


def test_a_draw_is_of_regulation_only_where_there_is_overtime() -> None:
    assert winner("soccer", drawable=True) == ("match_result", "game")
    assert winner("hockey", drawable=True) == ("match_result", "regulation")
    assert winner("hockey", drawable=True, period="1h") == ("match_result", "1h")
    assert winner("hockey", drawable=False) == ("moneyline", "game")


def test_a_word_of_the_table_under_another_class_is_a_providers_own() -> None:
    assert all(shared(cls, market_type) for market_type, cls in CLASSES.items())
    assert shared("alternate", "total")
    assert not shared("special", "total")
    assert not shared("main", "corners")
