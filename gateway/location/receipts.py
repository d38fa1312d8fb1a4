"""Geo receipts: what a device gets for its packet and shows with every transaction. Pure.

A receipt is sealed (AES-256-GCM), not stored. Whoever opens it needs no look-up, so a coordination store that forgets
or is away takes no receipt with it, and a bet costs no read more; the life of 20 minutes at most makes up for what
cannot be taken back singly, and that a later check replaces it is seen in PostgreSQL when the bet is committed
(record.py). Sealed and not only signed, because it holds the decision as it is to be recorded, and the distance to the
border is not for the device to read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import uuid
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from feeds.contract.errors import Refused
from gateway.location.checks import Claimant
from gateway.location.refusals import GeoRefused

RECEIPT_CHARS_MAX = 2_048
KEY_BYTES_MIN = 32
_NONCE_BYTES = 12
_FORM = "g1"
_KID = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")
_PURPOSE = b"oddswire geo receipt 1\0"


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


class ReceiptKeys:
    """Keys by their ids, the one that seals first; older ones still open. It never shows them.

    A nonce is random: a key is good for 2^32 receipts (NIST SP 800-38D section 8.3), years of them.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        for kid, key in keys.items():
            if not _KID.match(kid) or len(key) < KEY_BYTES_MIN:
                raise Refused("bad_key", f"a receipt key is KID:SECRET, its secret at least {KEY_BYTES_MIN} bytes long")
        self._keys = {kid: AESGCM(hashlib.sha256(_PURPOSE + key).digest()) for kid, key in keys.items()}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def seal(self, decision: Decision) -> str:
        """The receipt. Raises GeoRefused("geo_unavailable") without a key."""
        if not self._keys:
            raise GeoRefused("geo_unavailable")
        kid = next(iter(self._keys))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._keys[kid].encrypt(nonce, msgspec.msgpack.encode(decision), kid.encode())
        return f"{_FORM}.{kid}.{base64.urlsafe_b64encode(nonce + sealed).decode().rstrip('=')}"

    def open(self, text: str) -> Decision:
        """What was sealed. Raises GeoRefused("geo_no_receipt") for anything that we did not seal."""
        form, _, rest = text.partition(".")
        kid, _, body = rest.partition(".")
        key = self._keys.get(kid)
        if len(text) > RECEIPT_CHARS_MAX or form != _FORM or key is None:
            raise GeoRefused("geo_no_receipt")
        try:
            data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
            opened = key.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], kid.encode())
            return msgspec.msgpack.decode(opened, type=Decision)
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise GeoRefused("geo_no_receipt") from error


def held_by(decision: Decision, claimant: Claimant, now_s: float) -> None:
    """Whether a receipt is this claimant's, from where he is, and not over. Raises GeoRefused."""
    if (decision.account, decision.device, decision.session) != claimant[:3]:
        raise GeoRefused("geo_not_yours")
    if decision.network != claimant.network:
        raise GeoRefused("geo_network_changed")
    if decision.expires_s <= now_s:
        raise GeoRefused("geo_expired")
