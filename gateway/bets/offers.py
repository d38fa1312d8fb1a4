"""Offers to cash out: what an open bet is worth, and the word for it that a client brings back. Pure.

An offer is sealed (AES-256-GCM), not stored: any worker opens it without a look-up, and nobody else can make one. It
holds the legs with the prices that it was made at, so that the odds are asked again without the bet being read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Mapping
from math import prod

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from feeds.contract.errors import Refused
from gateway.money.refusals import MoneyRefused

OFFER_CHARS_MAX = 4_096
"""20 legs with the longest ids fit."""

KEY_BYTES_MIN = 32
BASIS_POINTS = 10_000

_NONCE_BYTES = 12
_FORM = "o1"
_KID = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")
_PURPOSE = b"oddswire cash-out offer 1\0"


class OfferedLeg(msgspec.Struct, frozen=True, array_like=True):
    """A leg at `milli` (thousandths) on the state at `s`; it was struck at `struck`."""

    market: str
    selection: str
    struck: int
    milli: int
    s: int


class Offer(msgspec.Struct, frozen=True, array_like=True):
    """`amount` for the whole of the open stake, in minor units; `turn`: of the hold that is bought back."""

    account: str
    bet: str
    turn: int
    open_stake: int
    amount: int
    currency: str
    until_ms: int
    legs: tuple[OfferedLeg, ...]

    @property
    def prices(self) -> list[int]:
        """What it was made at, in thousandths."""
        return [leg.milli for leg in self.legs]


def worth(open_stake: int, struck: list[int], milli: list[int], *, margin_bp: int) -> int:
    """What is given for a bet, in minor units: the stake that would win as much at the prices of now, less the margin,
    rounded down."""
    numerator = open_stake * prod(struck) * (BASIS_POINTS - margin_bp)
    return numerator // (prod(milli) * BASIS_POINTS)


def part_of(offer: Offer, stake: int) -> int:
    """What is given for so much of the stake; never more in parts than as a whole."""
    return offer.amount * stake // offer.open_stake


class OfferKeys:
    """Keys by their ids, the one that seals first; older ones still open. It never shows them.

    A nonce is random: a key is good for 2^32 offers (NIST SP 800-38D section 8.3).
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        for kid, key in keys.items():
            if not _KID.match(kid) or len(key) < KEY_BYTES_MIN:
                raise Refused("bad_key", f"an offer key is KID:SECRET, its secret at least {KEY_BYTES_MIN} bytes long")
        self._keys = {kid: AESGCM(hashlib.sha256(_PURPOSE + key).digest()) for kid, key in keys.items()}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def seal(self, offer: Offer) -> str:
        """The word for it."""
        kid = next(iter(self._keys))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._keys[kid].encrypt(nonce, msgspec.msgpack.encode(offer), kid.encode())
        return f"{_FORM}.{kid}.{base64.urlsafe_b64encode(nonce + sealed).decode().rstrip('=')}"

    def open(self, text: str) -> Offer:
        """What was sealed. Raises MoneyRefused("bad_offer") for anything that we did not seal."""
        form, _, rest = text.partition(".")
        kid, _, body = rest.partition(".")
        key = self._keys.get(kid)
        if len(text) > OFFER_CHARS_MAX or form != _FORM or key is None:
            raise MoneyRefused("bad_offer")
        try:
            data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
            opened = key.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], kid.encode())
            return msgspec.msgpack.decode(opened, type=Offer)
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise MoneyRefused("bad_offer") from error


def offer_keys(text: str) -> OfferKeys:
    """Those of `KID:SECRET,...`. Raises Refused("bad_key")."""
    words = [word.strip().partition(":") for word in text.split(",") if word.strip()]
    return OfferKeys({kid: secret.encode() for kid, _, secret in words})
