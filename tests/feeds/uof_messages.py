"""Unified Odds Feed messages of our own making, for tests."""

from __future__ import annotations

from typing import Any

from feeds.mapping import MappingTable
from feeds.providers.sportradar.documents import parse_document
from feeds.providers.sportradar.mapping import Translator

EVENT = "sr:match:1"
T = 1_900_000_000_000


def message(
    kind: str, inner: str = "", *, at: int = 0, event: str = EVENT, product: int | str = 1, **more: Any
) -> bytes:
    """A message about an event, `at` milliseconds after T."""
    attributes = "".join(f' {name}="{value}"' for name, value in more.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>'
        f'<{kind} event_id="{event}" product="{product}" timestamp="{T + at}"{attributes}>{inner}</{kind}>'
    ).encode()


def odds(*markets: str, at: int = 0, status: str = "", **more: Any) -> bytes:
    """An odds_change."""
    return message("odds_change", f"{status}<odds>{''.join(markets)}</odds>", at=at, **more)


def market(market_id: int | str, specifiers: str = "", prices: dict[str, str] | None = None, **more: Any) -> str:
    """A market of an odds_change: odds by outcome id; an empty one is not active."""
    said = f' specifiers="{specifiers}"' if specifiers else ""
    attributes = "".join(f' {name}="{value}"' for name, value in more.items())
    rows = "".join(
        f'<outcome id="{outcome}" odds="{price}" active="1"/>' if price else f'<outcome id="{outcome}" active="0"/>'
        for outcome, price in (prices or {}).items()
    )
    return f'<market id="{market_id}"{said}{attributes}>{rows}</market>'


def settlement(*markets: str, at: int = 0, certainty: int = 2, **more: Any) -> bytes:
    """A bet_settlement."""
    return message("bet_settlement", f"<outcomes>{''.join(markets)}</outcomes>", at=at, certainty=certainty, **more)


def settled(market_id: int | str, specifiers: str = "", results: dict[str, str] | None = None) -> str:
    """A market of a bet_settlement: the attributes of each outcome by its id."""
    said = f' specifiers="{specifiers}"' if specifiers else ""
    rows = "".join(f'<outcome id="{outcome}" {result}/>' for outcome, result in (results or {}).items())
    return f'<market id="{market_id}"{said}>{rows}</market>'


def state(status: int, home: int = 0, away: int = 0) -> str:
    """A sport_event_status."""
    return f'<sport_event_status status="{status}" home_score="{home}" away_score="{away}"/>'


DESCRIPTIONS = b"""\
<market_descriptions response_code="OK">
  <market id="1" name="1x2" groups="all|score|regular_play"><outcomes>
    <outcome id="1" name="{$competitor1}"/><outcome id="2" name="draw"/><outcome id="3" name="{$competitor2}"/>
  </outcomes></market>
  <market id="16" name="Handicap" groups="all|score|regular_play"><outcomes>
    <outcome id="1714" name="{$competitor1} ({+hcp})"/><outcome id="1715" name="{$competitor2} ({-hcp})"/>
  </outcomes></market>
  <market id="18" name="Total" groups="all|score|regular_play"><outcomes>
    <outcome id="12" name="over {total}"/><outcome id="13" name="under {total}"/>
  </outcomes></market>
  <market id="19" name="{$competitor1} total" groups="all|score"><outcomes>
    <outcome id="12" name="over {total}"/><outcome id="13" name="under {total}"/>
  </outcomes></market>
  <market id="21" name="Exact goals" groups="all|score"/>
  <market id="21" name="Exact goals" variant="sr:exact_goals:2+"><outcomes>
    <outcome id="sr:exact_goals:2+:1" name="0"/><outcome id="sr:exact_goals:2+:2" name="1"/>
  </outcomes></market>
  <market id="40" name="Anytime goalscorer" groups="all|scorers"/>
  <market id="236" name="{!quarternr} quarter - total" groups="all|q"><outcomes>
    <outcome id="12" name="over {total}"/><outcome id="13" name="under {total}"/>
  </outcomes></market>
  <market id="914" name="{%player} total passing yards (incl. overtime)" groups="all|players"><outcomes>
    <outcome id="12" name="over {total}"/><outcome id="13" name="under {total}"/>
  </outcomes></market>
  <market id="166" name="Total corners" groups="all|corners"><outcomes>
    <outcome id="12" name="over {total}"/><outcome id="13" name="under {total}"/>
  </outcomes></market>
</market_descriptions>
"""

FIXTURE = b"""\
<fixtures_fixture xmlns="http://schemas.sportradar.com/sportsapi/v1/unified">
  <fixture id="sr:match:1" start_time="2030-03-17T15:00:00+00:00">
    <tournament id="sr:tournament:17" name="Premier League"><sport id="sr:sport:1" name="Soccer"/></tournament>
    <competitors>
      <competitor id="sr:competitor:1" name="Ayton" qualifier="home"/>
      <competitor id="sr:competitor:2" name="Beeham" qualifier="away"/>
    </competitors>
  </fixture>
</fixtures_fixture>
"""

PLAYER = b'<player_profile><player id="sr:player:7" name="Roe, Sam"/></player_profile>'


def translator(*, mapping: MappingTable | None = None, product: int | None = 1, fixture: bool = True) -> Translator:
    """One that has its descriptions, and the fixture."""
    made = Translator(feed="sportradar-1", lanes=4, mapping=mapping or MappingTable(), product=product)
    made.learn(parse_document(DESCRIPTIONS), T)
    if fixture:
        made.learn(parse_document(FIXTURE), T)
    return made
