"""One producer's feed, live: AMQP in, names by REST, recoveries. The thin shell around `producer` and `mapping`.

Owns tasks, reconnects and what is said of health: `live` only when a recovery is complete, the names it needs were
asked for, and everything was put. Decides nothing about meaning, and never waits for the sink.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeVar

import structlog

from feeds.contract.errors import Refused
from feeds.contract.model import FeedState, Market
from feeds.mapping import MappingTable
from feeds.ports import FeedSink
from feeds.providers.clock import unix_ms
from feeds.providers.endings import not_offered
from feeds.providers.sportradar.amqp import LineCut, open_line
from feeds.providers.sportradar.asking import Asking
from feeds.providers.sportradar.directory import Want
from feeds.providers.sportradar.mapping import Told, Translator
from feeds.providers.sportradar.parse import parse
from feeds.providers.sportradar.producer import LIVE_WINDOW_MS, OTHER_WINDOW_MS, Producer, RecoveryRequest, Timing
from feeds.providers.sportradar.refusals import Refusals
from feeds.providers.sportradar.rest import ApiUnavailable, UofApi
from feeds.providers.sportradar.settings import SportradarSettings
from feeds.providers.sportradar.spec import AnySystemMessage, SnapshotComplete, SystemMessage
from feeds.providers.sportradar.spec import Producer as ProducerDescription
from feeds.recorder import Recorder
from feeds.recording import Tally

TICK_S: Final = 0.1
RETRY_S_MAX: Final = 60.0
NAMES_TIMEOUT_S: Final = 60.0
"""How long a recovery that is complete waits for names. What has none by then is not published until it has."""

_LIVE_SCOPE: Final = "live"
_LIVE_ODDS: Final = 1
_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


class SportradarFeed:
    """The feed of one producer. A `feeds.ports.Provider`."""

    def __init__(
        self,
        product: int,
        *,
        settings: SportradarSettings,
        feed: str,
        lanes: int,
        mapping: MappingTable,
        now_ms: Callable[[], int] = unix_ms,
    ) -> None:
        self.feed = feed
        self.translator = Translator(feed=feed, lanes=lanes, mapping=mapping, product=product)
        self.refusals = Refusals(feed)
        self._product = product
        self._settings = settings
        self._now_ms = now_ms
        self.recorder: Recorder | None = None
        """Records every message of the feed, other producers' too."""

    @property
    def tally(self) -> Tally:
        """What was understood and what was refused."""
        return self.refusals.tally

    async def run(self, sink: FeedSink) -> None:
        """Until cancelled. Raises Refused("unknown_producer" | "bad_ca_file", or a document's)."""
        sink.health("recovering")
        settings = self._settings
        async with UofApi(settings) as api:
            found = await _until_answered(lambda: api.producer(self._product), settings.retry_s)
            for documents in (api.descriptions, api.variants):
                self.translator.learn(await _until_answered(documents, settings.retry_s), self._now_ms())
            await _Session(self, found, api=api, settings=settings, sink=sink, now_ms=self._now_ms).run()

    def absent(self, market: Market, now_ms: int) -> Market:
        """What the log holds and the producer, recovered, did not mention is not offered: suspended."""
        return not_offered(market, now_ms)


async def _until_answered(ask: Callable[[], Awaitable[_T]], retry_s: float) -> _T:
    wait_s = retry_s
    while True:
        try:
            return await ask()
        except ApiUnavailable as error:
            _log.warning("api_unavailable", detail=str(error))
        await asyncio.sleep(jittered(wait_s))
        wait_s = min(wait_s * 2, RETRY_S_MAX)


def jittered(wait_s: float) -> float:
    """A wait that not everybody has at once."""
    return wait_s * random.uniform(0.5, 1.5)


