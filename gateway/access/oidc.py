"""Signing in at an OIDC issuer: the authorization code flow with PKCE (OpenID Connect Core 3.1, RFC 7636, RFC 9700).

`begin` gives the address to send somebody to, and what has to come back with them; `finish` trades the code for an ID
token and says who that is. The issuer is asked at the addresses of its own discovery document, over https (http on this
machine alone); redirects are not followed, answers have a limit of size and time. State, nonce and verifier travel in a
sealed cookie of the browser that began: a code that somebody else brings is worth nothing.

Who may come in is said by one claim, a list of names; one that holds none of ours is refused.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from hmac import compare_digest
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import httpx
import jwt
import msgspec
import orjson
import structlog

from feeds.contract.errors import Refused
from gateway.access.issuers import DISCOVERY, Issuer, IssuerUnavailable
from gateway.access.sessions import Person, Role
from gateway.access.tokens import KeySet, Rules, account_of
from gateway.sealing import Kind

log = structlog.get_logger(__name__)

PENDING_S = 600
"""Somebody who takes longer at the issuer begins anew."""

DISCOVERY_S = 300.0
ASK_S = 5.0
BYTES_MAX = 262_144
NAME_CHARS_MAX = 80

_RANDOM_BYTES = 32
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LEEWAY_S = 10


class Pending(msgspec.Struct, frozen=True, array_like=True):
    """What a browser keeps while its user is at the issuer. `until_s`: Unix s."""

    state: str
    nonce: str
    verifier: str
    until_s: int


PENDING = Kind(Pending, "a sign-in", "dl", b"oddswire desk sign-in ", 1_500)


class Claims(NamedTuple):
    """Which claims say who that is, what people call it, and what it may; and the names that make a trader, a reader.
    Whoever has both is a trader."""

    who: str = "sub"
    name: str = "name"
    roles: str = "roles"
    traders: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()

    def role(self, said: object) -> Role | None:
        """Of the claim's value: a list of names, or names in one text (RFC 8693)."""
        names = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
        if not set(self.traders).isdisjoint(map(str, names)):
            return "trader"
        return None if set(self.readers).isdisjoint(map(str, names)) else "reader"


class Client(NamedTuple):
    """What we are to the issuer. `secret` empty: a public client, by PKCE alone."""

    id: str
    secret: str
    redirect_uri: str
    scopes: str = "openid profile"


class _Found(NamedTuple):
    """Of the discovery document."""

    authorization: str
    token: str
    read_s: float


