"""Reads of the odds: what is said for a page that is known, and the route by which it becomes known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from feeds.contract.errors import Refused
from gateway.api.edge import Exchange, Receive, Scope, Send
from gateway.api.load import Pressure, seconds_left
from gateway.api.parameters import converted, names_of, once, query_of
from gateway.api.problems import Answer, answer, decoded, encoded
from gateway.read.negotiation import encoding_of, matches
from gateway.read.shelf import Headers, Page, Shelf
from gateway.read.views import NotJoined, Reading, View

RETRY_AFTER_S = "1"
LATE_TIMES = 2
"""Large boards that need not be made are answered until requests waited so many times as long."""

_DEADLINE = "x-request-deadline"
_OK, _NOT_MODIFIED = 200, 304

ViewT = TypeVar("ViewT", bound=View)


Said = tuple[int, Headers, bytes]
"""An answer: status, headers (which belong to others too), body. A plain tuple, for one is made for each read."""


class Reads:
    """What all reads share."""

    def __init__(self, shelf: Shelf, reading: Reading, routes_of: dict[type[View], str], *, pressure: Pressure) -> None:
        self.shelf = shelf
        self.reading = reading
        self._routes_of = routes_of
        self._pressure = pressure

    def name_of(self, page: Page) -> str:
        """That of its route."""
        return self._routes_of[type(page.view)]

    def said(self, page: Page, headers: Mapping[str, str], request_id: str, *, private: bool) -> Said:
        """What is answered for a page that was known, made anew if it must be; or why it is not. `private`: no cache
        may keep it for others."""
        if _DEADLINE in headers and (late := _late(headers[_DEADLINE], request_id)) is not None:
            return _problem(late)
        if page.large and self._is_too_much(page, headers):
            return _problem(answer("overloaded", request_id))
        try:
            if page.plain is None and not self.shelf.make(page, self.reading):
                return _problem(answer("not_found", request_id))
        except NotJoined:
            return _problem(_not_ready(request_id))
        return self.form_said(page, headers.get("accept-encoding"), headers.get("if-none-match"), private=private)

    def form_said(self, page: Page, accept: str | None, held: str | None, *, private: bool) -> Said:
        """The form of a made page that is asked for, or that it is the one the client has."""
        form = page.plain
        if form is None or not page.small:
            form = self.shelf.form(page, encoding_of(None if accept is None else accept.encode("latin-1")))
        if held is not None and matches(held.encode("latin-1"), form.etag):
            return _NOT_MODIFIED, form.private_not_modified if private else form.not_modified, b""
        return _OK, form.private_headers if private else form.headers, form.data

    def refused_kind(self, view: type[View], exchange: Exchange) -> Answer | None:
        """The refusal of a read of this kind that has to be made, where its deadline is over or there is too much to
        do: see gateway/api/load.py."""
        request_id = exchange.request_id.decode()
        deadline = exchange.headers.get(_DEADLINE.encode())
        if deadline is not None and (late := _late(deadline.decode("latin-1"), request_id)) is not None:
            return late
        return answer("overloaded", request_id) if view.large and self._pressure.sheds("boards") else None

    def _is_too_much(self, page: Page, headers: Mapping[str, str]) -> bool:
        """One that need not be made costs little more than its refusal."""
        accept = headers.get("accept-encoding")
        spared = page.has(encoding_of(None if accept is None else accept.encode()))
        return self._pressure.sheds("boards", LATE_TIMES if spared else 1)


def _problem(problem: Answer) -> Said:
    return problem.status, decoded(problem.headers), problem.body


def _not_ready(request_id: str) -> Answer:
    return answer("not_ready", request_id, headers={"retry-after": RETRY_AFTER_S})


def _late(deadline: str, request_id: str) -> Answer | None:
    """The refusal of a request whose own deadline is over, or is none."""
    try:
        seconds_left(deadline.encode("latin-1"))
    except Refused as refused:
        return answer(refused.code, request_id, str(refused))
    return None


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
            await exchange.answer(_not_ready(request_id))
            return
        if page is None:
            await exchange.answer(answer("not_found", request_id))
            return
        if scope["method"] == "GET" and self._known.issuperset(name for name, _ in query):
            self._reads.shelf.aim(page, (scope["path"], scope["query_string"].decode()))
        accept, held = (_text(exchange.headers.get(name)) for name in (b"accept-encoding", b"if-none-match"))
        status, headers, body = self._reads.form_said(page, accept, held, private=exchange.private)
        await send({"type": "http.response.start", "status": status, "headers": encoded(headers)})
        await send({"type": "http.response.body", "body": body})


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
