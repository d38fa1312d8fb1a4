"""Questions about the past behind the routes: admitted, asked within a deadline, answered or refused.

The database may be slow, full or away: that is told within moments, on these routes alone. Nothing else waits for it.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from feeds.contract.errors import Refused
from gateway.api.answering import Answering, allow
from gateway.api.edge import Exchange, Receive, Scope, Send
from gateway.api.load import Pressure, Queue, seconds_left
from gateway.api.parameters import converted, names_of, once, query_of
from gateway.api.past import Asked, told
from gateway.api.tracing import Tracing
from gateway.history.reads import HistoryReads
from gateway.store.errors import DatabaseUnavailable, StatementTimedOut

log = structlog.get_logger(__name__)

AWAY_S = 0.5
"""So long after the database did not answer nobody else is made to wait for it."""

AskedT = TypeVar("AskedT", bound=Asked)


class Health:
    """What became of questions: those turned away, those that the database did not answer.

    `away_until_s`: it is away, and nobody is made to wait for it before that.
    """

    def __init__(self) -> None:
        self.shed = 0
        self.unanswered = 0
        self.away_until_s = 0.0


class Past(NamedTuple):
    """What all questions share. `reads` None: there is no database."""

    reads: HistoryReads | None
    queue: Queue
    pressure: Pressure
    tracing: Tracing
    health: Health


class HistoryRoute(Answering, Generic[AskedT]):
    """One question."""

    def __init__(self, past: Past, asked: type[AskedT], name: str) -> None:
        super().__init__(name)
        self._past = past
        self._asked = asked
        self._known = names_of(asked)

    async def body(self, scope: Scope, receive: Receive, exchange: Exchange) -> bytes | None:
        """See Answering."""
        del receive
        allow(exchange.principal, "history")
        past = self._past
        if past.pressure.sheds("history") or past.queue.is_full:  # first: who is turned away is to cost little
            past.health.shed += 1
            raise Refused("overloaded", "")
        parameters = once(query_of(scope["query_string"]), self._known)
        asked = converted({**parameters, **scope["path_params"]}, self._asked)
        left_s = seconds_left(exchange.headers.get(b"x-request-deadline"))
        if past.reads is None or monotonic() < past.health.away_until_s:
            past.health.unanswered += 1
            raise Refused("history_unavailable", "")
        try:
            return await self._ask(asked, past.reads, exchange, left_s)
        except DatabaseUnavailable as error:
            log.warning("history_unavailable", why=str(error))
            past.health.unanswered += 1
            past.health.away_until_s = monotonic() + (0.0 if isinstance(error, StatementTimedOut) else AWAY_S)
            raise Refused("history_unavailable", "") from error
        except Refused as refused:
            past.health.shed += refused.code == "overloaded"
            raise

    async def _ask(self, asked: AskedT, reads: HistoryReads, exchange: Exchange, left_s: float) -> bytes | None:
        past = self._past
        async with past.queue.place(left_s):
            with past.tracing.span(f"history {self.name}", {"oddswire.id": asked.id}):
                return await told(asked, reads, exchange.principal)


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
