"""One attempt: a request, and an answer or a typed error. It never tries again."""

from __future__ import annotations

from typing import NamedTuple

import httpx
import msgspec

from gateway.api.schemas import ProblemDetails
from gateway.client.errors import ApiError, BadAnswer, Unreachable, problem_error
from gateway.client.limits import ApiLimits

_ERRORS_FROM = 400
NOT_MODIFIED = 304


class Reply(NamedTuple):
    """An answer that is none of the errors, whole."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def request_id(self) -> str | None:
        """The gateway's name for this exchange."""
        return str(self.headers["Request-Id"]) if "Request-Id" in self.headers else None


async def attempt(client: httpx.AsyncClient, request: httpx.Request, limits: ApiLimits) -> Reply:
    """Raises ApiError."""
    try:
        response = await client.send(request, stream=True)
        try:
            body = await _whole(response, limits.answer_bytes)
        finally:
            await response.aclose()
    except httpx.DecodingError as error:
        raise BadAnswer(f"not encoded as it says: {error}") from error
    except httpx.TransportError as error:
        raise Unreachable(f"no answer: {type(error).__name__} {error}".rstrip()) from error
    reply = Reply(response.status_code, response.headers, body)
    if reply.status >= _ERRORS_FROM:
        raise _error(reply)
    return reply


async def _whole(response: httpx.Response, bytes_max: int) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > bytes_max:
            raise BadAnswer(f"more than {bytes_max} bytes", request_id=response.headers.get("Request-Id"))
    return bytes(body)


def _error(reply: Reply) -> ApiError:
    """What stands between us and the gateway (a proxy) tells no problem, only a status."""
    try:
        problem = msgspec.json.decode(reply.body, type=ProblemDetails)
    except msgspec.DecodeError:
        problem = ProblemDetails(
            "about:blank", f"HTTP {reply.status}", reply.status, f"http_{reply.status}", reply.request_id or "unknown"
        )
    return problem_error(problem, _seconds(reply.headers.get("Retry-After")))


def _seconds(retry_after: str | None) -> float | None:
    """A Retry-After that is a date counts as none: clocks differ."""
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
