"""Every refusal of the API, in one table, and the problem details (RFC 9457) that tell it.

A code is stable: clients may switch on it. `detail` is for people and says nothing that the request did not.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import orjson

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
        Problem("bad_encoding", 400, "The address is not valid percent-encoded UTF-8"),
        Problem("duplicate_credentials", 400, "A key or a token was given more than once"),
        Problem("contradictory_credentials", 400, "A key and a token were given: one of them is asked for"),
        Problem("credential_in_address", 400, "A credential stands in the address, where logs and caches keep it"),
        Problem("unauthenticated", 401, "This needs a key in X-API-Key or a token in Authorization"),
        Problem("bad_api_key", 401, "The API key is not one that is valid"),
        Problem("bad_token", 401, "The token is not one that is valid"),
        Problem("insufficient_scope", 403, "The key or token lacks the scope that this needs"),
        Problem("not_in_plan", 403, "The plan does not include this"),
        Problem("no_account", 403, "The key or token is nobody's account"),
        Problem("not_found", 404, "There is no such thing, or it has left the log"),
        Problem("no_such_route", 404, "Nothing is at this address"),
        Problem("method_not_allowed", 405, "This address does not take this method"),
        Problem("target_too_long", 414, "The address is too long"),
        Problem("rate_limited", 429, "Too many requests a second for the plan"),
        Problem("quota_exceeded", 429, "The plan's requests of this day are used up"),
        Problem("headers_too_large", 431, "The headers are too large"),
        Problem("internal", 500, "Something went wrong here"),
        Problem("not_ready", 503, "The odds are being loaded"),
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


def answer(code: str, request_id: str, detail: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    """The problem of this code. `detail` says more where there is more to say."""
    problem = PROBLEMS[code]
    said = {
        "type": f"/docs#{code}",
        "title": problem.title,
        "status": problem.status,
        "code": code,
        "request_id": request_id,
    }
    if detail:
        said["detail"] = detail
    told: Headers = [(b"content-type", MEDIA_TYPE), (b"cache-control", b"no-store")]
    told += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Answer(problem.status, told, orjson.dumps(said))


def of_status(status: int) -> str:
    """The code for a status that the framework chose."""
    known = {404: "no_such_route", 405: "method_not_allowed"}
    return known.get(status, "bad_parameter" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal")
