"""Questions about the past behind the routes: admitted, asked within a deadline, answered or refused.

The database may be slow, full or away: that is told within moments, on these routes alone. Nothing else waits for it.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from feeds.contract.errors import Refused
from gateway.api.edge import Exchange, Receive, Scope, Send
from gateway.api.load import Pressure, Queue, retry_after, seconds_left
from gateway.api.parameters import converted, names_of, once, query_of
from gateway.api.past import Asked, told
from gateway.api.problems import answer
from gateway.api.tracing import Tracing
from gateway.history.reads import HistoryReads
from gateway.store.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

AWAY_S = 0.5
"""So long after the database did not answer nobody else is made to wait for it."""

_BACK_LATER = frozenset({"overloaded", "history_unavailable", "not_archived_yet"})
_HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"private, no-store")]

AskedT = TypeVar("AskedT", bound=Asked)


class HistoryCounts:
    """What became of questions, for the metrics: those turned away, and those that the database did not answer."""

    def __init__(self) -> None:
        self.shed = 0
        self.unanswered = 0


class Past(NamedTuple):
    """What all questions share. `reads` None: there is no database. `shed_s`: a delay from which on all are shed."""

    reads: HistoryReads | None
    queue: Queue
    pressure: Pressure
    shed_s: float
    tracing: Tracing
    counts: HistoryCounts


class HistoryRoute(Generic[AskedT]):
    """One question as an ASGI endpoint."""

    def __init__(self, past: Past, asked: type[AskedT], name: str) -> None:
        self._past = past
        self._asked = asked
        self._name = name
        self._known = names_of(asked)
        self._away_until_s = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI endpoint."""
        del receive
        exchange: Exchange = scope["exchange"]
        exchange.route = self._name
        try:
            parameters = once(query_of(scope["query_string"]), self._known)
            asked = converted({**parameters, **scope["path_params"]}, self._asked)
            body = await self._ask(asked, seconds_left(exchange.headers.get(b"x-request-deadline")))
        except Refused as refusal:
            headers = {"retry-after": retry_after()} if refusal.code in _BACK_LATER else {}
            await exchange.answer(answer(refusal.code, exchange.request_id.decode(), str(refusal), headers))
            return
        if body is None:
            await exchange.answer(answer("not_found", exchange.request_id.decode()))
            return
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": body})

    async def _ask(self, asked: Any, left_s: float) -> bytes | None:
        """Raises Refused."""
        past = self._past
        if past.reads is None or monotonic() < self._away_until_s:
            past.counts.unanswered += 1
            raise Refused("history_unavailable", "")
        try:
            if past.pressure.delay_s > past.shed_s:
                raise Refused("overloaded", "")
            async with past.queue.place(left_s):
                with past.tracing.span(f"history {self._name}", {"oddswire.id": asked.id}):
                    return await told(asked, past.reads)
        except DatabaseUnavailable as error:
            log.warning("history_unavailable", why=str(error))
            past.counts.unanswered += 1
            self._away_until_s = monotonic() + AWAY_S
            raise Refused("history_unavailable", "") from error
        except Refused as refusal:
            past.counts.shed += refusal.code == "overloaded"
            raise


class DatedRoute:
    """One address for what stands and for what stood: which it is, is told by a parameter in the query."""

    def __init__(self, standing: Any, stood: Any, parameter: str) -> None:
        self._standing = standing
        self._stood = stood
        self._parameter = parameter.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI endpoint."""
        names = {pair.partition(b"=")[0] for pair in scope["query_string"].split(b"&")}
        await (self._stood if self._parameter in names else self._standing)(scope, receive, send)
