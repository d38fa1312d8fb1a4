"""What a request says of forms: Accept-Encoding and If-None-Match (RFC 9110, 12.5.3 and 13.1.2). Pure.

The few spellings that clients use are answered from memory, bounded; nobody can fill it with nonsense.
"""

from __future__ import annotations

from functools import lru_cache

from gateway.read.shelf import Encoding

_HEADER_BYTES_MAX = 256
"""Longer ones than any client writes are taken for none."""


def encoding_of(accept: bytes | None) -> Encoding | None:
    """The encoding to answer in, None for plain. zstd where it is as welcome as gzip: smaller, and quicker to make."""
    if accept is None or len(accept) > _HEADER_BYTES_MAX:
        return None
    return _chosen(accept)


@lru_cache(maxsize=512)
def _chosen(accept: bytes) -> Encoding | None:
    weights: dict[str, float] = {}
    for part in accept.decode("latin-1").lower().split(","):
        name, _, rest = part.partition(";")
        weights[name.strip()] = _weight(rest)
    other = weights.get("*", 0.0)
    zstd, gzip = weights.get("zstd", other), weights.get("gzip", weights.get("x-gzip", other))
    if zstd > 0 and zstd >= gzip:
        return "zstd"
    return "gzip" if gzip > 0 else None


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def matches(if_none_match: bytes, etag: bytes) -> bool:
    """Whether what the client holds is the form it would get, by the weak comparison."""
    if if_none_match in (etag, b"*"):
        return True
    if len(if_none_match) > 16 * _HEADER_BYTES_MAX:
        return False
    return any(one.strip().removeprefix(b"W/") == etag for one in if_none_match.split(b","))
