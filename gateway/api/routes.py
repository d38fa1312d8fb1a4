"""Every route of the API, as data. Adding one is one line here: routing, metrics and OpenAPI follow it."""

from __future__ import annotations

from gateway.api import correction_schemas as fix
from gateway.api import money_schemas as money
from gateway.api import past, schemas, streams
from gateway.api.desk_routes import DESK_CALLS
from gateway.api.kinds import Call, Operation, Question, Read
from gateway.bets.asked import BetIn
from gateway.bets.cash_out import CashOutIn
from gateway.bets.cashier import MoveIn
from gateway.protection.limits import ExclusionIn, LimitIn, TimeOutIn
from gateway.read import views

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

CALLS = (
    Call(
        "POST",
        "/v1/geo/verifications",
        "verify_location",
        "Where the account is, by a vendor's packet; Device-Id and Session-Id name whose",
        money.GeoReceipt,
        201,
        body=money.PacketIn,
    ),
    Call(
        "POST",
        "/v1/bets",
        "place_bet",
        "Place a bet, once for each key",
        money.Bet,
        201,
        body=BetIn,
        keyed=True,
        may_wait=True,
    ),
    Call("GET", "/v1/bets", "bets", "Bets of the account, the newest first", money.Bets, query=money.Listed),
    Call("GET", "/v1/bets/{id}", "bet", "One bet", money.Bet),
    Call(
        "GET",
        "/v1/bets/by-key/{key}",
        "bet_by_key",
        "What became of a key; only looks",
        money.Outcome,
        may_wait=True,
    ),
    Call(
        "POST",
        "/v1/bets/by-key/{key}/resolve",
        "resolve_key",
        "What became of a key; one that did nothing never will",
        money.Outcome,
    ),
    Call(
        "GET",
        "/v1/bets/{id}/cash-out",
        "cash_out_offer",
        "What is given for the open stake of a bet, for some seconds",
        money.CashOutOffer,
    ),
    Call(
        "POST",
        "/v1/bets/{id}/cash-out",
        "cash_out",
        "Take an offer, for all of the open stake or a part, once for each key",
        money.CashedOut,
        201,
        body=CashOutIn,
        keyed=True,
        may_wait=True,
    ),
    Call("GET", "/v1/account/limits", "limits", "Limits of the account, and its exclusions", money.Limits),
    Call(
        "PUT",
        "/v1/account/limits/{limit}/{period}",
        "set_limit",
        "deposit, stake, loss by day, week, month; stake by bet. Lower at once; higher, or null for none, after 24 "
        "hours, unless another takes its place until then",
        money.Limit,
        body=LimitIn,
    ),
    Call(
        "POST",
        "/v1/account/time-outs",
        "time_out",
        "Neither bets nor deposits for some hours; not undone early",
        money.Exclusion,
        201,
        body=TimeOutIn,
    ),
    Call(
        "POST",
        "/v1/account/self-exclusion",
        "self_exclusion",
        "Neither bets nor deposits for so many days, or ever; not undone early",
        money.Exclusion,
        201,
        body=ExclusionIn,
    ),
    Call(
        "POST",
        "/v1/account/closing",
        "close_account",
        "Close the account: neither bets nor deposits any more, ever. Open bets are settled, and what is left can be "
        "withdrawn",
        money.Exclusion,
        201,
    ),
    Call(
        "GET",
        "/v1/account/activity",
        "activity",
        "What came in, was staked, won and lost since a time",
        money.Activity,
        query=money.Since,
    ),
    Call("GET", "/v1/wallet", "wallet", "What the account has", money.Wallet),
    Call(
        "GET",
        "/v1/wallet/entries",
        "wallet_entries",
        "Entries of the cash, the newest first",
        money.Entries,
        query=money.Listed,
    ),
    Call(
        "GET",
        "/v1/account/events",
        "account_events",
        "News of the account after a number, the oldest first: what the stream's `account` topic told",
        money.AccountEvents,
        query=money.EventsAsked,
    ),
    Call(
        "POST",
        "/v1/wallet/deposits",
        "deposit",
        "Bring money in",
        money.Moved,
        201,
        body=MoveIn,
        keyed=True,
        may_wait=True,
    ),
    Call(
        "POST",
        "/v1/wallet/withdrawals",
        "withdraw",
        "Take money out",
        money.Moved,
        201,
        body=MoveIn,
        keyed=True,
        may_wait=True,
    ),
    Call("GET", "/v1/bets/{id}/history", "bet_history", "Every settlement of a bet, and why", fix.BetHistory),
    *DESK_CALLS,
)

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
