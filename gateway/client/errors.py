"""What a call can end with, other than an answer. Each has the Request-Id of the attempt that decided, where there is
one: name it to whoever runs the gateway.
"""

from __future__ import annotations

from http import HTTPStatus

from gateway.api.schemas import ProblemDetails


class ApiError(Exception):
    """A call that did not succeed."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message if request_id is None else f"{message} (request {request_id})")
        self.request_id = request_id


class Unreachable(ApiError):
    """No answer came: whether a write without an idempotency key was done is not known."""


class BadAnswer(ApiError):
    """The answer is not what this API gives: another service, another version, or too large."""


class ProblemError(ApiError):
    """The gateway refused (RFC 9457). `code` is stable, of the table in gateway/api/problems.py; `retry_after_s` is
    what Retry-After asked for."""

    def __init__(self, problem: ProblemDetails, retry_after_s: float | None = None) -> None:
        said = problem.detail if isinstance(problem.detail, str) else problem.title
        super().__init__(f"{problem.code}: {said}", request_id=problem.request_id)
        self.code = problem.code
        self.status = problem.status
        self.problem = problem
        self.retry_after_s = retry_after_s


class NotFound(ProblemError):
    """There is no such thing, or it has left the log."""


class Unauthenticated(ProblemError):
    """No key or token, or one that is not valid."""


class NotAllowed(ProblemError):
    """A valid key or token without the right to this."""


class Conflict(ProblemError):
    """The state of things does not allow it."""


class Limited(ProblemError):
    """A quota or rate limit is used up."""


class Unavailable(ProblemError):
    """Not now: it is loading, overloaded, or failed."""


_OF_CODE: dict[str, type[ProblemError]] = {
    "not_ready": Unavailable,
    "overloaded": Unavailable,
    "excluded": NotAllowed,
    "account_closed": NotAllowed,
}
"""Where the code says more than its status."""

_OF_STATUS: dict[int, type[ProblemError]] = {
    HTTPStatus.UNAUTHORIZED: Unauthenticated,
    HTTPStatus.FORBIDDEN: NotAllowed,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.TOO_MANY_REQUESTS: Limited,
}


def problem_error(problem: ProblemDetails, retry_after_s: float | None) -> ProblemError:
    """The error of a problem: by its code, else by its status; ProblemError itself for what only its code tells."""
    by_status = Unavailable if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR else _OF_STATUS.get(problem.status)
    return (_OF_CODE.get(problem.code) or by_status or ProblemError)(problem, retry_after_s)
