"""Bodies of requests: bounded in size and time, JSON, decoded into a type."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec

from feeds.contract.errors import Refused
from gateway.api.edge import Receive
from gateway.api.parameters import words

BODY_BYTES_MAX = 16_384
"""A longer body is refused with what has come of it."""

BODY_S_MAX = 10.0

T = TypeVar("T")


async def decoded_body(receive: Receive, kind: type[T]) -> T:
    """The body as its type. Raises Refused."""
    return decoded(await whole_body(receive), kind)


async def whole_body(receive: Receive) -> bytes:
    """All of it. Raises Refused."""
    try:
        async with asyncio.timeout(BODY_S_MAX):
            return await _whole(receive)
    except TimeoutError as error:
        raise Refused("body_too_slow", f"within {BODY_S_MAX:g} s") from error


def decoded(body: bytes, kind: type[T]) -> T:
    """A body as its type; no body at all is taken for an empty object. Raises Refused."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, Refused):
            raise error.__cause__ from None
        raise Refused("bad_body", words(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("bad_body", "the body is not JSON that can be read") from error


async def _whole(receive: Receive) -> bytes:
    """Raises Refused."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused("bad_body", "the body ended before it was whole")
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise Refused("body_too_large", f"more than {BODY_BYTES_MAX} bytes")
        if not message.get("more_body", False):
            return body
