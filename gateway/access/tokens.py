"""Bearer tokens of an OIDC issuer: whose a token is, by the keys that the issuer publishes. Pure.

A JWT (RFC 7519) by JWS (RFC 7515), checked by PyJWT. Each key of the JWK set (RFC 7517) is bound to the algorithms of
its kind and of our list before a token is looked at, so a token chooses among (kid, alg) pairs and nothing else: `none`
and the HMACs are in no list, and a public key can never be taken for a secret.

Claims: iss, aud, exp, sub; nbf where it stands; the scopes in `scope` (RFC 8693, words) or `scp` (a list, or words),
of which those that we do not know are nothing to us. A token that has no `iat` counts as minted at the beginning of
time, so any revocation of its account that is remembered ends it.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Literal, NamedTuple, cast

import jwt
import msgspec
from jwt.types import Options

from feeds.contract.errors import Refused
from gateway.access.principal import SCOPES, Plan, Principal, Scope

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]

TOKEN_BYTES_MAX = 8_192
TOKEN_S_MAX = 86_400
"""A token that ends later than so from now is refused: revocations are remembered for as long as a token may live."""

KEYS_MAX = 64
"""Keys of a set that are looked at."""

RSA_BITS_MIN = 2_048

_RSA: tuple[Algorithm, ...] = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_OF_KIND: dict[tuple[str, str | None], tuple[Algorithm, ...]] = {
    ("RSA", None): _RSA,
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_HASHED = "h_"
_SUB_CHARS_MAX = 255
_CHECKED_BY_US: Options = {"verify_iat": False, "require": ["iss", "aud", "exp", "sub"]}


class Token(NamedTuple):
    """A token that was checked. `exp` and `minted_s` are Unix s."""

    principal: Principal
    exp: int
    minted_s: int


class Rules(NamedTuple):
    """What is asked of the tokens of one issuer. `plan` is what they get."""

    issuer: str
    audience: str
    algorithms: frozenset[Algorithm]
    plan: Plan
    skew_s: float = 10.0


class UnknownKey(Exception):
    """The token names a key that is not in the set: it may be a new one."""


class KeySet:
    """The keys of an issuer that can verify, by id and algorithm."""

    def __init__(self, document: object, algorithms: frozenset[Algorithm]) -> None:
        """Of a JWK set as decoded JSON; what cannot be used is left out. Raises Refused("bad_jwks")."""
        keys = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(keys, list):
            raise Refused("bad_jwks", "not a JWK set")
        self._keys: dict[tuple[str | None, str], jwt.PyJWK] = {}
        self._published: set[str] = set()
        for key in keys[:KEYS_MAX]:
            if isinstance(key, dict):
                self._add(key, algorithms)
        kids = {kid for kid, _ in self._keys}
        if len(kids) == 1:  # RFC 7515 4.1.4: where there is one key, a token need not name it
            self._keys |= {(None, alg): key for (_, alg), key in tuple(self._keys.items())}

    def __len__(self) -> int:
        return len({id(key) for key in self._keys.values()})

    def lacks_one_of(self, before: KeySet) -> bool:
        """Whether a key is no longer what it was before, or no longer there."""
        return not self._published.issuperset(before._published)

    def key(self, kid: str | None, alg: str) -> jwt.PyJWK | None:
        """The key that verifies such a token."""
        return self._keys.get((kid, alg))

    def _add(self, data: dict[str, Any], algorithms: frozenset[Algorithm]) -> None:
        kid = data.get("kid")
        if data.get("use", "sig") != "sig" or not (kid is None or isinstance(kid, str)) or "d" in data:
            return
        kind = (str(data.get("kty")), None if data.get("kty") == "RSA" else data.get("crv"))
        for algorithm in _OF_KIND.get(cast("tuple[str, str | None]", kind), ()):
            if algorithm in algorithms and data.get("alg") in (None, algorithm):
                try:
                    key = jwt.PyJWK(data, algorithm)
                except (jwt.PyJWTError, ValueError, TypeError):
                    return
                if getattr(key.key, "key_size", RSA_BITS_MIN) >= RSA_BITS_MIN or kind[0] != "RSA":
                    self._keys[kid, algorithm] = key
                    self._published.add(json.dumps(data, sort_keys=True))


def issuer_of(token: bytes) -> str:
    """The issuer a token names, before anything of it is believed. Raises Refused("bad_token")."""
    if len(token) > TOKEN_BYTES_MAX:
        raise Refused("bad_token", f"a token has up to {TOKEN_BYTES_MAX} bytes")
    try:
        claims = jwt.decode_complete(token, options={"verify_signature": False})["payload"]
        return str(claims.get("iss", ""))
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise Refused("bad_token", "not a token") from error


def check_token(token: bytes, rules: Rules, keys: KeySet, now_s: float) -> Token:
    """The token of this issuer. Raises Refused("bad_token"), UnknownKey."""
    try:
        header = jwt.get_unverified_header(token)
        key = _key_of(header, rules, keys)
        payload = jwt.decode(
            token, key, algorithms=[key.algorithm_name], audience=rules.audience, issuer=rules.issuer,
            leeway=rules.skew_s, options=_CHECKED_BY_US,
        )  # fmt: skip
        return _token(msgspec.convert(payload, _Claims, strict=False), rules, now_s)
    except Refused:
        raise
    except (jwt.PyJWTError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise Refused("bad_token", _words(error)) from error


def _key_of(header: dict[str, Any], rules: Rules, keys: KeySet) -> jwt.PyJWK:
    """The key by which a token says that it is signed. Raises Refused, UnknownKey, KeyError."""
    alg = header["alg"]
    if alg not in rules.algorithms:
        raise Refused("bad_token", "the token's algorithm is not one that is taken")
    key = keys.key(header.get("kid"), alg)
    if key is None:
        raise UnknownKey
    return key


def account_of(sub: str) -> str:
    """An account's name: the `sub` itself where it fits one, else a hash of it, which no `sub` can be."""
    if _ACCOUNT.match(sub) and not sub.startswith(_HASHED):
        return sub
    return _HASHED + urlsafe_b64encode(sha256(sub.encode()).digest()).decode().rstrip("=")


