"""Signing in and out at the desk's page. It decides nothing of sessions (gateway/access/sessions.py) and nothing of who
somebody is (gateway/access/oidc.py).

    GET  /desk/session               who is signed in, and which ways in there are; never refused
    GET  /desk/sign-in               to the issuer; it sends back to /desk/sign-in/done, and that to /desk
    POST /desk/sign-in/development   by the development keys: whoever sits at this machine, as whom they say
    POST /desk/sign-out              the session is over

What came of a sign-in that failed stands in the address of the page it ends at, `/desk?sign_in=CODE`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from feeds.contract.errors import Refused
from gateway.access.issuers import IssuerUnavailable
from gateway.access.oidc import PENDING_S, Oidc, Pending
from gateway.access.sessions import SCOPES, Person, Role, Session, Sessions
from gateway.api.bodies import decoded_body
from gateway.api.edge import Scope
from gateway.bets.bet import time_text
from gateway.sealing import NotOurs, Seals

log = structlog.get_logger(__name__)

Way = Literal["issuer", "development"]

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")
_CODE = re.compile(r"[\x21-\x7e]{1,4096}\Z")
_NO_STORE = {"Cache-Control": "no-store"}


class SignInAs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who says to be there, on a laptop."""

    account: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["jo"])]
    role: Role = "trader"


class Who(msgspec.Struct):
    """Somebody who is signed in. `scopes`: what that lets them do."""

    account: str
    name: str
    role: Role
    scopes: list[str]
    ends_at: str


class DeskSession(msgspec.Struct):
    """Who is signed in, null for nobody; the ways to sign in; whether the stream needs a ticket, or takes one."""

    who: Who | None
    ways: list[Way]
    tickets: bool


class Entry(NamedTuple):
    """What signing in is made of. `oidc` None: no issuer; `development`: the development keys are taken here;
    `tickets`: there are some."""

    sessions: Sessions
    pending: Seals[Pending]
    oidc: Oidc | None
    development: bool
    tickets: bool


