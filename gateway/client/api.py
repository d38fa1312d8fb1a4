"""The calls, on httpx. Reads are safe to make again; a write only under an idempotency key."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from fanout.client import Events, LinkLost, StreamRefused
from feeds.contract.model import EventState, MarketClass
from gateway.api import schemas
from gateway.client.errors import ApiError, BadAnswer, NotAllowed, NotFound, ProblemError, Unauthenticated
from gateway.client.http import NOT_MODIFIED, Reply, attempt
from gateway.client.kept import Kept, KeptAnswers
from gateway.client.limits import ApiLimits
from gateway.client.retrying import RetryBudget, wait_s
from gateway.read.odds import OddsFormat

T = TypeVar("T")
Bearer = str | Callable[[], Awaitable[str]]
"""A token, or what gives one that is valid now: asked before every attempt."""


class Device(NamedTuple):
    """What a geo receipt is bound to, and has to come with."""

    id: str
    session: str

    @property
    def headers(self) -> dict[str, str]:
        """As it is sent."""
        return {"Device-Id": self.id, "Session-Id": self.session}


class Answer(msgspec.Struct, Generic[T], frozen=True):
    """What a read gave. `cursor`: subscribe to the stream with it to go on from exactly this body. `unchanged`: the
    gateway said 304, so it is the body that the last answer had."""

    value: T
    cursor: str
    etag: str
    body: bytes
    unchanged: bool

    def message(self) -> dict[str, Any]:
        """The body as decoded JSON, for `OddsStream.hold`."""
        decoded: dict[str, Any] = msgspec.json.decode(self.body)
        return decoded


class OddsApi:
    """The odds API at `url`. Use it as an async context manager.

    `key` goes in X-API-Key, `bearer` in Authorization; `device` where locations are verified. Every call raises
    ApiError (see gateway/client/errors.py). What may pass is tried again within `limits` and `budget`: reads always,
    writes only with an idempotency key.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        bearer: Bearer | None = None,
        device: Device | None = None,
        limits: ApiLimits = ApiLimits(),  # noqa: B008 a frozen value
        budget: RetryBudget | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._bearer = bearer
        self._limits = limits
        self._budget = budget or RetryBudget()
        self._kept = KeptAnswers(limits.kept_bytes)
        self._client = httpx.AsyncClient(
            base_url=url,
            headers=({} if key is None else {"X-API-Key": key}) | (device.headers if device is not None else {}),
            timeout=httpx.Timeout(limits.answer_s, connect=limits.connect_s, pool=limits.call_s),
            limits=httpx.Limits(max_connections=limits.connections),
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    # Reads

    def sports(self) -> AsyncIterator[schemas.Sport]:
        """Every sport of which there are events, page after page."""
        return self._pages("/v1/sports", {}, schemas.Page[schemas.Sport])

    def leagues(self, *, sport: str | None = None) -> AsyncIterator[schemas.League]:
        """Every league, of all sports or of one."""
        return self._pages("/v1/leagues", {"sport": sport}, schemas.Page[schemas.League])

    def events(self, *, league: str | None = None, state: EventState | None = None) -> AsyncIterator[schemas.Event]:
        """Events by start."""
        return self._pages("/v1/events", {"league": league, "state": state}, schemas.Page[schemas.Event])

    def futures(
        self, *, league: str | None = None, odds_format: OddsFormat | None = None
    ) -> AsyncIterator[schemas.Board]:
        """The board of every outright."""
        return self._pages("/v1/futures", {"league": league, "odds_format": odds_format}, schemas.Page[schemas.Board])

    async def event(self, event_id: str) -> Answer[schemas.Event]:
        """One event. Raises NotFound."""
        return await self._read(f"/v1/events/{quote(event_id, safe='')}", {}, schemas.Event)

    async def board(
        self,
        event_id: str,
        *,
        cls: MarketClass | None = None,
        player: str | None = None,
        odds_format: OddsFormat | None = None,
    ) -> Answer[schemas.Board]:
        """The board of an event, or what of it is of one class, or of one player's props. Raises NotFound."""
        parameters = {"class": cls, "player": player, "odds_format": odds_format}
        return await self._read(f"/v1/events/{quote(event_id, safe='')}/markets", parameters, schemas.Board)

    async def market(self, market_id: str, *, odds_format: OddsFormat | None = None) -> Answer[schemas.Market]:
        """One market, also closed or replaced. Raises NotFound."""
        path = f"/v1/markets/{quote(market_id, safe='')}"
        return await self._read(path, {"odds_format": odds_format}, schemas.Market)

    # The stream, and what it tells of the account

    async def ticket(self, topics: Sequence[str]) -> str:
        """What opens one connection to the stream: `authorize` of OddsStream is `lambda: api.ticket(topics)`. Raises
        StreamRefused where there will never be one, LinkLost where there may be one later."""
        with _as_of_a_stream():
            body = {"topics": list(topics)}
            reply = await self._post("/v1/stream/tickets", body, {}, is_safe=True)
            return _decoded(reply, schemas.StreamTicket).ticket

    async def account_events(self, after: int) -> Events:
        """A page of the account's news after a number: `events` of OddsStream. Raises StreamRefused, LinkLost."""
        with _as_of_a_stream():
            reply = await self._call(
                lambda: self._client.build_request("GET", "/v1/account/events", params={"after": after}), is_safe=True
            )
            page = _decoded(reply, _EventsPage)
        return Events(page.items, page.seq)

    # Writes

    async def read(self, path: str, parameters: Mapping[str, str | None], answer: type[T]) -> T:
        """GETs what is of an account: an answer of this type, which is kept nowhere."""
        given = {name: value for name, value in parameters.items() if value is not None}
        reply = await self._call(lambda: self._client.build_request("GET", path, params=given), is_safe=True)
        return _decoded(reply, answer)

    async def put(self, path: str, body: Any, answer: type[T]) -> T:
        """PUTs a JSON body; gives the answer, of this type. Twice is once."""
        headers, content = {"Content-Type": "application/json"}, msgspec.json.encode(body)
        reply = await self._call(
            lambda: self._client.build_request("PUT", path, content=content, headers=headers), is_safe=True
        )
        return _decoded(reply, answer)

    async def write(self, path: str, body: Any, answer: type[T], *, idempotency_key: str | None = None) -> T:
        """POSTs a JSON body; gives the answer, of this type. Under a key it is one write however often it is tried, and
        so is tried again where that may help; without one it is sent once, and Unreachable leaves open what became of
        it."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        return _decoded(await self._post(path, body, headers, is_safe=idempotency_key is not None), answer)

    # How

    async def _post(self, path: str, body: Any, headers: Mapping[str, str], *, is_safe: bool) -> Reply:
        content, said = msgspec.json.encode(body), {"Content-Type": "application/json", **headers}
        return await self._call(
            lambda: self._client.build_request("POST", path, content=content, headers=said), is_safe=is_safe
        )

    async def _pages(self, path: str, parameters: Mapping[str, str | None], page: type[Any]) -> AsyncIterator[Any]:
        token: str | None = None
        while True:
            answer = await self._read(path, {**parameters, "page_token": token}, page)
            for item in answer.value.items:
                yield item
            token = answer.value.next_page_token
            if token is None:
                return

    async def _read(self, path: str, parameters: Mapping[str, str | None], answer: type[T]) -> Answer[T]:
        given = {name: value for name, value in parameters.items() if value is not None}
        target = f"{path}?{httpx.QueryParams(given)}"
        kept = self._kept.get(target)
        headers = {} if kept is None else {"If-None-Match": kept.etag}
        reply = await self._call(
            lambda: self._client.build_request("GET", path, params=given, headers=headers), is_safe=True
        )
        if reply.status == NOT_MODIFIED and kept is not None:
            kept = kept._replace(cursor=reply.headers.get("Odds-Cursor", kept.cursor))
        else:
            kept = Kept(reply.headers.get("ETag", ""), reply.headers.get("Odds-Cursor", ""), reply.body)
        value = _decoded(reply._replace(body=kept.body), answer)
        if kept.etag:
            self._kept.put(target, kept)
        return Answer(value, kept.cursor, kept.etag, kept.body, reply.status == NOT_MODIFIED)

    async def _call(self, make: Callable[[], httpx.Request], *, is_safe: bool) -> Reply:
        """Raises ApiError."""
        self._budget.called()
        ends_s = asyncio.get_running_loop().time() + self._limits.call_s
        failures = 0
        while True:
            try:
                return await attempt(self._client, await self._authorized(make()), self._limits)
            except ApiError as error:
                failures += 1
                delay_s = wait_s(error, failures, self._limits, random.uniform) if is_safe else None
                if delay_s is None or asyncio.get_running_loop().time() + delay_s > ends_s or not self._budget.take():
                    raise
            await asyncio.sleep(delay_s)

    async def _authorized(self, request: httpx.Request) -> httpx.Request:
        if self._bearer is not None:
            token = self._bearer if isinstance(self._bearer, str) else await self._bearer()
            request.headers["Authorization"] = f"Bearer {token}"
        return request


class _EventsPage(msgspec.Struct):
    items: list[dict[str, Any]]
    seq: int


@contextlib.contextmanager
def _as_of_a_stream() -> Iterator[None]:
    """Errors as a stream tells them apart: what will not pass, and what may."""
    try:
        yield
    except (Unauthenticated, NotAllowed, NotFound) as error:
        raise StreamRefused(error.code, str(error)) from error
    except ApiError as error:
        after_s = error.retry_after_s if isinstance(error, ProblemError) else None
        raise LinkLost(str(error), retry_after_s=after_s or 0.0) from error


def _decoded(reply: Reply, answer: type[T]) -> T:
    try:
        return msgspec.json.decode(reply.body, type=answer)
    except msgspec.DecodeError as error:
        raise BadAnswer(f"not what was expected: {error}", request_id=reply.request_id) from error
