"""The service as layers, the outermost first; and the routes behind them. The only place that knows their order.

Ahead             reads of known targets, from bytes: all other go on       gateway/api/ahead.py
Edge              id, counts, access log                                    gateway/api/edge.py
Cors, Access      who asks, and whether they may: by `access`               gateway/access/cors.py, layer.py
(traces)          a span for each request                                   gateway/api/tracing.py
limits            length of address and headers, no credential in it
Starlette         the table of routes, problems for what is not in it       gateway/api/routes.py
                  of an account, with a body                                gateway/api/calls.py
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.access.address import holds_credential
from gateway.api.ahead import Ahead, Entrance
from gateway.api.calls import CallRoute, Endpoint, Heard, nobody_hears
from gateway.api.clients import Clients
from gateway.api.desk_routes import DESK_PAGE, ENTRIES
from gateway.api.edge import AccessLog, App, Edge, Exchange, Receive, RequestIds, Scope, Send
from gateway.api.history import DatedRoute, HistoryRoute, Past
from gateway.api.kinds import Call
from gateway.api.operations import Operations
from gateway.api.pages import DeskPages
from gateway.api.problems import Answer, answer, of_status
from gateway.api.reads import ReadRoute, Reads
from gateway.api.routes import CALLS, ENDPOINT, HISTORY, OPERATIONS, READS, TICKETS
from gateway.api.rsgi import Answering, Asked, by_asgi
from gateway.api.streams import EndpointRoute, Streams, TicketRoute
from gateway.api.tracing import Tracing
from gateway.api.traffic import Traffic

log = structlog.get_logger(__name__)

TARGET_BYTES_MAX = 4_096
"""Path and query; longer: 414."""

HEADERS_BYTES_MAX = 16_384
"""All headers; more: 431. Granian itself refuses more than 100 of them, with a bare 431."""

Layer = Callable[[App], App]


class Service(NamedTuple):
    """What answers, by the tables of routes.py. `calls`: the endpoints of calls, by name. `desk`: the desk's page."""

    reads: Reads
    past: Past
    streams: Streams
    operations: Operations
    calls: Mapping[str, Endpoint]
    desk: DeskPages
    heard: Heard = nobody_hears


class Front:
    """The whole service on RSGI. `access`: layers that may refuse, the outermost first. `entrance`: what they ask; None
    where they ask more, and every request has to pass them."""

    def __init__(
        self,
        service: Service,
        traffic: Traffic,
        tracing: Tracing,
        *,
        access_log: AccessLog,
        clients: Clients,
        access: tuple[Layer, ...] = (),
        entrance: Entrance | None = None,
    ) -> None:
        ids = RequestIds()
        app = tracing.routed(_limited(_routed(service, clients)))
        for layer in reversed(access):
            app = layer(app)
        self._app = Edge(app, traffic, access_log, ids, clients.address)
        self._ahead: Ahead | None = None
        if entrance is not None and access_log != "all":
            self._ahead = Ahead(service.reads, traffic, ids, entrance, routed_share=tracing.hot_share)
        self._routed: set[asyncio.Task[None]] = set()

    def take(self, asked: Asked, answering: Answering) -> None:
        """One request: answered at once, or in a task of its own."""
        if self._ahead is None or not self._ahead.answers(asked, answering):
            task = asyncio.get_running_loop().create_task(by_asgi(self._app, asked, answering))
            self._routed.add(task)
            task.add_done_callback(self._routed.discard)


def _routed(service: Service, clients: Clients) -> App:
    by_path: defaultdict[str, dict[str, tuple[Call, Endpoint]]] = defaultdict(dict)
    for call in CALLS:
        by_path[call.path][call.method] = call, service.calls[call.name]
    # First what is never answered ahead of the routes, and most of all bets: they are tried in this order.
    by_call = {path: CallRoute(calls, clients, service.past.pressure, service.heard) for path, calls in by_path.items()}
    routes = [Route(path, call, methods=list(call.methods)) for path, call in by_call.items()]
    endpoints: dict[str, tuple[Any, str]] = {}
    for read in READS:
        endpoints[read.path] = (ReadRoute(service.reads, read.view, read.name), "GET")
    for asked in HISTORY:
        route: Any = HistoryRoute(service.past, asked.asked, asked.name)
        if asked.beside:
            route = DatedRoute(endpoints[asked.path][0], route, asked.beside)
        endpoints[asked.path] = (route, asked.method)
    endpoints[TICKETS.path] = (TicketRoute(service.streams, TICKETS.name), TICKETS.method)
    endpoints[ENDPOINT.path] = (EndpointRoute(service.streams, ENDPOINT.name), ENDPOINT.method)
    for page in OPERATIONS:
        endpoints[page.path] = (service.operations.endpoint(page.name), "GET")
    for entry in ENTRIES:
        endpoints[entry.path] = (service.desk.endpoint(entry.name), entry.method)
    endpoints[f"{DESK_PAGE}/{{path:path}}"] = (service.desk.endpoint("desk_page"), "GET")
    routes += [Route(path, endpoint, methods=[method]) for path, (endpoint, method) in endpoints.items()]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _failed})
    app.router.redirect_slashes = False  # a redirect would repeat the Host header, whatever stands in it
    return ServerErrorMiddleware(_direct(by_call, app), _failed)


def _direct(calls: Mapping[str, CallRoute], app: App) -> App:
    """Calls of a path that is always the same are found by it: a replay costs less than finding its route would."""

    async def direct(scope: Scope, receive: Receive, send: Send) -> None:
        call = calls.get(scope["path"])
        if call is None or scope["method"] not in call.methods:
            await app(scope, receive, send)
            return
        scope["path_params"] = {}
        await call(scope, receive, send)

    return direct


def _limited(app: App) -> App:
    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        exchange: Exchange = scope["exchange"]
        headers_bytes = sum(len(name) + len(value) for name, value in scope["headers"])
        if headers_bytes > HEADERS_BYTES_MAX:
            code = "headers_too_large"
        elif len(scope["path"]) + len(scope["query_string"]) > TARGET_BYTES_MAX:
            code = "target_too_long"
        elif holds_credential(scope["path"], scope["query_string"]):
            code = "credential_in_address"
        else:
            await app(scope, receive, send)
            return
        await exchange.answer(answer(code, exchange.request_id.decode()))

    return limited


async def _refused(request: Request, error: Exception) -> Response:
    """What the framework refuses: no such route, or not by this method."""
    assert isinstance(error, HTTPException)
    return _response(_told(request, of_status(error.status_code), dict(error.headers or {})))


async def _failed(request: Request, error: Exception) -> Response:
    """Nobody expected it: told in the log, and to the client only that. Starlette raises it again afterwards."""
    log.error("unexpected", exc_info=error)
    return _response(_told(request, "internal", {}))


def _told(request: Request, code: str, headers: dict[str, str]) -> Answer:
    exchange: Exchange = request.scope["exchange"]
    return answer(code, exchange.request_id.decode(), headers=headers)


def _response(told: Answer) -> Response:
    response = Response(told.body, told.status)
    response.raw_headers = told.headers
    return response