class Entering:
    """The endpoints, by the names in routes.py. They raise Refused."""

    def __init__(self, entry: Entry | None, address: Callable[[Scope], str]) -> None:
        """`entry` None: nobody signs in here. `address`: a client's."""
        self._entry_or_none = entry
        self._address = address
        self.by_name: Mapping[str, Callable[[Request], Awaitable[Response]]] = {
            "desk_session": self.session,
            "desk_sign_in": self.sign_in,
            "desk_sign_in_done": self.done,
            "desk_sign_in_development": self.sign_in_development,
            "desk_sign_out": self.sign_out,
        }

    @property
    def _entry(self) -> Entry:
        if self._entry_or_none is None:
            raise Refused("no_sign_in", "")
        return self._entry_or_none

    async def session(self, request: Request) -> Response:
        """Who that is."""
        entry = self._entry_or_none
        if entry is None:
            return _json(DeskSession(None, [], tickets=False))
        try:
            session = entry.sessions.of(_headers(request))
        except Refused:
            session = None
        return _json(self._told(session))

    async def sign_in(self, request: Request) -> Response:
        """To the issuer."""
        del request
        entry = self._entry
        if entry.oidc is None:
            raise Refused("no_sign_in", "")
        try:
            address, pending = await entry.oidc.begin()
        except IssuerUnavailable as error:
            raise Refused("issuer_unavailable", "") from error
        kept = f"Max-Age={PENDING_S}; Path=/desk/sign-in; HttpOnly; SameSite=Lax{self._secure}"
        cookie = f"{self._pending_cookie}={entry.pending.seal(pending)}; {kept}"
        return Response(status_code=303, headers={**_NO_STORE, "Location": address, "Set-Cookie": cookie})

    async def done(self, request: Request) -> Response:
        """Back from the issuer: to the page, signed in or not."""
        entry = self._entry
        if entry.oidc is None:
            raise Refused("no_sign_in", "")
        try:
            person = await self._came_back(request, entry, entry.oidc)
        except IssuerUnavailable:
            return self._to_page("issuer_unavailable")
        except Refused as refusal:
            log.warning("sign_in_refused", why=str(refusal))
            return self._to_page(refusal.code)
        session, cookie = entry.sessions.begin(person)
        log.info("signed_in", account=session.account, role=session.role, by="issuer")
        return self._to_page("", cookie)

    async def sign_in_development(self, request: Request) -> Response:
        """Whoever sits at this machine."""
        entry = self._entry
        headers = _headers(request)
        entry.sessions.check_origin(headers)
        if not entry.development:
            raise Refused("no_sign_in", "the development keys are not taken here")
        host = urlsplit(f"//{headers.get(b'host', b'').decode('latin-1')}").hostname or ""
        if not _is_local(self._address(request.scope)) or host not in _LOCAL_NAMES:
            raise Refused("sign_in_refused", "by the development keys only on the machine itself, at 127.0.0.1")
        asked = await decoded_body(request.receive, SignInAs)
        session, cookie = entry.sessions.begin(Person(asked.account, "", asked.role))
        log.info("signed_in", account=session.account, role=session.role, by="development")
        return _json(self._told(session), {"Set-Cookie": cookie})

    async def sign_out(self, request: Request) -> Response:
        """The session is over, whatever the browser does with its cookie."""
        entry = self._entry
        headers = _headers(request)
        entry.sessions.check_origin(headers)
        try:
            session = entry.sessions.of(headers)
        except Refused:
            session = None
        if session is not None:
            await entry.sessions.end(session)
            log.info("signed_out", account=session.account)
        return Response(status_code=204, headers={**_NO_STORE, "Set-Cookie": entry.sessions.cookie.taken_away()})

    async def _came_back(self, request: Request, entry: Entry, oidc: Oidc) -> Person:
        query, sealed = request.query_params, request.cookies.get(self._pending_cookie, "")
        code, state = query.get("code", ""), query.get("state", "")
        if query.get("error"):
            raise Refused("sign_in_refused", "the issuer refused")
        if not _CODE.match(code) or not _CODE.match(state):
            raise Refused("sign_in_refused", "the issuer sent no code")
        try:
            pending = entry.pending.open(sealed)
        except NotOurs as error:
            raise Refused("sign_in_refused", "this browser did not begin it") from error
        return await oidc.finish(pending, state=state, code=code)

    def _to_page(self, refused: str, cookie: str = "") -> Response:
        address = f"/desk?{urlencode({'sign_in': refused})}" if refused else "/desk"
        response = Response(status_code=303, headers={**_NO_STORE, "Location": address})
        gone = f"{self._pending_cookie}=; Max-Age=0; Path=/desk/sign-in; HttpOnly; SameSite=Lax{self._secure}"
        for one in (gone, cookie):
            if one:
                response.headers.append("set-cookie", one)
        return response

    def _told(self, session: Session | None) -> DeskSession:
        entry = self._entry
        ways: list[Way] = ["issuer"] if entry.oidc is not None else []
        ways += ["development"] if entry.development else []
        return DeskSession(None if session is None else _who(session), ways, tickets=entry.tickets)

    @property
    def _secure(self) -> str:
        return "; Secure" if self._entry.sessions.cookie.secure else ""

    @property
    def _pending_cookie(self) -> str:
        return "__Secure-oddswire_sign_in" if self._entry.sessions.cookie.secure else "oddswire_sign_in"


def _who(session: Session) -> Who:
    return Who(
        session.account,
        session.name or session.account,
        session.role,
        sorted(SCOPES[session.role]),
        time_text(datetime.fromtimestamp(session.ends_s, UTC)),
    )


def _json(said: DeskSession, more: Mapping[str, str] | None = None) -> Response:
    headers = {**_NO_STORE, **(more or {})}
    return Response(msgspec.json.encode(said), headers=headers, media_type="application/json")


def _headers(request: Request) -> Mapping[bytes, bytes]:
    exchange = request.scope["exchange"]
    headers: Mapping[bytes, bytes] = exchange.headers
    return headers


def _is_local(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
