"""Token buckets in one whole number, so that a bucket is one small record. Pure.

The number is the moment at which the bucket is full again, in ms of Unix time times `per_s`: thousandths of a token,
exact. What a bucket lacks is that less the present moment in the same unit; one that is full lacks nothing, and need
not be kept (as GCRA, ITU-T I.371).
"""

from __future__ import annotations

MS_PER_S = 1_000


def taken(full: int, now_ms: int, tokens: int, *, per_s: int, burst: int) -> tuple[int, int]:
    """What is given of `tokens` now, and the number afterwards. `full`: the number so far, 0 of a bucket not kept."""
    full = max(full, now_ms * per_s)
    left = burst * MS_PER_S - (full - now_ms * per_s)
    got = min(tokens, max(0, left // MS_PER_S))
    return got, full + got * MS_PER_S


def bucket_name(key: str, per_s: int, burst: int) -> str:
    """A number means nothing to a bucket that fills otherwise."""
    return f"{per_s}.{burst}.{key}"


def refilled_s(per_s: int, burst: int) -> int:
    """Within this it is full again, whatever was taken."""
    return -(-burst // per_s)
