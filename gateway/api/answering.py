"""Endpoints that answer with JSON made for this one request, or with a problem: what all of them do alike."""

from __future__ import annotations

from abc import ABC, abstractmethod

from feeds.contract.errors import Refused
from gateway.access import principal
from gateway.api.edge import Exchange, Receive, Scope, Send
from gateway.api.problems import answer
from gateway.money.refusals import MoneyRefused

_HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"private, no-store")]


class Answering(ABC):
    """An ASGI endpoint. Its requests are counted under `name`; `status` is that of a good answer."""

    status = 200

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        exchange: Exchange = scope["exchange"]
        exchange.route = self.name
        try:
            body = await self.body(scope, receive, exchange)
        except Refused as refused:
            more = refused.more if isinstance(refused, MoneyRefused) else None
            await exchange.answer(answer(refused.code, exchange.request_id.decode(), str(refused), more=more))
            return
        if body is None:
            await exchange.answer(answer("not_found", exchange.request_id.decode()))
            return
        await send({"type": "http.response.start", "status": self.status, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": body})

    @abstractmethod
    async def body(self, scope: Scope, receive: Receive, exchange: Exchange) -> bytes | None:
        """The answer; None where there is nothing. Raises Refused, by a code of the table of problems."""


def allow(who: principal.Principal | None, scope: principal.Scope) -> None:
    """What is open to all where the odds are: nobody may ask, and whoever is known if the scope is theirs.

    Raises Refused.
    """
    if who is not None and (code := principal.refusal(who, scope)) is not None:
        raise Refused(code, "")
