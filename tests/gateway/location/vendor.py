"""A location vendor, a verifier and its surroundings, for tests: real signatures, boundaries and rules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from feeds.adapters.coordination.memory import MemoryCoordination
from gateway.location.atlas import Atlas, read_atlas
from gateway.location.checks import Claimant
from gateway.location.claims import Flags
from gateway.location.geometry import Region
from gateway.location.keys import VendorKey, read_keys
from gateway.location.policy import Policy
from gateway.location.receipts import ReceiptKeys
from gateway.location.record import Checked
from gateway.location.refusals import GeoRefused
from gateway.location.rules import read_rules
from gateway.location.service import Known, LocationService
from gateway.location.zones import Zone

NOW = 1_790_000_000
ISSUER = "https://vendor.example"
CLAIMANT = Claimant("A1", "phone-1", "session-1", "203.0.113.0/24")
CHERRY_HILL = (39.9259, -75.0196)
"""In New Jersey, 7.5 km from the Delaware."""

NO_FLAGS = Flags(mocked=False, rooted=False, proxy=False, remote_desktop=False, jumped=False)
CLAIMS: Mapping[str, Any] = {
    "iss": ISSUER,
    "aud": "oddswire",
    "iat": NOW - 2,
    "exp": NOW + 58,
    "jti": "Zm9yIG9uZSB1c2Ugb25seQ",
    "sub": CLAIMANT.account,
    "device": CLAIMANT.device,
    "session": CLAIMANT.session,
    "net": CLAIMANT.network,
    "lat": CHERRY_HILL[0],
    "lon": CHERRY_HILL[1],
    "accuracy_m": 25.0,
    "state": "US-NJ",
    "speed_mps": 0.0,
    "flags": msgspec.to_builtins(NO_FLAGS),
}


class Vendor:
    """Two keys, Ed25519 and P-256, and a third that nobody knows."""

    def __init__(self) -> None:
        self.ed25519 = Ed25519PrivateKey.generate()
        self.p256 = generate_private_key(SECP256R1())
        self.stranger = Ed25519PrivateKey.generate()

    def jwks(self) -> list[dict[str, Any]]:
        """Its public keys, as it publishes them."""
        okp = jwt.algorithms.OKPAlgorithm.to_jwk(self.ed25519.public_key(), as_dict=True)
        ec = jwt.algorithms.ECAlgorithm.to_jwk(self.p256.public_key(), as_dict=True)
        return [{**okp, "kid": "ed", "iss": ISSUER}, {**ec, "kid": "ec", "iss": ISSUER}]

    @property
    def keys(self) -> Mapping[str, VendorKey]:
        """As the gateway reads them."""
        return read_keys(msgspec.json.encode({"keys": self.jwks()}), development=False)

    def sign(self, claims: Mapping[str, Any] = CLAIMS, *, kid: str = "ed", header: Mapping[str, Any] = {}) -> str:
        """A packet."""
        key, algorithm = (self.p256, "ES256") if kid == "ec" else (self.ed25519, "EdDSA")
        return self.signed(key, msgspec.json.encode(claims), algorithm, {"kid": kid, **header})

    @staticmethod
    def signed(key: Any, payload: bytes, algorithm: str, header: Mapping[str, Any]) -> str:
        """Any payload, by any key."""
        return jwt.PyJWS().encode(payload, key, algorithm=algorithm, headers=dict(header))


class Records:
    """Keeps what was recorded; `away` like a database that does not answer."""

    def __init__(self) -> None:
        self.rows: list[Checked] = []
        self.away = False

    async def record(self, checked: Checked) -> None:
        """See gateway.location.service.Records."""
        if self.away:
            raise GeoRefused("geo_unavailable")
        self.rows.append(checked)

    def note(self, checked: Checked) -> None:
        """See there."""
        self.rows.append(checked)


@cache
def vendor() -> Vendor:
    return Vendor()


@cache
def receipt_keys() -> ReceiptKeys:
    return ReceiptKeys({"k1": b"k" * 32})


@cache
def atlas() -> Atlas:
    """The shipped boundaries, with one zone of a kilometre square north of Trenton."""
    square = [(-74.80, 40.30), (-74.79, 40.30), (-74.79, 40.31), (-74.80, 40.31), (-74.80, 40.30)]
    plain = read_atlas()
    return Atlas(plain.states, [Zone("square", "US-NJ", "A square", Region([[square]]))], version=plain.version)


class Desk:
    """A verifier at NOW, with a coordination store of its own."""

    def __init__(self, *, records: Any = None, clock: Any = lambda: NOW) -> None:
        self.coordination = MemoryCoordination()
        self.records = Records() if records is None else records
        known = Known(vendor().keys, atlas(), read_rules(), Policy("oddswire"), receipt_keys())
        self.locations = LocationService(known, self.coordination, self.records, clock=clock)

    async def verdict(self, packet: str, claimant: Claimant = CLAIMANT) -> str:
        """`accepted`, or the code of the refusal."""
        try:
            await self.locations.verify(packet, claimant)
        except GeoRefused as refusal:
            return refusal.code
        return "accepted"


def without(name: str) -> dict[str, Any]:
    """The claims but for one."""
    return {key: value for key, value in CLAIMS.items() if key != name}


def with_(**changed: Any) -> dict[str, Any]:
    """The claims with some changed."""
    return {**CLAIMS, **changed}


def flagged(**flags: Any) -> dict[str, Any]:
    """The claims with some flags changed."""
    return with_(flags={**CLAIMS["flags"], **flags})
