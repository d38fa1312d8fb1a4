"""The access layer: who asks, whether they may ask now. Ahead of everything that is read.

One credential a request: a key in X-API-Key or a token in Authorization. Two of a kind, or one of each, say two things
about who asks: 400, also where both are good. One in the address is 400, too, and is not logged. Somebody without one
reads odds where they are open to all, and gets 401 elsewhere; what is not under /v1/ is open, and reads no credential.

Besides, the desk's page has a session in a cookie, which counts where a page of another origin could not have asked
(gateway/access/sessions.py), and only where there is neither key nor token.

A request of somebody known costs a hash, a look-up and, where the plan counts, a meter: see README.
"""

from __future__ import annotations

from hashlib import sha256
from time import time

from feeds.contract.errors import Refused
from gateway.access.address import holds_credential
from gateway.access.entitlement import check_of
from gateway.access.known import ANYBODY, Verified
from gateway.access.meter import Denied
from gateway.access.sessions import HEADER, Sessions
from gateway.access.settling import Meters
from gateway.access.verifier import Unverifiable, Verifier
from gateway.api.edge import App, Exchange, Receive, Scope, Send
from gateway.api.problems import answer, encoded
from gateway.read.book import ReadBook

GUARDED = "/v1/"
RETRY_AFTER_S = 1
ADDRESS_BYTES_LOOKED_AT = 4_096

_BEARER = b"bearer "
_CHALLENGE = {"unauthenticated": "Bearer", "bad_api_key": "Bearer", "bad_token": 'Bearer error="invalid_token"'}


class Access:
    """The layer of one worker. `anonymous`: odds are open to all."""

    def __init__(
        self,
        verifier: Verifier,
        meters: Meters,
        book: ReadBook,
        *,
        anonymous: bool,
        sessions: Sessions | None = None,
    ) -> None:
        self._sessions = sessions
        self._verifier = verifier
        self._keys, self._tokens = verifier.keys.by_hash, verifier.tokens.by_hash
        self._meters = meters
        self._book = book
        self._anonymous = anonymous

    def known(self, key: str | None, token: str | None, now_s: float) -> Verified | None:
        """Who has this one credential, if it was verified already; ANYBODY for none, where odds are open to all."""
        if token is None:
            if key is None:
                return ANYBODY if self._anonymous else None
            verified = self._keys.get(sha256(key.encode("latin-1")).digest())
        elif key is None:
            verified = self._tokens.get(sha256(token.encode("latin-1")).digest())
        else:
            return None
        return verified if verified is not None and verified.ends_s > now_s else None

    def layer(self, app: App) -> App:
        """Around the rest."""

        async def layer(scope: Scope, receive: Receive, send: Send) -> None:
            if not scope["path"].startswith(GUARDED):
                await app(scope, receive, send)
                return
            exchange: Exchange = scope["exchange"]
            headers = exchange.headers
            key, token = headers.get(b"x-api-key"), headers.get(b"authorization")
            now_s = time()
            none = key is None and token is None
            single = none or len(headers) == len(scope["headers"])
            by_session = none and HEADER in headers and self._sessions is not None
            verified = self.known(_text(key), _text(token), now_s) if single and not by_session else None
            if verified is None:
                verified = await self._unknown(scope, exchange, key, token)
                if verified is None:
                    return
            if verified is ANYBODY:
                await app(scope, receive, send)
                return
            exchange.principal = verified.principal
            exchange.private = True
            exchange.check = verified.check
            if verified.meter is not None:
                denied = verified.meter.take(now_s)
                exchange.extra += encoded(verified.meter.headers(now_s))
                if denied is not None:
                    await _deny(exchange, denied)
                    return
            await app(scope, receive, send)

        return layer

    async def _unknown(
        self, scope: Scope, exchange: Exchange, key: bytes | None, token: bytes | None
    ) -> Verified | None:
        """Verifies; None where the refusal was sent."""
        try:
            if key is None and token is None and (signed_in := self._signed_in(exchange)) is not None:
                return signed_in
            _check_single(scope, key, token)
            return await self._verified(key, token)
        except Unverifiable:
            code, detail, headers = "access_unavailable", "", {"retry-after": str(RETRY_AFTER_S)}
        except Refused as refused:
            code, detail = refused.code, str(refused)
            headers = {"www-authenticate": _CHALLENGE[code]} if code in _CHALLENGE else {}
        exchange.route = "access"
        await exchange.answer(answer(code, exchange.request_id.decode(), detail, headers))
        return None

    def _signed_in(self, exchange: Exchange) -> Verified | None:
        """Who has a session, or anybody where odds are open to all. Raises Refused, Unverifiable."""
        if self._sessions is None or HEADER not in exchange.headers:
            return None
        verified = self._sessions.verified(exchange.headers)
        if verified is None:
            return ANYBODY if self._anonymous else None
        self._verifier.check_account(verified)
        return verified

    async def _verified(self, key: bytes | None, token: bytes | None) -> Verified:
        """Raises Refused, Unverifiable."""
        if key is not None:
            verified = await self._verifier.key(key)
        else:
            assert token is not None
            if token[: len(_BEARER)].lower() != _BEARER:
                raise Refused("bad_token", "Authorization is to be Bearer TOKEN")
            verified = await self._verifier.token(token[len(_BEARER) :].strip(), sha256(token).digest())
        if verified.meter is None:
            verified.meter = self._meters.of(verified.principal)
        verified.check = check_of(verified.principal, self._book)
        return verified


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _check_single(scope: Scope, key: bytes | None, token: bytes | None) -> None:
    """Raises Refused."""
    query = scope["query_string"]
    if len(query) <= ADDRESS_BYTES_LOOKED_AT and holds_credential(scope["path"][:ADDRESS_BYTES_LOOKED_AT], query):
        raise Refused("credential_in_address", "give it in a header, and let nobody use it any more")
    if key is None and token is None:
        raise Refused("unauthenticated", "")
    if key is not None and token is not None:
        raise Refused("contradictory_credentials", "")
    names = [name for name, _ in scope["headers"] if name in (b"x-api-key", b"authorization")]
    if len(names) > 1:
        raise Refused("duplicate_credentials", "")


async def _deny(exchange: Exchange, denied: Denied) -> None:
    exchange.route = "access"
    headers = {"retry-after": str(denied.retry_after_s)}
    await exchange.answer(answer(denied.code, exchange.request_id.decode(), headers=headers))
