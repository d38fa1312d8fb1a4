"""A key as text: how one is made and read. Pure, and imports nothing of ours: `oddswire up` makes one, too.

    ow_3f9a0c51d2b7_<64 hex digits>      ow_, the key's public id, 256 random bits

Kept is the SHA-256 of the whole key, never the key: it is shown once. A slow hash (argon2, scrypt) protects secrets
that can be guessed; nobody searches 2^256, so a fast one is as safe, and cheap enough for every request. Whoever reads
the database cannot ask as anybody. The id finds the row; the hash is compared in constant time.
"""

from __future__ import annotations

import re
import secrets
from hashlib import sha256

_ID_BYTES = 6
_SECRET_BYTES = 32
_KEY = re.compile(rb"ow_([0-9a-f]{12})_[0-9a-f]{64}\Z")


def make_key() -> str:
    """A fresh one. Only its hash may be kept."""
    return f"ow_{secrets.token_hex(_ID_BYTES)}_{secrets.token_hex(_SECRET_BYTES)}"


def id_of(key: bytes) -> str | None:
    """The public id, None where this is no key at all."""
    found = _KEY.match(key)
    return None if found is None else found[1].decode()


def hash_of(key: bytes) -> bytes:
    """What is kept of a key."""
    return sha256(key).digest()
