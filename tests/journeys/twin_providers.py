"""One slate told by two real providers at once: Betfair's stream over TLS and The Odds API over HTTP, simulated.

Owns the slate's time, the servers, the settings and the mapping files that join their events. Whoever reads both hears
the same game in two sets of words, ids and prices.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from feeds.contract.model import Event
from feeds.ports import State
from feeds.providers.simulator.listing import Chance
from feeds.providers.simulator.serving.betfair import BetfairServer
from feeds.providers.simulator.serving.certificate import loopback_certificate
from feeds.providers.simulator.serving.theoddsapi import OddsApiServer
from feeds.providers.simulator.serving.theoddsapi_answers import raw_id
from feeds.providers.simulator.slate import Slate
from tests.feeds.betfair_server import settings as betfair_settings
from tests.feeds.odds_api import settings as theoddsapi_settings
from tests.feeds.odds_api import unix_ms

TICK_S = 0.05
UPDATES_A_TICK = 8
LONG_GAME_MS = 10_800_000
"""No game ends while one looks."""


class Twins:
    """Both servers, and where they are once they serve. `playing`: the slate goes on, `ahead_ms` before our time."""

    def __init__(self, folder: Path, *, events: int, game_ms: int) -> None:
        certificate = loopback_certificate()
        self.betfair = BetfairServer(tls=certificate.tls, seed=1)
        self.betfair_port = 0
        self.ca_file = folder / "ca.pem"
        self.theoddsapi = OddsApiServer(seed=1)
        self.theoddsapi_port = 0
        self.playing = True
        self.ahead_ms = 0
        self._folder = folder
        self.ca_file.write_bytes(certificate.authority)
        self._slate = Slate(
            chance=Chance(3, "twins"), events=events, feed="source", lanes=1, now_ms=unix_ms(), game_ms=game_ms
        )
        opening = self._slate.open()
        self.games = [state for state in opening if isinstance(state, Event) and state.kind == "game"]
        self._put(opening)

    @property
    def sports(self) -> list[str]:
        """Topics of all that is played."""
        return sorted({game.sport for game in self.games})

    def mapping(self, provider: str) -> Path:
        """The file that gives every game one key, in the provider's ids."""
        path = self._folder / f"{provider}.toml"
        rows = [f'"{self._raw_id(provider, game)}" = {_row(game)}' for game in self.games]
        path.write_text("\n".join(["[events]", *rows]))
        return path

    def _raw_id(self, provider: str, game: Event) -> str:
        return raw_id(game) if provider == "theoddsapi" else self.betfair.board.event_id(game.id)

    def _put(self, states: list[State]) -> None:
        self.betfair.put(states)
        self.theoddsapi.put(states)

    async def play(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            if self.playing:
                self._put(self._slate.advance(unix_ms() + self.ahead_ms, UPDATES_A_TICK))
                self.betfair.results(self._slate.results())

    def tell(self, environment: pytest.MonkeyPatch) -> None:
        """How feeds of both providers reach them, as settings of processes."""
        sports = ",".join(self.theoddsapi.answers.sports())
        for settings in (
            betfair_settings(self.betfair_port, self.ca_file),
            theoddsapi_settings(self.theoddsapi_port, sports, timeout_s=5.0),
        ):
            for name in settings.model_fields_set:
                value = getattr(settings, name)
                text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
                environment.setenv(f"{settings.model_config['env_prefix']}{name}".upper(), text)


def _row(game: Event) -> str:
    return f'{{ key = "{game.id}", sport = "{game.sport}", league = "{game.league}" }}'


@asynccontextmanager
async def twins(folder: Path, *, events: int = 4, game_ms: int = LONG_GAME_MS) -> AsyncIterator[Twins]:
    """Both serve meanwhile, and the slate goes on."""
    made = Twins(folder, events=events, game_ms=game_ms)
    async with made.betfair.serving() as made.betfair_port, made.theoddsapi.serving() as made.theoddsapi_port:
        playing = asyncio.create_task(made.play())
        yield made
        playing.cancel()
        await asyncio.wait([playing])
