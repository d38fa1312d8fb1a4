"""Betfair's HTTP side: a session token and its keepAlive, names of markets, events of competitions. Thin.

Owns which answer is a refusal for good and which is tried again. Never shows a token, a key or a password.
Source: Betfair Exchange API, "Non-Interactive (bot) login", "Interactive Login - API Endpoint", "Keep Alive",
listMarketCatalogue, listEvents.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import httpx
import msgspec

from feeds.contract.errors import Refused
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.settings import BetfairSettings

CATALOGUE_MARKETS_MAX: Final = 200
"""Markets asked for at once. The projections asked for weigh nothing, so Betfair would answer 1,000."""

ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024

_PROJECTION: Final = ["EVENT", "EVENT_TYPE", "COMPETITION", "RUNNER_DESCRIPTION"]
_TRY_AGAIN: Final = frozenset({"TEMPORARY_BAN_TOO_MANY_REQUESTS", "PENDING_AUTH", "INTERNAL_ERROR"})


_T = TypeVar("_T")


class AccountUnavailable(Exception):
    """Betfair's HTTP side did not answer, or said to come again."""


class _LoginAnswer(msgspec.Struct, rename="camel"):
    session_token: str = ""
    login_status: str = ""
    token: str = ""
    status: str = ""
    error: str = ""


class _Event(msgspec.Struct):
    id: str


class _EventResult(msgspec.Struct):
    event: _Event


class Account:
    """One account. `transport` stands in the place of the network in tests."""

    def __init__(self, settings: BetfairSettings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._transport = transport
        self._session = settings.session.get_secret_value()

    @property
    def app_key(self) -> str:
        """The application key."""
        return self._settings.app_key.get_secret_value()

    async def session(self) -> str:
        """The session token; logs in where there is none. Raises Refused("betfair_login"), AccountUnavailable."""
        if not self._session:
            self._session = await self._login()
        return self._session

    def session_is_bad(self) -> None:
        """The token is not accepted: the next `session` logs in. Raises Refused where nobody could."""
        self._session = ""
        if not self._settings.username:
            raise Refused("betfair_login", "the session token is not accepted, and there is no account to log in")

    async def keep_alive(self) -> None:
        """The session lives on. Raises AccountUnavailable; a session that is over is forgotten."""
        if not self._session:
            return
        url = f"{self._settings.identity_url}/api/keepAlive"
        answer = _decode(await self._post(url, headers=self._headers()), _LoginAnswer)
        if answer.status != "SUCCESS" and self._settings.username:
            self._session = ""

    async def names(self, market_ids: Sequence[str]) -> Catalogue:
        """What Betfair calls these markets, at most CATALOGUE_MARKETS_MAX. Raises Refused, AccountUnavailable."""
        assert len(market_ids) <= CATALOGUE_MARKETS_MAX
        body: dict[str, object] = {
            "filter": {"marketIds": list(market_ids)},
            "marketProjection": _PROJECTION,
            "maxResults": str(CATALOGUE_MARKETS_MAX),
        }
        return Catalogue.parse(await self._ask("listMarketCatalogue", body))

    async def events(self, competitions: Sequence[str]) -> list[str]:
        """Ids of the events of these competitions. Raises AccountUnavailable."""
        answer = await self._ask("listEvents", {"filter": {"competitionIds": list(competitions)}})
        return [result.event.id for result in _decode(answer, list[_EventResult])]

    async def _ask(self, operation: str, body: dict[str, object]) -> bytes:
        return await self._post(f"{self._settings.betting_url}/{operation}/", headers=self._headers(), json=body)

    async def _login(self) -> str:
        settings = self._settings
        if not settings.username:
            raise Refused("betfair_login", "neither a session token nor an account to log in is set")
        by_certificate = bool(settings.cert_file)
        url = f"{settings.cert_login_url}/api/certlogin" if by_certificate else f"{settings.identity_url}/api/login"
        form = {"username": settings.username, "password": settings.password.get_secret_value()}
        answer = _decode(await self._post(url, headers={"X-Application": self.app_key}, data=form), _LoginAnswer)
        status = answer.login_status or answer.error or answer.status
        token = answer.session_token or answer.token
        if token and (answer.login_status or answer.status) == "SUCCESS":
            return token
        if status in _TRY_AGAIN:
            raise AccountUnavailable(f"login: {status}")
        raise Refused("betfair_login", f"Betfair refuses the login: {status[:80] or 'without a reason'}")

    def _headers(self) -> dict[str, str]:
        return {"X-Application": self.app_key, "X-Authentication": self._session}

    async def _post(self, url: str, **request: Any) -> bytes:
        settings = self._settings
        request["headers"] = {"Accept": "application/json", **request["headers"]}
        try:
            async with (
                httpx.AsyncClient(
                    verify=tls_context(settings, with_certificate=True),
                    timeout=settings.connect_timeout_s,
                    transport=self._transport,
                ) as client,
                client.stream("POST", url, **request) as response,
            ):
                response.raise_for_status()
                return await _bounded(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AccountUnavailable(f"{url}: {type(error).__name__} {error}") from error


def tls_context(settings: BetfairSettings, *, with_certificate: bool = False) -> ssl.SSLContext:
    """Verifies the host against `ca_file`, or the system's authorities. Raises Refused("unreadable")."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        if with_certificate and settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise Refused("unreadable", f"certificates of Betfair's settings: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > ANSWER_BYTES_MAX:
            raise AccountUnavailable(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
    return bytes(body)


def _decode(answer: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AccountUnavailable(f"an answer that cannot be read: {error}") from error