class Oidc:
    """One issuer. `rules` are those of its ID tokens, their audience our client's id."""

    def __init__(
        self,
        rules: Rules,
        client: Client,
        claims: Claims,
        *,
        jwks_url: str = "",
        stale_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.keys = Issuer(rules, jwks_url=jwks_url, stale_s=stale_s, changed=lambda: None)
        self._rules = rules
        self._client = client
        self._claims = claims
        self._clock = clock
        self._found: _Found | None = None

    async def begin(self) -> tuple[str, Pending]:
        """Where to send somebody, and what their browser is to keep. Raises IssuerUnavailable."""
        found = await self._discovered()
        state, nonce, verifier = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect_uri,
            "scope": self._client.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(found.authorization).query else "?"
        return f"{found.authorization}{joint}{urlencode(asked)}", Pending(
            state, nonce, verifier, int(self._clock()) + PENDING_S
        )

    async def finish(self, pending: Pending, *, state: str, code: str) -> Person:
        """Who came back. Raises Refused("sign_in_refused"), IssuerUnavailable."""
        if pending.until_s <= self._clock():
            raise Refused("sign_in_refused", "it took too long: begin again")
        if not compare_digest(pending.state, state):
            raise Refused("sign_in_refused", "another sign-in has come between: begin again")
        claims = await self._checked(await self._traded(code, pending.verifier))
        if not compare_digest(str(claims.get("nonce", "")), pending.nonce):
            raise Refused("sign_in_refused", "the issuer answered another sign-in")
        who, role = claims.get(self._claims.who), self._claims.role(claims.get(self._claims.roles))
        if not isinstance(who, str) or not who:
            raise Refused("sign_in_refused", f"the issuer does not say who that is ({self._claims.who})")
        if role is None:
            raise Refused("sign_in_refused", "this account has no role at the desk")
        name = claims.get(self._claims.name)
        return Person(account_of(who), name[:NAME_CHARS_MAX] if isinstance(name, str) else "", role)

    async def run(self) -> None:
        """Keeps the issuer's keys fresh until cancelled, from the first sign-in on."""
        await self.keys.run()

    async def _discovered(self) -> _Found:
        if self._found is None or monotonic() - self._found.read_s > DISCOVERY_S:
            said = await self._asked("GET", self._rules.issuer.rstrip("/") + DISCOVERY)
            if said.get("issuer") != self._rules.issuer:
                raise self._unavailable("its discovery document is of another issuer")
            ways = [said.get("authorization_endpoint"), said.get("token_endpoint")]
            if not all(isinstance(way, str) and _is_safe(way) for way in ways):
                raise self._unavailable("its discovery document has no endpoints by https")
            self._found = _Found(str(ways[0]), str(ways[1]), monotonic())
        return self._found

    async def _traded(self, code: str, verifier: str) -> str:
        """The ID token for a code."""
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_uri,
            "client_id": self._client.id,
            "code_verifier": verifier,
        }
        said = await self._asked("POST", (await self._discovered()).token, given)
        token = said.get("id_token")
        if not isinstance(token, str):
            raise Refused("sign_in_refused", "the issuer gave no ID token")
        return token

    async def _checked(self, token: str) -> dict[str, Any]:
        keys = await self.keys.keys()
        try:
            header = jwt.get_unverified_header(token)
            key = _key(header, self._rules, keys) or _key(header, self._rules, await self.keys.newer(keys) or keys)
            if key is None:
                raise Refused("sign_in_refused", "the ID token's key is not one of its issuer")
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[key.algorithm_name], audience=self._rules.audience, issuer=self._rules.issuer,
                leeway=_LEEWAY_S, options={"require": ["iss", "aud", "exp", "iat", "sub"]},
            )  # fmt: skip
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, RecursionError) as error:
            if isinstance(error, Refused):
                raise
            raise Refused("sign_in_refused", "the issuer's ID token is not one that is valid") from error
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != self._client.id:
            raise Refused("sign_in_refused", "the ID token is for somebody else")
        return claims

    async def _asked(self, method: str, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at an address. Raises IssuerUnavailable, and Refused where the issuer refuses."""
        secret = self._client.secret
        auth = httpx.BasicAuth(self._client.id, secret) if form is not None and secret else None
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        try:
            async with (
                httpx.AsyncClient(follow_redirects=False, timeout=ASK_S, trust_env=False) as client,
                client.stream(method, url, data=form, headers=headers, auth=auth) as answer,
            ):
                said = await _bounded(answer.aiter_raw())
        except httpx.HTTPError as error:
            raise self._unavailable(str(error) or type(error).__name__) from error
        if form is not None and answer.is_client_error:
            log.warning("code_refused", issuer=self._rules.issuer, status=answer.status_code)
            raise Refused("sign_in_refused", "the issuer does not take its code back")
        if answer.status_code != httpx.codes.OK or said is None:
            raise self._unavailable(f"status {answer.status_code}")
        try:
            found = orjson.loads(said)
        except orjson.JSONDecodeError as error:
            raise self._unavailable("not JSON") from error
        return found if isinstance(found, dict) else {}

    def _unavailable(self, why: str) -> IssuerUnavailable:
        log.warning("issuer_unavailable", issuer=self._rules.issuer, why=why)
        return IssuerUnavailable(self._rules.issuer)


async def _bounded(parts: AsyncIterator[bytes]) -> bytes | None:
    """None where it is too much."""
    said = b""
    async for part in parts:
        said += part
        if len(said) > BYTES_MAX:
            return None
    return said


def _key(header: dict[str, Any], rules: Rules, keys: KeySet) -> jwt.PyJWK | None:
    alg = header.get("alg")
    return keys.key(header.get("kid"), alg) if alg in rules.algorithms else None


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )
