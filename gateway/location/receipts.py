"""Geo receipts: what a device gets for its packet and shows with every transaction. Pure.

A receipt is sealed (gateway/sealing.py), not stored. Whoever opens it needs no look-up, so a coordination store that
forgets or is away takes no receipt with it, and a bet costs no read more; the life of 20 minutes at most makes up for
what cannot be taken back singly, and that a later check replaces it is seen in PostgreSQL when the bet is committed
(record.py). Sealed and not only signed, because it holds the decision as it is to be recorded, and the distance to
the border is not for the device to read.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import msgspec

from gateway.location.checks import Claimant
from gateway.location.refusals import GeoRefused
from gateway.sealing import Kind, NotOurs, Seals

RECEIPT_CHARS_MAX = 2_048


class Decision(msgspec.Struct, frozen=True, array_like=True):
    """An accepted location as it is recorded (DOMAIN.md 2.8). `id`: the receipt's. Times are Unix seconds, coordinates
    rounded to a hundredth of a degree, about a kilometre; `token_hash` is SHA-256 of the packet."""

    id: uuid.UUID
    account: str
    device: str
    session: str
    network: str
    jurisdiction: str
    fix_s: int
    expires_s: int
    token_hash: bytes
    lat: float
    lon: float
    accuracy_m: float
    border_m: float
    boundaries: str
    rules: str


_KIND = Kind(Decision, "a receipt", "g1", b"oddswire geo receipt 1\0", RECEIPT_CHARS_MAX)


class ReceiptKeys:
    """What seals receipts, and opens them."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """Raises Refused("bad_key")."""
        self._seals = Seals(_KIND, keys)

    def __bool__(self) -> bool:
        return bool(self._seals)

    def seal(self, decision: Decision) -> str:
        """The receipt. Raises GeoRefused("geo_unavailable") without a key."""
        if not self._seals:
            raise GeoRefused("geo_unavailable")
        return self._seals.seal(decision)

    def open(self, text: str) -> Decision:
        """What was sealed. Raises GeoRefused("geo_no_receipt") for anything that we did not seal."""
        try:
            return self._seals.open(text)
        except NotOurs as error:
            raise GeoRefused("geo_no_receipt") from error


def held_by(decision: Decision, claimant: Claimant, now_s: float) -> None:
    """Whether a receipt is this claimant's, from where he is, and not over. Raises GeoRefused."""
    if (decision.account, decision.device, decision.session) != claimant[:3]:
        raise GeoRefused("geo_not_yours")
    if decision.network != claimant.network:
        raise GeoRefused("geo_network_changed")
    if decision.expires_s <= now_s:
        raise GeoRefused("geo_expired")
