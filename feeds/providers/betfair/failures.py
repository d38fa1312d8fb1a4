"""Why a connection to the Exchange Stream ended, and what is to be done about it: every error code, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Remedy = Literal["resume", "image", "login", "refuse"]
"""Connect again after a wait: and resume by clk; and take a new image; with a new session; or not at all."""

REMEDIES: Final[Mapping[str, Remedy]] = {
    "NO_APP_KEY": "refuse",
    "INVALID_APP_KEY": "refuse",
    "NO_SESSION": "login",
    "INVALID_SESSION_INFORMATION": "login",
    "NOT_AUTHORIZED": "refuse",
    "INVALID_INPUT": "refuse",
    "INVALID_REQUEST": "refuse",
    "INVALID_CLOCK": "image",
    "SUBSCRIPTION_LIMIT_EXCEEDED": "refuse",
    "UNEXPECTED_ERROR": "resume",
    "TIMEOUT": "resume",
    "CONNECTION_FAILED": "resume",
    "MAX_CONNECTION_LIMIT_EXCEEDED": "resume",
    "TOO_MANY_REQUESTS": "resume",
}
"""Betfair's error codes (ESASwaggerSchema, StatusMessage.errorCode). One it does not name yet is tried again."""


class StreamFailed(Exception):
    """The conversation cannot go on. `code` is Betfair's error code, or a word of ours in lower case."""

    def __init__(self, code: str, message: str, remedy: Remedy) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.remedy = remedy


def failed_status(code: str, message: str) -> StreamFailed:
    """A `status` FAILURE of Betfair's."""
    return StreamFailed(code, message, REMEDIES.get(code, "resume"))
