"""What machines and bandwidth cost, as dated data that is plainly an assumption. Pure but for reading the file."""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec

from feeds.contract.errors import Refused

_FILE = Path(__file__).parent / "data" / "prices.toml"

_Positive = Annotated[float, msgspec.Meta(gt=0)]


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of machine, and a byte out of the house. `machine_shards`: how many shards it carries, one a core."""

    reviewed: datetime.date
    currency: Annotated[str, msgspec.Meta(min_length=1)]
    machine_vcpus: Annotated[int, msgspec.Meta(ge=1)]
    machine_shards: Annotated[int, msgspec.Meta(ge=1)]
    machine_memory_gib: _Positive
    machine_gbit_s: _Positive
    machine_hour: Annotated[float, msgspec.Meta(ge=0)]
    egress_gb: Annotated[float, msgspec.Meta(ge=0)]


def prices_of(text: bytes) -> Prices:
    """Those of a file. Raises Refused("bad_prices")."""
    try:
        prices = msgspec.toml.decode(text, type=Prices)
    except msgspec.MsgspecError as error:
        raise Refused("bad_prices", str(error)) from error
    if prices.machine_shards > prices.machine_vcpus:
        raise Refused("bad_prices", "a shard takes a core: a machine has not more shards than cores")
    return prices


@cache
def shipped_prices() -> Prices:
    """The file that ships with this package."""
    return prices_of(_FILE.read_bytes())
