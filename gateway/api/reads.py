"""Reads of the odds. Ahead of routing: a target that was asked for before is answered from bytes that are kept.

Nothing on that path parses; it encodes only where the body changed since it was last asked for. What it does not know
it leaves to the routes, which end in `ReadRoute.__call__` for reads, and so make it known.
"""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from feeds.contract.errors import Refused
from gateway.api.edge import App, Exchange, Message, Receive, Scope, Send
from gateway.api.load import Pressure, seconds_left
from gateway.api.parameters import converted, names_of, once, query_of
from gateway.api.problems import Answer, answer
from gateway.read.negotiation import encoding_of, matches
from gateway.read.shelf import Page, Shelf
from gateway.read.views import NotJoined, Reading, View

RETRY_AFTER_S = "1"
LATE_TIMES = 2
"""Large boards that need not be made are answered until requests waited so many times as long."""

_DEADLINE = b"x-request-deadline"

_START = "http.response.start"
_EMPTY: Message = {"type": "http.response.body", "body": b""}

ViewT = TypeVar("ViewT", bound=View)


class Reads:
    """What all reads share. `ahead` is the layer ahead of the routes."""

    def __init__(self, shelf: Shelf, reading: Reading, routes_of: dict[type[View], str], *, pressure: Pressure) -> None:
        self.shelf = shelf
        self.reading = reading
        self._routes_of = routes_of
        self._pressure = pressure

    def ahead(self, routed: App) -> App:
        """The layer: known targets are answered here, all others go on, in a task of their own.

        Granian runs us without an asyncio task (that is its `task_impl="rust"`): fine for what never waits, but what
        is routed may use timeouts and task groups, which need one.
        """
        targets = self.shelf.targets

        async def layer(scope: Scope, receive: Receive, send: Send) -> None:
            exchange: Exchange = scope["exchange"]
            if scope["method"] == "GET":
                page = targets.get((scope["path"], scope["query_string"]))
                if page is not None and (exchange.check is None or _is_open(page, exchange)):
                    if (refused := self._refused(page, exchange)) is not None:
                        await exchange.answer(refused)
                        return
                    if page.plain is not None or self._made(page):
                        exchange.hot = True
                        start, body = self._said(page, exchange)
                        await send(start)
                        await send(body)
                        return
            await asyncio.get_running_loop().create_task(_run(routed, scope, receive, send))

        return layer

    def refused_kind(self, view: type[View], exchange: Exchange) -> Answer | None:
        """The refusal of a read of this kind that has to be made, where its deadline is over or there is too much to
        do: see gateway/api/load.py."""
        if _DEADLINE in exchange.headers and (late := _late(exchange)) is not None:
            return late
        return _overloaded(exchange) if view.large and self._pressure.sheds("boards") else None

    def _refused(self, page: Page, exchange: Exchange) -> Answer | None:
        """The refusal of a read that is known. One that need not be made costs little more than its refusal."""
        if _DEADLINE in exchange.headers and (late := _late(exchange)) is not None:
            exchange.route = self._routes_of[type(page.view)]
            return late
        if not page.large:
            return None
        spared = page.has(encoding_of(exchange.headers.get(b"accept-encoding")))
        if not self._pressure.sheds("boards", LATE_TIMES if spared else 1):
            return None
        exchange.route = self._routes_of[type(page.view)]
        return _overloaded(exchange)

    async def send(self, page: Page, exchange: Exchange, send: Send) -> None:
        """Sends a made page."""
        start, body = self._said(page, exchange)
        await send(start)
        await send(body)

    def _said(self, page: Page, exchange: Exchange) -> tuple[Message, Message]:
        """The form that is asked for, or that it is the one the client has."""
        headers = exchange.headers
        exchange.route = self._routes_of[type(page.view)]
        form = page.plain
        if form is None or not page.small:
            form = self.shelf.form(page, encoding_of(headers.get(b"accept-encoding")))
        held = headers.get(b"if-none-match")
        if held is not None and matches(held, form.etag):
            headers_told = form.private_not_modified if exchange.private else form.not_modified
            return {"type": _START, "status": 304, "headers": headers_told}, _EMPTY
        headers_told = form.private_headers if exchange.private else form.headers
        return {"type": _START, "status": 200, "headers": headers_told}, form.message

    def _made(self, page: Page) -> bool:
        try:
            return self.shelf.make(page, self.reading)
        except NotJoined:
            return False


def _overloaded(exchange: Exchange) -> Answer:
    return answer("overloaded", exchange.request_id.decode())


def _late(exchange: Exchange) -> Answer | None:
    """The refusal of a request whose own deadline is over, or is none."""
    try:
        seconds_left(exchange.headers[_DEADLINE])
    except Refused as refused:
        return answer(refused.code, exchange.request_id.decode(), str(refused))
    return None


def _is_open(page: Page, exchange: Exchange) -> bool:
    """Whether this one may have it; if not, the route says why."""
    assert exchange.check is not None
    try:
        exchange.check(page.view)
    except Refused:
        return False
    return True


async def _run(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


class ReadRoute(Generic[ViewT]):
    """One read behind the routes: parameters in, a view, its page, a form out."""

    def __init__(self, reads: Reads, view: type[ViewT], name: str) -> None:
        self._reads = reads
        self._view = view
        self._name = name
        self._known = names_of(view)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI endpoint."""
        del receive
        exchange: Exchange = scope["exchange"]
        exchange.route = self._name
        request_id = exchange.request_id.decode()
        if (refused := self._reads.refused_kind(self._view, exchange)) is not None:
            await exchange.answer(refused)
            return
        try:
            query = query_of(scope["query_string"])
            view = converted({**once(query, self._known), **scope["path_params"]}, self._view)
            if exchange.check is not None:
                exchange.check(view)
            page = self._reads.shelf.page(view, self._reads.reading)
        except Refused as refusal:
            await exchange.answer(answer(refusal.code, request_id, str(refusal)))
            return
        except NotJoined:
            await exchange.answer(answer("not_ready", request_id, headers={"retry-after": RETRY_AFTER_S}))
            return
        if page is None:
            await exchange.answer(answer("not_found", request_id))
            return
        if scope["method"] == "GET" and self._known.issuperset(name for name, _ in query):
            self._reads.shelf.aim(page, (scope["path"], scope["query_string"]))
        await self._reads.send(page, exchange, send)
