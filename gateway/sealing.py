"""Words that only we can make and read (AES-256-GCM): what a client brings back is sealed, not stored. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from feeds.contract.errors import Refused

KEY_BYTES_MIN = 32

_NONCE_BYTES = 12
_KID = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")

T = TypeVar("T")


class NotOurs(ValueError):
    """It was not sealed by us, or not for this."""


class Kind(NamedTuple, Generic[T]):
    """What is sealed: a struct, the first letters of its words, and what a key is for, so that no word of another kind
    opens as one of this. `name` is for people."""

    of: type[T]
    name: str
    form: str
    purpose: bytes
    chars_max: int


class Seals(Generic[T]):
    """Keys by their ids, the one that seals first; older ones still open. It never shows them.

    A nonce is random: a key is good for 2^32 words (NIST SP 800-38D section 8.3), years of them.
    """

    def __init__(self, kind: Kind[T], keys: Mapping[str, bytes]) -> None:
        """Raises Refused("bad_key")."""
        for kid, key in keys.items():
            if not _KID.match(kid) or len(key) < KEY_BYTES_MIN:
                what = f"{kind.name} key is KID:SECRET, its secret at least {KEY_BYTES_MIN} bytes long"
                raise Refused("bad_key", what)
        self._kind = kind
        self._keys = {kid: AESGCM(hashlib.sha256(kind.purpose + key).digest()) for kid, key in keys.items()}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def seal(self, said: T) -> str:
        """The word for it. There must be a key."""
        kid = next(iter(self._keys))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._keys[kid].encrypt(nonce, msgspec.msgpack.encode(said), kid.encode())
        return f"{self._kind.form}.{kid}.{base64.urlsafe_b64encode(nonce + sealed).decode().rstrip('=')}"

    def open(self, text: str) -> T:
        """What was sealed. Raises NotOurs."""
        form, _, rest = text.partition(".")
        kid, _, body = rest.partition(".")
        key = self._keys.get(kid)
        if len(text) > self._kind.chars_max or form != self._kind.form or key is None:
            raise NotOurs
        try:
            data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
            opened = key.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], kid.encode())
            return msgspec.msgpack.decode(opened, type=self._kind.of)
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise NotOurs from error


def keys_from_text(text: str) -> dict[str, bytes]:
    """Those of `KID:SECRET,...`."""
    words = [word.strip().partition(":") for word in text.split(",") if word.strip()]
    return {kid: secret.encode() for kid, _, secret in words}
