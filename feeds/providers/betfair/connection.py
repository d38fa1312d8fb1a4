"""A TLS connection to the Exchange Stream, kept up around a sans-I/O session. The thin shell.

Owns the socket, timeouts, reconnects and what outlives one connection: what is known, and where to resume. Decides
nothing about meaning: `session` holds the conversation, `parse` reads lines, `failures` says what an error asks for.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final, NoReturn

import structlog

from feeds.contract.errors import Refused
from feeds.providers.betfair.account import Account, AccountUnavailable, tls_context
from feeds.providers.betfair.backoff import Backoff
from feeds.providers.betfair.failures import StreamFailed
from feeds.providers.betfair.naming import Naming
from feeds.providers.betfair.parse import Change, StreamReader
from feeds.providers.betfair.requests import MARKET_DEFINITION, DataFilter, MarketFilter, Resume, Subscription
from feeds.providers.betfair.session import Credentials, StreamSession
from feeds.providers.betfair.settings import BetfairSettings, words
from feeds.providers.betfair.standing import Standing
from feeds.providers.betfair.telling import Teller
from feeds.providers.refusals import RefusalLog
from feeds.recorder import LineRecorder
from feeds.recording import Tally

READ_BYTES_MAX: Final = 64 * 1024
"""Read between two turns of the loop."""

IMAGE_TIMEOUT_S: Final = 120.0
"""A stream that speaks but has not told the whole image by then is made anew."""

LIVED_S: Final = 30.0
"""A connection that was live for this long has proved itself: the next wait is a first one."""

_log = structlog.get_logger(__name__)


class StreamConnection:
    """The feed's line to Betfair. `tally` counts the lines of all its connections."""

    def __init__(
        self, settings: BetfairSettings, account: Account, *, naming: Naming, teller: Teller, tally: Tally
    ) -> None:
        self._settings = settings
        self._account = account
        self._naming = naming
        self._teller = teller
        self._tally = tally
        self._reader = StreamReader(live=True)
        self._standing = Standing(teller, settings.down_after_s)
        self._refusals = RefusalLog(f"{settings.host}:{settings.port}")
        self._backoff = Backoff(first_s=settings.backoff_s, max_s=settings.backoff_max_s, rng=Random())
        self._subscription: Subscription | None = None
        self._resume: Resume | None = None
        self._holed_images = 0
        self.record: LineRecorder | None = None

    async def keep_up(self) -> None:
        """Connects, and connects again, until cancelled. Raises Refused where trying again is of no use."""
        self._teller.begin()
        try:
            while True:
                self._standing.cut_off()
                failure = await self._until_failed()
                self._standing.cut_off()
                self._prepare(failure)
                wait_s = self._backoff.next_s()
                _log.warning("stream_ended", code=failure.code, detail=str(failure)[:200], wait_s=round(wait_s, 3))
                await asyncio.sleep(wait_s)
        finally:
            self._standing.end()

    def _prepare(self, failure: StreamFailed) -> None:
        """What a failure asks for before the next connection."""
        if failure.remedy == "refuse":
            raise Refused(f"betfair_{failure.code.lower()}", f"Betfair refuses: {failure}")
        if failure.remedy == "image":
            self._resume = None
        elif failure.remedy == "login":
            self._account.session_is_bad()

    async def _until_failed(self) -> StreamFailed:
        """One connection, from beginning to end."""
        try:
            session = await self._session()
        except AccountUnavailable as error:
            return StreamFailed("account_unavailable", str(error), "resume")
        try:
            await self._converse(session)
        except StreamFailed as failure:
            return failure
        except TimeoutError:
            return StreamFailed("silent", f"nothing came in phase {session.phase}", "resume")
        except OSError as error:
            return StreamFailed("cut", f"{type(error).__name__} {error}", "resume")
        finally:
            self._resume = session.resume
            self._count(session)

    async def _session(self) -> StreamSession:
        """A fresh conversation; with a fresh filter, where it cannot be resumed anyway."""
        credentials = Credentials(self._account.app_key, await self._account.session())
        if self._resume is None or self._subscription is None:
            self._subscription = await self._subscribe_to()
        return StreamSession(
            self._reader,
            credentials,
            self._subscription,
            resume=self._resume,
            holes_allowed=self._holed_images >= self._settings.holed_images_max,
        )

    async def _subscribe_to(self) -> Subscription:
        settings = self._settings
        competitions = words(settings.competitions)
        return Subscription(
            market_filter=MarketFilter(
                event_type_ids=words(settings.event_types),
                market_types=words(settings.market_types),
                country_codes=words(settings.countries),
                event_ids=await self._account.events(competitions) if competitions else [],
            ),
            market_data_filter=DataFilter(
                fields=sorted({*words(settings.fields), MARKET_DEFINITION}), ladder_levels=settings.ladder_levels
            ),
            conflate_ms=settings.conflate_ms,
            heartbeat_ms=settings.heartbeat_ms,
            segmentation_enabled=settings.segmentation,
        )

    async def _converse(self, session: StreamSession) -> NoReturn:
        """Raises StreamFailed, TimeoutError or OSError: it has no other end."""
        settings = self._settings
        clock = asyncio.get_running_loop().time
        self._naming.ask_again()
        async with asyncio.timeout(settings.connect_timeout_s):
            incoming, outgoing = await asyncio.open_connection(
                settings.host, settings.port, ssl=tls_context(settings), limit=READ_BYTES_MAX
            )
        if self.record is not None:
            self.record.begin()
        began = clock()
        live_at: float | None = None
        try:
            while True:
                async with asyncio.timeout(self._patience_s(session)):
                    data = await incoming.read(READ_BYTES_MAX)
                if not data:
                    raise StreamFailed("cut", "Betfair ended the connection", "resume")
                if self.record is not None:
                    self.record.write(data)
                for change in session.receive(data):
                    await self._learn(change)
                outgoing.write(session.data_to_send())
                self._tell(session)
                if session.complete:
                    live_at = live_at or clock()
                elif clock() - began > IMAGE_TIMEOUT_S:
                    raise StreamFailed("no_image", f"not whole after {IMAGE_TIMEOUT_S} s", "image")
                if live_at is not None and clock() - live_at > LIVED_S:
                    self._backoff.succeeded()
        finally:
            outgoing.transport.abort()

    def _patience_s(self, session: StreamSession) -> float:
        if session.phase != "streaming":
            return self._settings.connect_timeout_s
        return session.heartbeat_ms / 1000 * self._settings.silence_factor

    async def _learn(self, change: Change) -> None:
        await self._naming.learn(change.markets)
        self._naming.forget(self._teller.learn(self._reader, change))

    def _tell(self, session: StreamSession) -> None:
        if session.complete:
            self._standing.complete(healthy=not self._reader.degraded)
        self._teller.flush()
        refusal = session.take_refusal()
        if refusal is not None:
            self._refusals.add(refusal.code, detail=str(refusal)[:200], refused=session.refused.refused)

    def _count(self, session: StreamSession) -> None:
        if session.holes:
            self._holed_images += 1
            _log.error("image_with_holes", lines=session.holes, accepted=session.complete)
        elif session.complete:
            self._holed_images = 0
        self._tally.add(session.refused)
        if session.conflated:
            _log.info("changes_conflated", changes=session.conflated)