class _Session:
    """One run of a feed."""

    def __init__(
        self,
        feed: SportradarFeed,
        found: ProducerDescription,
        *,
        api: UofApi,
        settings: SportradarSettings,
        sink: FeedSink,
        now_ms: Callable[[], int],
    ) -> None:
        self._feed = feed.feed
        self._found = found
        self._translator = feed.translator
        self._refusals = feed.refusals
        self._recorder = feed.recorder
        self._api = api
        self._settings = settings
        self._sink = sink
        self._now_ms = now_ms
        self._told: FeedState = "recovering"
        self._producer = Producer(
            found.id, now_ms=now_ms(), first_request=random.randrange(1, 1_000_000_000), timing=_timing(settings, found)
        )
        self._asking = Asking(
            self._translator,
            api,
            at_once=settings.api_requests,
            retry_ms=round(settings.retry_s * 1000),
            put=self._put,
            refusals=self._refusals,
            now_ms=now_ms,
        )
        self._completing: _Completing | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._receive())
            group.create_task(self._watch(group))
            group.create_task(self._asking.run())

    async def _receive(self) -> None:
        wait_s = self._settings.retry_s
        while True:
            try:
                async with open_line(self._settings) as messages:
                    wait_s = self._settings.retry_s
                    self._producer.connected(self._now_ms())
                    self._tell_health()
                    _log.info("line_open", feed=self._feed)
                    async for data in messages:
                        self._take(data)
            except LineCut as error:
                _log.warning("line_cut", feed=self._feed, detail=str(error))
            self._producer.disconnected()
            self._tell_health()
            await asyncio.sleep(jittered(wait_s))
            wait_s = min(wait_s * 2, RETRY_S_MAX)

    def _take(self, data: bytes) -> None:
        if self._recorder is not None:
            self._recorder.write(data)
        try:
            message = parse(data)
            if isinstance(message, SystemMessage):
                self._hear(message)
            else:
                self._put(self._translator.apply(message, self._now_ms()))
        except Refused as refusal:
            self._refusals.add(refusal)
        else:
            self._refusals.tally.understood += 1

    def _hear(self, message: AnySystemMessage) -> None:
        unknown = self._producer.unknown_snapshots
        request = self._producer.hear(message, self._now_ms())
        if request is not None:
            wanted = frozenset(self._translator.directory.wanted)
            self._completing = _Completing(request, wanted, self._now_ms() + round(NAMES_TIMEOUT_S * 1000))
        elif self._producer.unknown_snapshots > unknown and isinstance(message, SnapshotComplete):
            _log.info("unknown_snapshot", feed=self._feed, request=message.request_id)
        self._tell_health()

    def _put(self, told: Told) -> None:
        if told.states:
            self._sink.put(told.states)
        if told.results:
            self._sink.results(told.results)

    def _tell_health(self) -> None:
        """`live` is told by `_complete` alone, after everything was put."""
        state = self._producer.state
        if state != self._told:
            self._told = state
            self._sink.health(state)

    async def _watch(self, group: asyncio.TaskGroup) -> None:
        while True:
            request = self._producer.due(self._now_ms())
            self._tell_health()
            if request is not None:
                self._translator.begin_recovery()
                group.create_task(self._request(request))
            if self._completing is not None and self._named(self._completing):
                completing, self._completing = self._completing, None
                await self._complete(completing.request)
            await asyncio.sleep(TICK_S)

    async def _request(self, request: RecoveryRequest) -> None:
        _log.info("recovery_requested", feed=self._feed, request=request.id, after_ms=request.after_ms)
        try:
            await self._api.recover(self._found, request)
        except ApiUnavailable as error:
            _log.warning("recovery_refused", feed=self._feed, request=request.id, detail=str(error))
            self._producer.failed(request, self._now_ms())

    def _named(self, completing: _Completing) -> bool:
        """Whether all that was told in the recovery has its names, or has waited for them long enough."""
        missing = completing.wanted & self._translator.directory.wanted.keys()
        if not missing:
            return True
        if self._now_ms() < completing.until_ms:
            return False
        _log.warning("names_missing", feed=self._feed, missing=len(missing))
        return True

    async def _complete(self, request: RecoveryRequest) -> None:
        """Puts all there is, event by event with the loop in between, and says `live`, unless that is overtaken."""
        if request != self._producer.request:
            return
        for told in self._translator.recovered(whole=request.whole, now_ms=self._now_ms()):
            self._put(told)
            await asyncio.sleep(0)
        if self._producer.complete(request):
            _log.info("recovered", feed=self._feed, request=request.id)
        self._tell_health()


class _Completing(NamedTuple):
    """A recovery of which everything has come, while names are still missing."""

    request: RecoveryRequest
    wanted: frozenset[Want]
    until_ms: int


def _timing(settings: SportradarSettings, found: ProducerDescription) -> Timing:
    most = LIVE_WINDOW_MS if found.scope == _LIVE_SCOPE or found.id == _LIVE_ODDS else OTHER_WINDOW_MS
    offered = most if found.window_min is None else found.window_min * 60_000
    return Timing(
        window_ms=min(most, offered),
        alive_timeout_ms=round(settings.alive_timeout_s * 1000),
        retry_ms=round(settings.retry_s * 1000),
        recovery_timeout_ms=round(settings.recovery_timeout_s * 1000),
    )
