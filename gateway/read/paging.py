"""Page tokens: where a list goes on. Opaque to clients, the same in every process, good for the list they came from.

A token holds the sort key of the last item and a checksum over the list's name and filters: one that was made up, cut,
or taken from another list is refused. It is no secret and grants nothing, so the checksum needs no key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

import msgspec

from feeds.contract.errors import Refused

TOKEN_CHARS_MAX = 512
_CHECK_BYTES = 6

Key = tuple[str, ...]
_decoder = msgspec.json.Decoder(list[str])


def make_token(scope: str, key: Key) -> str:
    """The token of what follows the item with this key, in the list of this scope."""
    said = msgspec.json.encode(key)
    return base64.urlsafe_b64encode(_check(scope, said) + said).decode().rstrip("=")


def read_token(scope: str, token: str) -> Key:
    """The key. Raises Refused("bad_page_token")."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        check, said = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        if len(token) > TOKEN_CHARS_MAX or check != _check(scope, said):
            raise Refused("bad_page_token", "page_token is not one that this list gave")
        return tuple(_decoder.decode(said))
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise Refused("bad_page_token", "page_token is not one that this list gave") from error


def _check(scope: str, said: bytes) -> bytes:
    return hashlib.blake2b(scope.encode() + b"\x00" + said, digest_size=_CHECK_BYTES, person=b"page").digest()
