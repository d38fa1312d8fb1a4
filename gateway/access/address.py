"""Credentials in an address: refused, for logs, caches and referrers keep addresses. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_NAMED = re.compile(
    rb"(?:^|&)(?:x[-_]?)?(?:api[-_]?key|key|access[-_]?token|token|bearer|authorization)=", re.IGNORECASE
)
_KEY = re.compile(rb"ow_[0-9a-f]{12}_[0-9a-f]{8,}", re.IGNORECASE)
_TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")
_REDACTED = b"REDACTED"


def holds_credential(path: str, query: bytes) -> bool:
    """Whether a key or token stands in it, by its look or by the name of its parameter."""
    said = unquote_to_bytes(query) if b"%" in query else query
    if _NAMED.search(said):
        return True
    return any(_looks_like_one(text) for text in (said, path.encode()))


def redacted(path: str) -> str:
    """A path as a log may keep it."""
    if "ow_" not in path and "eyJ" not in path:
        return path
    return _TOKEN.sub(_REDACTED, _KEY.sub(_REDACTED, path.encode())).decode()


def _looks_like_one(text: bytes) -> bool:
    return _KEY.search(text) is not None or _TOKEN.search(text) is not None
