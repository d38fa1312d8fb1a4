"""Bodies of requests: bounded, JSON, decoded into a type."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from feeds.contract.errors import Refused
from gateway.api.edge import Receive
from gateway.api.parameters import words

BODY_BYTES_MAX = 16_384
"""A longer body is refused with what has come of it."""

T = TypeVar("T")


async def decoded_body(receive: Receive, kind: type[T], *, bytes_max: int = BODY_BYTES_MAX) -> T:
    """The body as its type; no body at all is taken for an empty object. Raises Refused."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused("bad_body", "the body ended before it was whole")
        body += message.get("body", b"")
        if len(body) > bytes_max:
            raise Refused("body_too_large", f"more than {bytes_max} bytes")
        if not message.get("more_body", False):
            break
    try:
        return msgspec.json.decode(bytes(body) or b"{}", type=kind)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, Refused):
            raise error.__cause__ from None
        raise Refused("bad_body", words(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("bad_body", "not JSON") from error
