"""Every way a shard refuses or ends a conversation: close codes and error codes, each with what a device should do."""

from __future__ import annotations

from typing import Literal, NamedTuple

Retry = Literal["never", "now", "backoff"]


class Close(NamedTuple):
    """A WebSocket close: its code and the reason sent with it. SSE ends the response instead."""

    code: int
    reason: str


NORMAL = Close(4000, "bye")
UNAUTHENTICATED = Close(4001, "unauthenticated")
NOT_ENTITLED = Close(4003, "not entitled")
TOO_SLOW = Close(4008, "too slow")
LIFETIME = Close(4009, "session lifetime")
DRAINED = Close(4010, "drained or behind")
TOO_MANY = Close(4029, "too many connections")
SILENT = Close(4400, "no subscribe in time")
PROTOCOL = Close(4400, "protocol error")

UNSUPPORTED_DATA = Close(1003, "text frames only")
"""RFC 6455: this endpoint takes JSON text frames."""

INVALID_DATA = Close(1007, "not UTF-8")
"""RFC 6455: a text message is UTF-8."""

FINAL_CODES = frozenset({4001, 4003, 4400})
"""Codes that mean: do not connect again. All others mean: resume, with jitter."""

ErrorCode = Literal[
    "bad_json",
    "bad_op",
    "bad_topic",
    "topic_limit",
    "ops_limit",
    "message_too_large",
    "unauthenticated",
    "not_entitled",
    "internal",
]

RETRY: dict[ErrorCode, Retry] = {
    "bad_json": "never",
    "bad_op": "never",
    "bad_topic": "never",
    "topic_limit": "never",
    "ops_limit": "backoff",
    "message_too_large": "never",
    "unauthenticated": "never",
    "not_entitled": "never",
    "internal": "backoff",
}
"""What a device may do after each error."""
