"""What a worker of a gateway says of itself, so that any of them tells the desk about all. Pure.

kind `gateways`, name = the worker's   GatewayStatus, written every INTERVAL_S, ends by itself when that stops
"""

from __future__ import annotations

import msgspec

from feeds.contract.errors import Refused

GATEWAYS = "gateways"
"""The kind of the records."""

INTERVAL_S = 2.0
TTL_S = 8
REASONS_MAX = 40
"""Reasons of refusals that are told apart; of further ones the rarest are left out."""


class GatewayStatus(msgspec.Struct, frozen=True, omit_defaults=True):
    """One worker as it is now. `delay_ms`: how long requests wait; `database_ms`: how long a bet would wait for the
    database. The rest are counts since it began at `since_ms`: requests, bets placed, bets refused by reason, what was
    turned away as there was too much to do."""

    name: str
    since_ms: int
    at_ms: int
    delay_ms: int
    database_ms: int
    requests: int
    bets: int = 0
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    shed: dict[str, int] = msgspec.field(default_factory=dict)


_status = msgspec.json.Decoder(GatewayStatus)


def encode_gateway(status: GatewayStatus) -> bytes:
    """As JSON."""
    return msgspec.json.encode(status)


def decode_gateway(data: bytes) -> GatewayStatus:
    """Raises Refused("bad_status")."""
    try:
        return _status.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("bad_status", str(error)) from error
