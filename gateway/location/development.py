"""The development signer: a location vendor for laptops, whose packets say whatever one likes.

Its keys stand in one file of the data directory of `oddswire up`, readable by its owner alone, made when first needed:

    location/development.json   {"jwk": {an Ed25519 key pair, RFC 8037}, "receipt_key": "..."}

A gateway believes them only where its settings say that this is development (settings.py).
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import msgspec

from feeds.contract.errors import Refused
from gateway.location.claims import Packet
from gateway.location.keys import DEVELOPMENT, DEVELOPMENT_ISSUER, VendorKey, read_keys
from gateway.location.receipts import ReceiptKeys
from gateway.secret_file import OpenToOthers, kept, new_key_pair

FILE = Path("location") / "development.json"
PACKET_S = 60
_RANDOM_BYTES = 32
_KID_BYTES = 8


class _Held(msgspec.Struct, frozen=True):
    jwk: dict[str, str]
    receipt_key: str


class Development(NamedTuple):
    """The keys of a data directory. They never show themselves."""

    jwk: dict[str, str]
    receipt_key: str

    def __repr__(self) -> str:
        return "Development(...)"

    def vendor_keys(self) -> dict[str, VendorKey]:
        """What verifies its packets."""
        public = {name: value for name, value in self.jwk.items() if name != "d"}
        return dict(read_keys(msgspec.json.encode({"keys": [public]}), development=True))

    def receipt_keys(self) -> ReceiptKeys:
        """What seals receipts here."""
        return ReceiptKeys({"development": self.receipt_key.encode()})

    def sign(self, packet: Packet) -> str:
        """The packet as a vendor would hand it to a device."""
        claims: dict[str, Any] = msgspec.to_builtins(packet)
        key = jwt.PyJWK(self.jwk, "EdDSA").key
        return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": self.jwk["kid"]})


def development_keys(data_dir: Path) -> Development:
    """Those of a data directory, made where there are none. Raises Refused("no_development_keys")."""
    path = data_dir / FILE
    try:
        held = msgspec.json.decode(kept(path, _make), type=_Held)
    except OpenToOthers as error:
        raise Refused("no_development_keys", str(error)) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise Refused("no_development_keys", f"{path}: {type(error).__name__}") from error
    return Development(held.jwk, held.receipt_key)


def _make() -> bytes:
    jwk = new_key_pair() | {"kid": DEVELOPMENT + secrets.token_hex(_KID_BYTES), "iss": DEVELOPMENT_ISSUER}
    jwk.pop("key_ops", None)
    return msgspec.json.encode({"jwk": jwk, "receipt_key": secrets.token_urlsafe(_RANDOM_BYTES)})
