"""Sessions of the desk's page: who signed in, sealed in a cookie that no script can read: none has a credential.

A cookie is sent by the browser, whoever asks it to. So one counts only beside the header `Desk-Request`: a page of
another origin could send that after a preflight alone, and none here ever grants it (gateway/access/cors.py). Where
Origin or Sec-Fetch-Site says that somebody else asks, the request is refused besides; and SameSite=Strict keeps the
cookie back in the first place.

Nothing is stored of a session but that it was ended: for as long as it would have lasted, where all workers see it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec
import structlog

from feeds.contract.coordination import Coordination, Unavailable
from feeds.contract.errors import Refused
from gateway.access.known import Known, Verified
from gateway.access.plans import PLANS, UNLIMITED
from gateway.access.principal import Principal, Scope
from gateway.sealing import Kind, NotOurs, Seals

log = structlog.get_logger(__name__)

HEADER = b"desk-request"
"""What only a script of our own origin can send; any value."""

SIGNED_OUT = "desk-out"
"""The kind of the records of sessions that were ended, by their ids."""

POLL_S = 2.0
"""A session that was ended at another worker ends here within this."""

SESSIONS_MAX = 4_096
"""Sessions that are remembered as opened; of further ones the first is opened anew."""

_ID_BYTES = 16
_CHARS_MAX = 1_500

Role = Literal["trader", "reader"]

_READER: frozenset[Scope] = frozenset(("odds", "props", "history", "stream", "desk:read"))
SCOPES: Mapping[Role, frozenset[Scope]] = {"reader": _READER, "trader": _READER | {"desk"}}
"""What a role may do."""


class Session(msgspec.Struct, frozen=True, array_like=True):
    """Who signed in. `name` is for people; `begun_s`, `ends_s`: Unix s."""

    id: str
    account: str
    name: str
    role: Role
    begun_s: int
    ends_s: int


SESSION = Kind(Session, "a session", "ds", b"oddswire desk session ", _CHARS_MAX)


class Person(NamedTuple):
    """Somebody who may sign in."""

    account: str
    name: str
    role: Role


class Cookie(NamedTuple):
    """How one is named, and set. `secure`: the page is reached by https alone."""

    secure: bool
    lifetime_s: int

    @property
    def name(self) -> str:
        """The prefix keeps other hosts of the domain from setting it (RFC 6265bis 4.1.3.2)."""
        return "__Host-oddswire_desk" if self.secure else "oddswire_desk"

    def set(self, value: str) -> str:
        """The header's value."""
        kept = f"Max-Age={self.lifetime_s}; Path=/; HttpOnly; SameSite=Strict"
        return f"{self.name}={value}; {kept}{'; Secure' if self.secure else ''}"

    def taken_away(self) -> str:
        """That of a cookie to be forgotten."""
        return Cookie(self.secure, 0).set("")


class Sessions:
    """Of one worker. `origin`: where the page is, empty for wherever it was asked for."""

    def __init__(
        self,
        seals: Seals[Session],
        coordination: Coordination,
        *,
        lifetime_s: int,
        origin: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.cookie = Cookie(origin.startswith("https:"), lifetime_s)
        self.origin = origin
        self._seals = seals
        self._coordination = coordination
        self._clock = clock
        self._known = Known(SESSIONS_MAX)
        self._out: dict[str, float] = {}

    def begin(self, person: Person) -> tuple[Session, str]:
        """A session, and the header's value that sets its cookie."""
        now_s = int(self._clock())
        begun = Session(secrets.token_urlsafe(_ID_BYTES), *person, now_s, now_s + self.cookie.lifetime_s)
        return begun, self.cookie.set(self._seals.seal(begun))

    def of(self, headers: Mapping[bytes, bytes]) -> Session | None:
        """The session of a cookie; None where there is none. Raises Refused("session_over")."""
        sealed = self._value(headers.get(b"cookie", b""))
        if sealed is None:
            return None
        try:
            session = self._seals.open(sealed)
        except NotOurs as error:
            raise Refused("session_over", "") from error
        if session.ends_s <= self._clock() or session.id in self._out:
            raise Refused("session_over", "")
        return session

    def verified(self, headers: Mapping[bytes, bytes]) -> Verified | None:
        """Who asks by a cookie, where one does. Raises Refused("cross_origin" | "session_over")."""
        self.check_origin(headers)
        digest = sha256(headers.get(b"cookie", b"")).digest()
        known = self._known.by_hash.get(digest)
        if known is not None and known.ends_s > self._clock():
            return known
        session = self.of(headers)
        if session is None:
            return None
        verified = Verified(principal_of(session), session.ends_s, minted_s=session.begun_s)
        self._known.put(digest, verified)
        return verified

    def check_origin(self, headers: Mapping[bytes, bytes]) -> None:
        """Raises Refused("cross_origin") where a page of another origin asks, or might."""
        if not headers.get(HEADER):
            raise Refused("cross_origin", "this takes the header Desk-Request")
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        if site not in (None, b"same-origin"):
            raise Refused("cross_origin", "")
        if origin is not None and not self._is_ours(origin.decode("latin-1"), headers):
            raise Refused("cross_origin", "")

    async def end(self, session: Session) -> None:
        """It is over, here at once and elsewhere soon. Where the coordination is away, here alone: that is logged."""
        self._forget(session.id, float(session.ends_s))
        left_s = max(session.ends_s - int(self._clock()), 1)
        try:
            await self._coordination.put(SIGNED_OUT, session.id, value=b"%d" % session.ends_s, ttl_s=left_s)
        except (Unavailable, Refused) as error:
            log.warning("sign_out_untold", account=session.account, why=str(error))

    async def run(self) -> None:
        """Learns which sessions were ended elsewhere, until cancelled."""
        away = False
        while True:
            try:
                await self.learn()
                away = False
            except (Unavailable, Refused) as error:
                if not away:
                    log.warning("sign_outs_unseen", why=str(error))
                away = True
            await asyncio.sleep(POLL_S)

    async def learn(self) -> None:
        """Once. Raises Unavailable, Refused."""
        for record in await self._coordination.scan(SIGNED_OUT):
            self._forget(record.name, float(record.value))
        now_s = self._clock()
        self._out = {name: ends_s for name, ends_s in self._out.items() if ends_s > now_s}

    def _forget(self, session_id: str, ends_s: float) -> None:
        if session_id not in self._out:
            self._out[session_id] = ends_s
            self._known.by_hash.clear()

    def _is_ours(self, origin: str, headers: Mapping[bytes, bytes]) -> bool:
        if self.origin:
            return origin == self.origin
        return urlsplit(origin).netloc == headers.get(b"host", b"").decode("latin-1")

    def _value(self, header: bytes) -> str | None:
        """Raises Refused("session_over") where there are two: one of them is somebody else's."""
        pairs = (pair.strip().partition("=") for pair in header.decode("latin-1").split(";"))
        values = [value for name, _, value in pairs if name == self.cookie.name]
        if len(values) > 1:
            raise Refused("session_over", "")
        return values[0] if values and values[0] else None


def principal_of(session: Session) -> Principal:
    """Who that is to all layers and routes."""
    return Principal(
        subject=f"desk:{session.account}",
        account=session.account,
        scopes=SCOPES[session.role],
        plan=PLANS[UNLIMITED],
        minted_s=session.begun_s,
        name=session.name,
    )
