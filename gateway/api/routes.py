"""Every route of the API, as data. Adding one is one line here: routing, metrics and OpenAPI follow it."""

from __future__ import annotations

from typing import Any, NamedTuple

from gateway.access.principal import Scope
from gateway.api import past, schemas, streams
from gateway.read import views


class Read(NamedTuple):
    """A read of the odds: `view` has its parameters, `answer` is what it gives, `scope` who may have it."""

    path: str
    name: str
    summary: str
    view: type[views.View]
    answer: Any
    scope: Scope = "odds"


class Question(NamedTuple):
    """A question that others than this process answer: the database, the fleet, a key.

    `asked` has its parameters, or its body where the method has one. `beside`: a read at the same address, which this
    takes the place of where its parameter of this name is given.
    """

    path: str
    name: str
    summary: str
    asked: Any
    answer: Any
    scope: Scope
    refusals: tuple[int, ...]
    method: str = "GET"
    status: int = 200
    beside: str = ""


class Operation(NamedTuple):
    """A page about the service itself. `name` is that of its endpoint in gateway/api/operations.py."""

    path: str
    name: str
    summary: str
    media_type: str
    statuses: tuple[int, ...] = (200,)


READS = (
    Read("/v1/sports", "sports", "Sports of which there are events", views.SportsView, schemas.Sports),
    Read("/v1/leagues", "leagues", "Leagues of which there are events", views.LeaguesView, schemas.Leagues),
    Read("/v1/events", "events", "Events by start", views.EventsView, schemas.Events),
    Read("/v1/events/{id}", "event", "One event", views.EventView, schemas.Event),
    Read("/v1/events/{id}/markets", "board", "The board of an event", views.BoardView, schemas.Board),
    Read("/v1/markets/{id}", "market", "One market, also closed or replaced", views.MarketView, schemas.Market),
    Read("/v1/futures", "futures", "Futures: the board of every outright", views.FuturesView, schemas.Futures),
)

_REFUSED = (400, 401, 403, 408, 414, 429, 431, 500, 503)

HISTORY = (
    Question(
        "/v1/markets/{id}/history",
        "history",
        "Past prices of a market, raw or by interval",
        past.PricesAsked,
        schemas.PastPrices,
        "history",
        (*_REFUSED, 404),
    ),
    Question(
        "/v1/markets/{id}/line",
        "line",
        "Opening and closing line",
        past.LineAsked,
        schemas.Lines,
        "history",
        (*_REFUSED, 404),
    ),
    Question(
        "/v1/events/{id}/markets",
        "board_as_of",
        "The board of an event as it stood",
        past.BoardAsked,
        schemas.Board,
        "history",
        (*_REFUSED, 404),
        beside="as_of",
    ),
)

TICKETS = Question(
    "/v1/stream/tickets",
    "tickets",
    "A ticket for one connection to the stream, within 30 seconds",
    streams.TicketAsked,
    schemas.StreamTicket,
    "stream",
    (*_REFUSED, 413),
    method="POST",
    status=201,
)
ENDPOINT = Question(
    "/v1/stream/endpoint",
    "endpoint",
    "The shard to connect to",
    streams.EndpointAsked,
    schemas.StreamEndpoint,
    "stream",
    (*_REFUSED, 504),
)
STREAMS = (TICKETS, ENDPOINT)

OPERATIONS = (
    Operation("/live", "live", "Whether the process works", "application/json"),
    Operation(
        "/ready", "ready", "Whether it holds the odds and should be sent requests", "application/json", (200, 503)
    ),
    Operation("/metrics", "metrics", "Metrics, for Prometheus", "text/plain"),
    Operation("/openapi.json", "openapi", "This description", "application/json"),
    Operation("/asyncapi.json", "asyncapi", "The stream's description", "application/json"),
    Operation("/docs", "docs", "This description, for people", "text/html"),
    Operation("/docs/page.js", "docs_script", "Script of /docs", "text/javascript"),
    Operation("/docs/page.css", "docs_style", "Style of /docs", "text/css"),
    Operation("/sdk/oddswire.js", "sdk", "The stream's client for browsers, an ES module", "text/javascript"),
    Operation("/demo", "demo", "A live board: by REST, then by the stream from its cursor", "text/html"),
    Operation("/demo/page.js", "demo_script", "Script of /demo", "text/javascript"),
    Operation("/demo/page.css", "demo_style", "Style of /demo", "text/css"),
)
