"""The development issuer, for laptops: one API key with every scope and no quota, and tokens for any account.

Both stand in one file of the data directory of `oddswire up`, readable by its owner alone, made when first needed:

    access/development.json   {"key": "ow_...", "jwk": {an Ed25519 key pair, RFC 8037}}

A gateway takes them only where its settings say that this is development; see gateway/access/settings.py.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import orjson

from gateway.access.errors import NoDevelopmentKeys
from gateway.access.secret import make_key
from gateway.secret_file import OpenToOthers, kept, new_key_pair

FILE = Path("access") / "development.json"
ISSUER = "oddswire-development"
AUDIENCE = "oddswire"
ALGORITHM = "EdDSA"

_KID_BYTES = 8


class Development(NamedTuple):
    """What the file holds. It never shows itself."""

    key: str
    jwk: dict[str, Any]

    def __repr__(self) -> str:
        return "Development(...)"

    @property
    def public(self) -> dict[str, Any]:
        """The JWK set that verifies."""
        return {"keys": [{name: value for name, value in self.jwk.items() if name != "d"}]}

    def token(self, account: str, scopes: Sequence[str], *, ttl_s: int, now_s: int | None = None) -> str:
        """A token as an OIDC issuer would give it."""
        issued_s = int(time.time()) if now_s is None else now_s
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": account,
            "scope": " ".join(scopes),
            "iat": issued_s,
            "nbf": issued_s,
            "exp": issued_s + ttl_s,
            "jti": secrets.token_urlsafe(_KID_BYTES),
        }
        key = jwt.PyJWK(self.jwk, ALGORITHM).key
        return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": self.jwk["kid"]})


def development_keys(data_dir: Path) -> Development:
    """Those of a data directory, made where there are none. Raises NoDevelopmentKeys."""
    path = data_dir / FILE
    try:
        held = orjson.loads(kept(path, _make))
        return Development(held["key"], held["jwk"])
    except OpenToOthers as error:
        raise NoDevelopmentKeys(str(error)) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoDevelopmentKeys(f"{path}: {type(error).__name__}") from error


def _make() -> bytes:
    jwk = new_key_pair() | {"kid": secrets.token_hex(_KID_BYTES), "alg": ALGORITHM, "use": "sig"}
    return orjson.dumps({"key": make_key(), "jwk": jwk})
