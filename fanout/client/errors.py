"""How a connection ends: lost, which the client heals by itself, or refused, which only its user can heal."""

from __future__ import annotations


class StreamRefused(Exception):
    """The server will not serve this, now or later. `code` is stable: an error code of PROTOCOL.md section 3, a problem
    code, `close_<code>` or `http_<status>`. `topic` names the topic that is wrong, where one is."""

    def __init__(self, code: str, message: str, *, topic: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.topic = topic


class LinkLost(Exception):
    """A connection could not be made, or is over: another one may do. `retry_after_s`: not before that, at this url."""

    def __init__(self, reason: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s
