"""What a shard says of itself in the registry, and the words of a drain. Pure; kept by registry.py and fleet.py.

kind `shards`, name = the shard's   ShardStatus, written every second or so, ends by itself when that stops
subject fleet.{shard}               DrainOrder to the shard; DrainProgress back, several times, until it is gone
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from feeds.contract.errors import Refused

SHARDS = "shards"
"""The kind of the registry's records."""

LAG_MS_MAX = 150.0
"""A shard whose flushes end so late, at the 99th percentile, has no headroom left: the ceiling of its ticks."""

WINDOW_S_MAX = 600.0
"""The longest time over which a drain may spread its devices."""

LAG_BOUNDS_MS = (5, 10, 20, 50, 100, 150, 200, 500, 1_000, 5_000)
"""Upper bounds of the buckets in which delays are told; there is one more, without a bound."""

ShardState = Literal["serving", "draining"]


class ShardStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """One shard as it is now. `headroom` 0 (full) to 1 (empty); `lanes` are those it reads; `instance` tells two
    processes of one name apart. `lags`: how late the flushes of the last second ended, by LAG_BOUNDS_MS. `closed`: why
    it takes no device now, where it takes none."""

    name: str
    url: str
    instance: str
    state: ShardState
    sockets: int
    lag_p99_ms: int
    headroom: float
    lanes: tuple[int, ...] = ()
    lag_p50_ms: int = 0
    lags: tuple[int, ...] = ()
    closed: str = ""


class DrainOrder(msgspec.Struct, frozen=True):
    """Tells a shard to drain and end. `window_s` None: as its own settings say."""

    op: Literal["drain"]
    window_s: Annotated[float, msgspec.Meta(ge=0, le=WINDOW_S_MAX)] | None = None


class DrainProgress(msgspec.Struct, frozen=True):
    """How a drain goes: `devices` are still there. `done`: the last word; they were closed, with 4010, at its end."""

    devices: int
    done: bool = False


_status = msgspec.json.Decoder(ShardStatus)
_order = msgspec.json.Decoder(DrainOrder)
_progress = msgspec.json.Decoder(DrainProgress)


def encode(said: ShardStatus | DrainOrder | DrainProgress) -> bytes:
    """As JSON."""
    return msgspec.json.encode(said)


def decode_status(data: bytes) -> ShardStatus:
    """Raises Refused("bad_status")."""
    try:
        return _status.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("bad_status", str(error)) from error


def decode_order(data: bytes) -> DrainOrder:
    """Raises Refused("bad_order")."""
    try:
        return _order.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("bad_order", str(error)) from error


def decode_progress(data: bytes) -> DrainProgress:
    """Raises Refused("bad_progress")."""
    try:
        return _progress.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("bad_progress", str(error)) from error


def headroom(*, sockets: int, sockets_max: int, lag_p99_ms: float) -> float:
    """What a shard still has room for, 0 to 1: by its sockets or by its lag, whichever is tighter."""
    return round(max(0.0, min(1 - sockets / sockets_max, 1 - lag_p99_ms / LAG_MS_MAX)), 3)
