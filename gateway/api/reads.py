"""Reads of the odds. Ahead of routing: a target that was asked for before is answered from bytes that are kept.

Nothing on that path parses; it encodes only where the body changed since it was last asked for. What it does not know
it leaves to the routes, which end in `ReadRoute.__call__` for reads, and so make it known.
"""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec

from feeds.contract.errors import Refused
from gateway.api.edge import App, Exchange, Message, Receive, Scope, Send
from gateway.api.problems import answer
from gateway.read.negotiation import encoding_of, matches
from gateway.read.shelf import Page, Shelf
from gateway.read.views import NotJoined, Reading, View

PARAMETERS_MAX = 32
RETRY_AFTER_S = "1"

_START = "http.response.start"
_EMPTY: Message = {"type": "http.response.body", "body": b""}

ViewT = TypeVar("ViewT", bound=View)


class Reads:
    """What all reads share. `ahead` is the layer ahead of the routes."""

    def __init__(self, shelf: Shelf, reading: Reading, routes_of: dict[type[View], str]) -> None:
        self.shelf = shelf
        self.reading = reading
        self._routes_of = routes_of

    def ahead(self, routed: App) -> App:
        """The layer: known targets are answered here, all others go on, in a task of their own.

        Granian runs us without an asyncio task (that is its `task_impl="rust"`): fine for what never waits, but what
        is routed may use timeouts and task groups, which need one.
        """
        targets = self.shelf.targets

        async def layer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["method"] == "GET":
                page = targets.get((scope["path"], scope["query_string"]))
                exchange: Exchange = scope["exchange"]
                if (
                    page is not None
                    and (exchange.check is None or _is_open(page, exchange))
                    and (page.plain is not None or self._made(page))
                ):
                    exchange.hot = True
                    start, body = self._said(page, exchange)
                    await send(start)
                    await send(body)
                    return
            await asyncio.get_running_loop().create_task(_run(routed, scope, receive, send))

        return layer

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
        self._known = frozenset(field.encode_name for field in msgspec.structs.fields(view))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI endpoint."""
        del receive
        exchange: Exchange = scope["exchange"]
        exchange.route = self._name
        request_id = exchange.request_id.decode()
        try:
            query = query_of(scope["query_string"])
            view = self._view_of({**once_of(query, self._known), **scope["path_params"]})
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

    def _view_of(self, parameters: dict[str, Any]) -> ViewT:
        """Raises Refused."""
        try:
            return msgspec.convert(parameters, self._view)
        except msgspec.ValidationError as error:
            if isinstance(error.__cause__, Refused):
                raise error.__cause__ from None
            raise Refused("bad_parameter", _words(error)) from error


def query_of(query: bytes) -> list[tuple[str, str]]:
    """Names and values. Raises Refused."""
    try:
        return parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX)
    except UnicodeError as error:
        raise Refused("bad_encoding", "the query is not percent-encoded UTF-8") from error
    except ValueError as error:
        raise Refused("bad_parameter", f"more than {PARAMETERS_MAX} parameters") from error


def once_of(query: list[tuple[str, str]], known: frozenset[str]) -> dict[str, str]:
    """The parameters that are known, each given once at most; others are ignored. Raises Refused."""
    given: dict[str, str] = {}
    for name, value in query:
        if name in given:
            raise Refused("duplicate_parameter", f"{name} was given more than once")
        if name in known:
            given[name] = value
    return given


def _words(error: msgspec.ValidationError) -> str:
    """`$.league` and the like say which parameter; the value is not repeated."""
    what, _, where = str(error).rpartition(" - at `$.")
    return f"{where.rstrip('`')}: {what}" if what else str(error)
