"""The development signer: a location vendor for laptops, whose packets say whatever one likes.

Its keys stand in one file of the data directory of `oddswire up`, readable by its owner alone, made when first needed:

    location/development.json   {"jwk": {an Ed25519 key pair, RFC 8037}, "receipt_key": "..."}

A gateway believes them only where its settings say that this is development (settings.py).
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from feeds.contract.errors import Refused
from gateway.location.claims import Packet
from gateway.location.keys import DEVELOPMENT, DEVELOPMENT_ISSUER, VendorKey, read_keys
from gateway.location.receipts import ReceiptKeys

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
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise Refused("no_development_keys", f"{path} can be read by others: remove it, and end what uses it")
        held = msgspec.json.decode(path.read_bytes(), type=_Held)
    except (OSError, msgspec.MsgspecError) as error:
        raise Refused("no_development_keys", f"{path}: {type(error).__name__}") from error
    return Development(held.jwk, held.receipt_key)


def _make(path: Path) -> None:
    """Whole or not at all; of two at once the first stands."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    jwk: dict[str, Any] = jwt.algorithms.OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
    jwk |= {"kid": DEVELOPMENT + secrets.token_hex(_KID_BYTES), "iss": DEVELOPMENT_ISSUER}
    jwk.pop("key_ops", None)
    held = msgspec.json.encode({"jwk": jwk, "receipt_key": secrets.token_urlsafe(_RANDOM_BYTES)})
    draft = path.with_name(f"{path.name}.{secrets.token_hex(_KID_BYTES)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(held)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
