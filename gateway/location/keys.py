"""Whose packets are believed: public keys of location vendors, from a JWK set (RFC 7517). Pure.

A key has one algorithm and one issuer: a header cannot choose another. A development key says what it is in its id,
and is refused unless development is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

import jwt
import msgspec

from feeds.contract.errors import Refused

Algorithm = Literal["EdDSA", "ES256"]

DEVELOPMENT = "development-"
"""How the id of a development key begins."""

DEVELOPMENT_ISSUER = "oddswire-development"
KEYS_MAX = 32

_ALGORITHMS = jwt.algorithms.get_default_algorithms()
_CURVES: dict[tuple[str, str], Algorithm] = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256"}


class VendorKey(NamedTuple):
    """A key, and what it may sign: packets by this algorithm, from this issuer."""

    kid: str
    algorithm: Algorithm
    issuer: str
    public_key: Any

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Whether it was signed by this key, by its algorithm."""
        return bool(_ALGORITHMS[self.algorithm].verify(text, self.public_key, signature))

    @property
    def development(self) -> bool:
        """Whether it was made by `oddswire dev locate`."""
        return self.kid.startswith(DEVELOPMENT) or self.issuer == DEVELOPMENT_ISSUER


class _Jwk(msgspec.Struct, frozen=True):
    """Of a public key of Ed25519 or P-256; `iss` is ours. A private part is refused, so that none lies about."""

    kid: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
    kty: str
    crv: str
    iss: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    x: str
    y: str | None = None
    d: str | None = None


class _JwkSet(msgspec.Struct, frozen=True):
    keys: tuple[_Jwk, ...]


def read_keys(text: bytes, *, development: bool) -> Mapping[str, VendorKey]:
    """Keys by id. Raises Refused("bad_vendor_key"), and Refused("development_key") where that is not meant."""
    try:
        found = msgspec.json.decode(text, type=_JwkSet).keys
    except msgspec.MsgspecError as error:
        raise Refused("bad_vendor_key", f"not a JWK set with kid, kty, crv, iss and x of each key: {error}") from error
    if not 1 <= len(found) <= KEYS_MAX or len({one.kid for one in found}) != len(found):
        raise Refused("bad_vendor_key", f"a set has 1 to {KEYS_MAX} keys, each with an id of its own")
    keys = {one.kid: _key(one) for one in found}
    for key in keys.values():
        if key.development and not development:
            raise Refused("development_key", f"{key.kid} signs locations that anybody can make up: not in production")
    return keys


def _key(one: _Jwk) -> VendorKey:
    algorithm = _CURVES.get((one.kty, one.crv))
    if algorithm is None or one.d is not None:
        raise Refused("bad_vendor_key", f"{one.kid}: a public key of Ed25519 or P-256 is asked for")
    fields = {name: value for name, value in msgspec.structs.asdict(one).items() if value is not None}
    try:
        return VendorKey(one.kid, algorithm, one.iss, jwt.PyJWK(fields, algorithm=algorithm).key)
    except (jwt.PyJWTError, ValueError) as error:
        raise Refused("bad_vendor_key", f"{one.kid}: not a key: {type(error).__name__}") from error
