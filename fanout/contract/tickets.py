"""Tickets: who may hear what, for how long. Minted by the gateway, checked by every shard without asking it. Pure.

A ticket is a JWT (RFC 7519), signed by HS256: gateway and shards are one trust domain that shares the key, and a check
costs a quarter of what Ed25519 takes, which at 5,000 upgrades a second is half a core. A key has an id (`kid`), so that
it can be rotated: give every shard the new one, let the gateway mint by it, take the old one away half a minute later.

It opens one connection: whoever checks it also claims its `jti` (feeds.contract.coordination). It never stands in logs.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Annotated, NamedTuple

import jwt
import msgspec
from jwt.types import Options

from fanout.contract.topics import ACCOUNT, Topic, parse_topic
from feeds.contract.errors import Refused

TICKET_S = 30
"""A ticket opens a connection within this; what it opens lasts until `session_exp`."""

TICKET_CHARS_MAX = 6_144
TOPICS_MAX = 200
KEY_BYTES_MIN = 32
"""RFC 7518 section 3.2: a key of HS256 is as long as its hash."""

EVERYTHING = "*"

_ALGORITHM = "HS256"
_AUDIENCE = "oddswire-stream"
_BY_CALLER: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
_JTI_BYTES = 16
_KID = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")


class Grant(NamedTuple):
    """What an account may do: hear `topics` and all below them (`*`: all odds there are), no faster than `tier_ms`,
    until `session_exp` (Unix s), unless that is revoked (revocation.py). Its own news it hears where `account` is one
    of the topics. `minted_s`: how old the credential is that bought its ticket, Unix s; 0: as old as the ticket. `by`:
    the key that bought it, as revocations name it."""

    account: str
    topics: tuple[str, ...]
    tier_ms: int
    session_exp: int
    minted_s: int = 0
    by: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """By which it may be revoked."""
        return (self.account, self.by) if self.by else (self.account,)

    @property
    def private(self) -> bool:
        """Whether it may hear the news of its account."""
        return ACCOUNT in self.topics

    def allows(self, topic: Topic) -> bool:
        """Whether a topic is one of these or below one. `football:main` allows `football.nfl:main` and nothing else of
        football."""
        odds = (allowed for allowed in self.topics if allowed != ACCOUNT)
        return any(allowed == EVERYTHING or _leads(parse_topic(allowed), topic) for allowed in odds)


class Ticket(NamedTuple):
    """A ticket that was checked. Its `jti` may be claimed once; until `exp` (Unix s) it would be worth something."""

    grant: Grant
    jti: str
    exp: int


class TicketKeys:
    """Keys by their ids, the one that mints first. It never shows them."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        for kid, key in keys.items():
            if not _KID.match(kid) or len(key) < KEY_BYTES_MIN:
                raise Refused("bad_key", f"a ticket key is KID:SECRET, its secret at least {KEY_BYTES_MIN} bytes long")
        self._keys = dict(keys)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def mint(self, grant: Grant, now_s: int, *, ttl_s: int = TICKET_S) -> str:
        """A fresh ticket. Raises Refused("bad_key") without keys, Refused("bad_topic" | "bad_ticket") for what nobody
        would take."""
        if not self._keys:
            raise Refused("bad_key", "there is no ticket key to mint with")
        _check_topics(grant.topics)
        claims = {
            "aud": _AUDIENCE,
            "sub": grant.account,
            "topics": list(grant.topics),
            "tier_ms": grant.tier_ms,
            "session_exp": grant.session_exp,
            "iat": now_s,
            "since": grant.minted_s or now_s,
            "by": grant.by,
            "exp": min(now_s + ttl_s, grant.session_exp),
            "jti": secrets.token_urlsafe(_JTI_BYTES),
        }
        try:
            msgspec.convert(claims, _Claims)
        except msgspec.ValidationError as error:
            raise Refused("bad_ticket", f"bad ticket: {error}") from error
        kid = next(iter(self._keys))
        return jwt.encode(claims, self._keys[kid], algorithm=_ALGORITHM, headers={"kid": kid})

    def check(self, text: str, now_s: float) -> Ticket:
        """The ticket. Raises Refused("unauthenticated") for one that is forged, over, not ours, or none at all."""
        claims = self._verified(text)
        if claims.exp <= now_s or claims.session_exp <= now_s:
            raise Refused("unauthenticated", "the ticket is over")
        if claims.exp > now_s + 2 * TICKET_S:
            raise Refused("unauthenticated", f"a ticket lasts {TICKET_S} s")
        since_s = claims.iat if claims.since is None else claims.since
        grant = Grant(claims.sub, tuple(claims.topics), claims.tier_ms, claims.session_exp, since_s, claims.by)
        return Ticket(grant, claims.jti, claims.exp)

    def _verified(self, text: str) -> _Claims:
        """What a key of ours has signed. `exp` is checked by the caller, whose clock it is."""
        if len(text) > TICKET_CHARS_MAX:
            raise Refused("unauthenticated", "not a ticket")
        try:
            key = self._keys[jwt.get_unverified_header(text)["kid"]]
            claims = jwt.decode(text, key, algorithms=[_ALGORITHM], audience=_AUDIENCE, options=_BY_CALLER)
            checked = msgspec.convert(claims, _Claims)
            _check_topics(checked.topics)
        except (jwt.InvalidTokenError, KeyError, TypeError, msgspec.ValidationError, Refused) as error:
            raise Refused("unauthenticated", "not a ticket of ours") from error
        return checked


def parse_keys(text: str) -> TicketKeys:
    """Keys as a setting writes them: `KID:SECRET,KID:SECRET`, the one that mints first. Raises Refused("bad_key")."""
    pairs = (part.strip().partition(":") for part in text.split(",") if part.strip())
    return TicketKeys({kid: secret.encode() for kid, _, secret in pairs})


_Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Whole = Annotated[int, msgspec.Meta(ge=0)]


class _Claims(msgspec.Struct, frozen=True):
    sub: _Id
    topics: Annotated[list[str], msgspec.Meta(max_length=TOPICS_MAX)]
    tier_ms: _Whole
    session_exp: _Whole
    iat: _Whole
    exp: _Whole
    jti: _Id
    since: _Whole | None = None
    by: Annotated[str, msgspec.Meta(pattern=r"^(key/[A-Za-z0-9_-]{1,64})?$")] = ""


def _check_topics(topics: Iterable[str]) -> None:
    """Raises Refused("bad_topic")."""
    for topic in topics:
        if topic not in (EVERYTHING, ACCOUNT):
            parse_topic(topic)


def _leads(allowed: Topic, topic: Topic) -> bool:
    under = topic.path == allowed.path or topic.path.startswith(allowed.path + ".")
    return under and (allowed.cls is None or allowed.cls == topic.cls)
