"""A client's key and what it means: how a request is known again. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Literal, NamedTuple

import msgspec

KEY_PATTERN = re.compile(r"[A-Za-z0-9_-]{16,64}\Z", re.ASCII)

_ID_BYTES = 15


class KnownKey(NamedTuple):
    """What a key was used for. `subject`: the bet, the cash-out, or the source key of the journal. `answer` None: no
    longer kept."""

    verb: Literal["bet", "deposit", "withdrawal", "cash_out", "tombstone"]
    fingerprint: bytes
    subject: str
    status: int
    answer: bytes | None


def fingerprint_of(meaning: object) -> bytes:
    """SHA-256 of a canonical meaning: plain values, in an order that does not vary."""
    return hashlib.sha256(msgspec.json.encode(meaning, order="deterministic")).digest()


def subject_of(prefix: str, account: str, key: str) -> str:
    """The id of what this key makes: the same key, the same id, in whatever process."""
    digest = hashlib.blake2b(f"{account}\0{key}".encode(), digest_size=_ID_BYTES, person=prefix.encode()).digest()
    return prefix + base64.b32encode(digest).decode()