class _Claims(msgspec.Struct, frozen=True):
    sub: str
    exp: float
    iat: float = 0.0
    scope: str | list[str] = ""
    scp: str | list[str] = ""


def _token(claims: _Claims, rules: Rules, now_s: float) -> Token:
    if not 1 <= len(claims.sub) <= _SUB_CHARS_MAX:
        raise Refused("bad_token", f"a token's sub has 1 to {_SUB_CHARS_MAX} characters")
    if claims.exp > now_s + TOKEN_S_MAX + rules.skew_s:
        raise Refused("bad_token", f"a token lasts up to {TOKEN_S_MAX} s")
    account = account_of(claims.sub)
    principal = Principal(
        subject=f"sub:{account}",
        account=account,
        scopes=_known([*_listed(claims.scope), *_listed(claims.scp)]),
        plan=rules.plan,
        minted_s=int(claims.iat),
    )
    return Token(principal, int(claims.exp), int(claims.iat))


def _listed(said: str | list[str]) -> list[str]:
    return said.split() if isinstance(said, str) else said


def _known(scopes: Iterable[str]) -> frozenset[Scope]:
    return frozenset(scope for scope in scopes if scope in SCOPES)


_WORDS: Mapping[type[Exception], str] = {
    jwt.ExpiredSignatureError: "the token is over",
    jwt.ImmatureSignatureError: "the token does not hold yet",
    jwt.InvalidAudienceError: "the token is for another audience",
    jwt.InvalidIssuerError: "the token is of another issuer",
    jwt.InvalidSignatureError: "the token's signature is not right",
    jwt.MissingRequiredClaimError: "the token lacks a claim: iss, aud, exp and sub are needed",
}


def _words(error: Exception) -> str:
    """What is wrong, without a word of the token."""
    return _WORDS.get(type(error), "not a token")
