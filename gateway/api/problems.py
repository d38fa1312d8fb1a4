"""Every refusal of the API, in one table, and the problem details (RFC 9457) that tell it.

A code is stable: clients may switch on it. `detail` is for people and says nothing that the request did not.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import NamedTuple

import orjson

from gateway.location.refusals import REFUSALS

BACK_LATER = (429, 503)
"""Answers of these statuses say when to come back, always."""

RETRY_S_MAX = 3
"""Unless it is said otherwise: after 1 to so many seconds, at random, so that not all come back at once."""

CHALLENGE = b'Bearer realm="oddswire"'
"""What a 401 says by default of how to be known (RFC 9110, 11.6.1)."""

MEDIA_TYPE = b"application/problem+json"


class Problem(NamedTuple):
    """One kind of refusal."""

    code: str
    status: int
    title: str


PROBLEMS = {
    problem.code: problem
    for problem in (
        Problem("bad_parameter", 400, "A parameter is not what it can be"),
        Problem("duplicate_parameter", 400, "A parameter was given more than once"),
        Problem("contradictory_parameters", 400, "Parameters contradict each other"),
        Problem("bad_page_token", 400, "The page token is not one that this list gave"),
        Problem("bad_offer", 400, "The offer is not one of ours for this bet"),
        Problem("bad_encoding", 400, "The address is not valid percent-encoded UTF-8"),
        Problem("bad_cursor", 400, "The cursor is not one of this event"),
        Problem("bad_topic", 400, "A topic is not one"),
        Problem("bad_body", 400, "The body is not what this address takes"),
        Problem("bad_deadline", 400, "X-Request-Deadline is not Unix milliseconds"),
        Problem("idempotency_key_missing", 400, "This needs an Idempotency-Key: 16 to 64 letters, digits, _ or -"),
        Problem("bad_idempotency_key", 400, "An Idempotency-Key is one of 16 to 64 letters, digits, _ or -"),
        Problem("bad_correction", 400, "The correction is not one that can be drafted"),
        Problem("bad_result", 400, "The result is not one that can be settled by"),
        Problem("bad_command", 400, "The command is not one that can be carried out"),
        Problem("bad_scope", 400, "A scope is SPORT[.LEAGUE[.EVENT]][:CLASS] or SPORT.LEAGUE.EVENT.MARKET"),
        Problem("bad_place", 400, "It is not a place on earth"),
        Problem("duplicate_credentials", 400, "A key or a token was given more than once"),
        Problem("contradictory_credentials", 400, "A key and a token were given: one of them is asked for"),
        Problem("credential_in_address", 400, "A credential stands in the address, where logs and caches keep it"),
        Problem("unauthenticated", 401, "This needs a key in X-API-Key or a token in Authorization"),
        Problem("bad_api_key", 401, "The API key is not one that is valid"),
        Problem("bad_token", 401, "The token is not one that is valid"),
        Problem("session_over", 401, "The session is over: sign in again"),
        Problem("cross_origin", 403, "A session is not taken from a page of another origin"),
        Problem("sign_in_refused", 403, "Nobody is signed in by this"),
        Problem("insufficient_scope", 403, "The key or token lacks the scope that this needs"),
        Problem("not_in_plan", 403, "The plan does not include this"),
        Problem("no_account", 403, "The key or token is nobody's account"),
        Problem("excluded", 403, "The account is excluded: it may not bet or deposit"),
        Problem("account_closed", 403, "The account is closed: all that is left is to withdraw"),
        *(Problem(refusal.code, 403, refusal.advice) for refusal in REFUSALS.values()),
        Problem("no_cash_out", 403, "Bets are not cashed out here"),
        Problem("second_person", 403, "Somebody else than who drafted it has to approve it"),
        Problem("no_cashier", 403, "There is no cashier here"),
        Problem("not_found", 404, "There is no such thing, or it has left the log"),
        Problem("not_in_history", 404, "History does not reach there"),
        Problem("no_sign_in", 404, "There is no such way to sign in here"),
        Problem("no_such_route", 404, "Nothing is at this address"),
        Problem("method_not_allowed", 405, "This address does not take this method"),
        Problem("deadline_passed", 408, "The request's own deadline is over: nothing was done"),
        Problem("body_too_slow", 408, "The body did not come in time"),
        Problem("stale_version", 409, "Somebody has changed it since it was looked at: nothing was done"),
        Problem("nothing_to_end", 409, "There is nothing of exactly this scope to end"),
        Problem("overlay_full", 409, "The overlay has as many entries as it may have: end some first"),
        Problem("event_ended", 409, "The event has ended"),
        Problem("market_gone", 409, "The market is gone"),
        Problem("shard_silent", 409, "The shard does not answer: it drains nothing"),
        Problem("key_running", 409, "An earlier request with this key is still running"),
        Problem("possible_duplicate", 409, "The same bet was placed a moment ago: confirm_duplicate says it is meant"),
        Problem("odds_changed", 409, "The odds are not those that were asked for"),
        Problem("market_not_open", 409, "The market does not take bets"),
        Problem("not_cashable", 409, "The bet cannot be cashed out now"),
        Problem("offer_changed", 409, "The offer does not stand any more: another one is told, if there is one"),
        Problem("offer_expired", 409, "The offer's time is over: another one is told, if there is one"),
        Problem("insufficient_funds", 409, "There is not enough money in the wallet"),
        Problem("limit_exceeded", 409, "It is beyond a limit"),
        Problem("wrong_state", 409, "The correction is not where this could be done with it"),
        Problem("market_under_correction", 409, "A market has another correction that is not over"),
        Problem("under_review", 409, "A bet is under review by another correction"),
        Problem("impact_stale", 409, "Something has changed since the impact was computed: compute it anew"),
        Problem("policy_frozen", 409, "Bets of it are under a policy that freezes them"),
        Problem("no_policy", 409, "No policy says what may be taken"),
        Problem("too_many_bets", 409, "There are more bets on these markets than one correction may have"),
        Problem("try_again", 409, "It changed meanwhile: the same request may be made again"),
        Problem("wrong_currency", 409, "The wallet is of another currency"),
        Problem("key_tombstoned", 410, "This key was given up unused, and cannot be used any more"),
        Problem("body_too_large", 413, "The body is too large"),
        Problem("target_too_long", 414, "The address is too long"),
        Problem("key_reused", 422, "This key was used for a request that meant something else"),
        Problem("unknown_event", 422, "There is no such event"),
        Problem("unknown_market", 422, "There is no such market"),
        Problem("unknown_selection", 422, "The market has no such selection"),
        Problem("same_event", 422, "Legs of one event cannot be combined"),
        Problem("rate_limited", 429, "Too many requests a second for the plan"),
        Problem("quota_exceeded", 429, "The plan's requests of this day are used up"),
        Problem("headers_too_large", 431, "The headers are too large"),
        Problem("internal", 500, "Something went wrong here"),
        Problem("log_unavailable", 503, "The log does not answer: nothing was done"),
        Problem("unanswered", 503, "It may have been done, or not: the same id may be given again"),
        Problem("not_ready", 503, "The odds are being loaded"),
        Problem("book_behind", 503, "A later state of the market was seen than is known here"),
        Problem("overloaded", 503, "There is more to do than can be done: nothing was done of this"),
        Problem("history_unavailable", 503, "History cannot be read now"),
        Problem("not_archived_yet", 503, "History has not come to this cursor yet"),
        Problem("issuer_unavailable", 503, "The issuer that people sign in at does not answer"),
        Problem("no_shard", 503, "No shard serves the stream now"),
        Problem("tickets_unavailable", 503, "No tickets are given here now"),
        Problem("access_unavailable", 503, "Whether the key or token is valid cannot be told at the moment"),
    )
}
"""By code. Adding one is one line here."""

STATUSES = tuple(sorted({problem.status for problem in PROBLEMS.values()}))

Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    """A problem as it is sent."""

    status: int
    headers: Headers
    body: bytes


def answer(
    code: str,
    request_id: str,
    detail: str = "",
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> Answer:
    """The problem of this code. `detail` says more where there is more to say, `more` for who switches on the code."""
    problem = PROBLEMS[code]
    said = {
        "type": f"/docs#{code}",
        "title": problem.title,
        "status": problem.status,
        "code": code,
        "request_id": request_id,
        **(more or {}),
    }
    if detail and detail != problem.title:
        said["detail"] = detail
    told: Headers = [(b"content-type", MEDIA_TYPE), (b"cache-control", b"no-store")]
    told += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    if problem.status in BACK_LATER and not any(name == b"retry-after" for name, _ in told):
        told.append((b"retry-after", b"%d" % random.randint(1, RETRY_S_MAX)))
    if problem.status == HTTPStatus.UNAUTHORIZED and not any(name == b"www-authenticate" for name, _ in told):
        told.append((b"www-authenticate", CHALLENGE))
    return Answer(problem.status, told, orjson.dumps(said))


def encoded(headers: Iterable[tuple[str, str]]) -> Headers:
    """Headers as ASGI has them."""
    return [(name.encode(), value.encode()) for name, value in headers]


def decoded(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Headers as RSGI has them."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def of_status(status: int) -> str:
    """The code for a status that the framework chose."""
    known = {404: "no_such_route", 405: "method_not_allowed"}
    return known.get(status, "bad_parameter" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal")
