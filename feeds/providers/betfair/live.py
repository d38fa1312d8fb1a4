"""The live Exchange Stream as a provider: puts together account, connection, reader and teller. No rule of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import structlog

from feeds.contract.errors import Refused
from feeds.contract.model import Market
from feeds.mapping import Names
from feeds.ports import FeedSink
from feeds.providers.betfair.account import Account, AccountUnavailable
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.connection import StreamConnection
from feeds.providers.betfair.mapping import Translator
from feeds.providers.betfair.naming import Naming
from feeds.providers.betfair.settings import BetfairSettings
from feeds.providers.betfair.telling import Teller
from feeds.providers.clock import unix_ms
from feeds.providers.endings import not_offered
from feeds.recorder import Recorder
from feeds.recording import Tally

_log = structlog.get_logger(__name__)


class BetfairLive:
    """The live feed. A `feeds.ports.Provider`. Raises Refused("bad_settings") without an app key.

    `tally` counts lines, understood and refused. `transport` stands in the place of the HTTP network in tests.
    """

    def __init__(
        self,
        settings: BetfairSettings,
        *,
        feed: str,
        lanes: int,
        names: Names | None = None,
        now_ms: Callable[[], int] = unix_ms,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if not settings.app_key.get_secret_value():
            raise Refused("bad_settings", "ODDSWIRE_BETFAIR_APP_KEY is not set")
        self.feed = feed
        self.tally = Tally()
        self._settings = settings
        self._account = Account(settings, transport=transport)
        self._lanes = lanes
        self._names = names
        self._now_ms = now_ms
        self.recorder: Recorder | None = None
        """Records what the stream says, from the next connection on."""

    async def run(self, sink: FeedSink) -> None:
        """Until cancelled. Raises, in a group, Refused("betfair_login", or "betfair_" and Betfair's error code)."""
        catalogue = Catalogue()
        naming = Naming(catalogue, self._account if self._settings.betting_url else None)
        translator = Translator(feed=self.feed, lanes=self._lanes, catalogue=catalogue, names=self._names)
        teller = Teller(sink, translator, self._now_ms)
        connection = StreamConnection(self._settings, self._account, naming=naming, teller=teller, tally=self.tally)
        connection.record = None if self.recorder is None else self.recorder.lines()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_alive())
            group.create_task(connection.keep_up())

    def absent(self, market: Market, now_ms: int) -> Market:
        """What the log holds and the stream does not mention is not offered: suspended."""
        return not_offered(market, now_ms)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._settings.keep_alive_s)
            try:
                await self._account.keep_alive()
            except AccountUnavailable as error:
                _log.warning("keep_alive_failed", feed=self.feed, detail=str(error)[:200])
