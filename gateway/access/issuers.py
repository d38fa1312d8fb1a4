"""Keys of an OIDC issuer, fetched and kept: the only place that asks an issuer anything.

It asks one address that the settings name: the JWK set itself, or the issuer's discovery document, whose `jwks_uri` is
followed only to the same origin (an issuer that keeps its keys elsewhere is given by its JWK set's address). Redirects
are not followed; an answer has a limit of size and of time. A token cannot make it ask anywhere else.

Kept keys are fetched anew every REFRESH_S, and well before they are stale. A token that names an unknown key has them
fetched at once, but not sooner than COOLDOWN_S after the last time: until then it is refused. While the issuer does not
answer, the keys that are held go on for `stale_s`; after that, and before the first answer, nobody can be told (503),
and nobody is called bad.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from urllib.parse import urlsplit

import httpx
import orjson
import structlog

from feeds.contract.errors import Refused
from gateway.access.tokens import KeySet, Rules

log = structlog.get_logger(__name__)

REFRESH_S = 300.0
COOLDOWN_S = 10.0
FETCH_S = 3.0
DOCUMENT_BYTES_MAX = 262_144
DISCOVERY = "/.well-known/openid-configuration"

_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}
"""Nothing is unpacked: a small answer stays small."""

Changed = Callable[[], None]


class IssuerUnavailable(Exception):
    """The issuer's keys cannot be had."""


class FixedKeys:
    """Keys that were given: those of the development issuer."""

    def __init__(self, rules: Rules, keys: KeySet) -> None:
        self.rules = rules
        self._keys = keys

    async def keys(self) -> KeySet:
        """They."""
        return self._keys

    async def newer(self, than: KeySet) -> KeySet | None:
        """There never are any."""
        del than
        return None

    async def run(self) -> None:
        """Nothing to do."""


class Issuer:
    """One issuer. `jwks_url` empty: by discovery. `changed` is called when a key is no longer there."""

    def __init__(
        self, rules: Rules, *, jwks_url: str = "", stale_s: float, changed: Changed, cooldown_s: float = COOLDOWN_S
    ) -> None:
        self.rules = rules
        self._url = jwks_url
        self._stale_s = stale_s
        self._cooldown_s = cooldown_s
        self._changed = changed
        self._keys: KeySet | None = None
        self._fetched_s = self._tried_s = -float("inf")
        self._fetching: asyncio.Task[None] | None = None

    async def keys(self) -> KeySet:
        """The keys. Raises IssuerUnavailable."""
        if self._keys is None:
            await self._fetch_soon()
        if self._keys is None or monotonic() - self._fetched_s > self._stale_s:
            raise IssuerUnavailable(self.rules.issuer)
        return self._keys

    async def newer(self, than: KeySet) -> KeySet | None:
        """The keys, if they are others than those; asks for them at a bounded rate. Raises IssuerUnavailable where
        the last time it asked was in vain."""
        if self._keys is than:
            await self._fetch_soon()
            if self._tried_s > self._fetched_s:
                raise IssuerUnavailable(self.rules.issuer)
        return None if self._keys is than else self._keys

    async def run(self) -> None:
        """Keeps the keys fresh until cancelled."""
        while True:
            await self._fetch_soon()
            held = self._tried_s == self._fetched_s
            await asyncio.sleep(min(REFRESH_S, self._stale_s / 3) if held else self._cooldown_s)

    async def _fetch_soon(self) -> None:
        """Fetches, unless that was just tried; several who wait share one."""
        if self._fetching is None:
            if monotonic() - self._tried_s < self._cooldown_s:
                return
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        self._tried_s = monotonic()
        try:
            async with asyncio.timeout(FETCH_S):
                keys = KeySet(await self._document(), self.rules.algorithms)
        except (httpx.HTTPError, Refused, TimeoutError) as error:
            log.warning("issuer_keys_unavailable", issuer=self.rules.issuer, error=str(error) or type(error).__name__)
        else:
            before, self._keys = self._keys, keys
            self._fetched_s = self._tried_s
            if before is not None and keys.lacks_one_of(before):
                self._changed()
        finally:
            self._fetching = None

    async def _document(self) -> object:
        """The JWK set. Raises HTTPError, Refused."""
        async with httpx.AsyncClient(follow_redirects=False, timeout=FETCH_S, trust_env=False) as client:
            if not self._url:
                issuer = self.rules.issuer.rstrip("/")
                self._url = _jwks_of(await _json(client, issuer + DISCOVERY), self.rules.issuer)
            return await _json(client, self._url)


def _jwks_of(document: object, issuer: str) -> str:
    """Raises Refused."""
    said = document if isinstance(document, dict) else {}
    if said.get("issuer") != issuer:
        raise Refused("bad_discovery", "the discovery document is of another issuer")
    url = said.get("jwks_uri")
    if not isinstance(url, str) or urlsplit(url)[:2] != urlsplit(issuer)[:2]:
        raise Refused("bad_discovery", "the keys are at another origin: set their address, ODDSWIRE_ACCESS_JWKS_URL")
    return url


async def _json(client: httpx.AsyncClient, url: str) -> object:
    """Raises HTTPError, Refused."""
    async with client.stream("GET", url, headers=_HEADERS) as answer:
        if answer.status_code != httpx.codes.OK:
            raise Refused("bad_answer", f"status {answer.status_code}")
        said = b""
        async for part in answer.aiter_raw():
            said += part
            if len(said) > DOCUMENT_BYTES_MAX:
                raise Refused("bad_answer", f"more than {DOCUMENT_BYTES_MAX} bytes")
    try:
        return orjson.loads(said)
    except orjson.JSONDecodeError as error:
        raise Refused("bad_answer", "not JSON") from error
