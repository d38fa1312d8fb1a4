"""API keys: what is kept of one, what may be wanted, when it is good. Pure. Their text: gateway/access/secret.py."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from hmac import compare_digest
from typing import NamedTuple

from feeds.contract.errors import Refused
from gateway.access.plans import plan_named
from gateway.access.principal import SCOPES, Principal, Scope

_ID = re.compile(r"[0-9a-f]{12}\Z")
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
NAME_CHARS_MAX = 100


class KeyRecord(NamedTuple):
    """A key as it is kept. Times are in UTC."""

    id: str
    hash: bytes
    name: str
    scopes: tuple[str, ...]
    plan: str
    account: str | None
    created: datetime
    expires: datetime | None
    revoked: datetime | None

    def good_until(self, now: datetime) -> float | None:
        """Unix s at which it ends by itself (infinity where never), or None where it is over."""
        if self.revoked is not None or (self.expires is not None and self.expires <= now):
            return None
        return float("inf") if self.expires is None else self.expires.timestamp()

    def principal(self) -> Principal:
        """Who asks with it. Raises Refused("bad_plan") for a plan that is no more."""
        return Principal(
            subject=f"key:{self.id}",
            account=self.account,
            scopes=frozenset(scope for scope in self.scopes if scope in SCOPES),
            plan=plan_named(self.plan),
        )


class Wish(NamedTuple):
    """A key that is wanted; checked by `wish`."""

    name: str
    scopes: tuple[Scope, ...]
    plan: str
    account: str | None
    expires: datetime | None


def wish(
    *, name: str, scopes: Iterable[str], plan: str, account: str | None = None, expires: datetime | None = None
) -> Wish:
    """Raises Refused("bad_name" | "bad_scope" | "bad_plan" | "bad_account")."""
    if len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise Refused("bad_name", f"a name is up to {NAME_CHARS_MAX} printable characters")
    return Wish(name, checked_scopes(scopes), plan_named(plan).name, checked_account(account), expires)


def checked_scopes(scopes: Iterable[str]) -> tuple[Scope, ...]:
    """In the order of the table, each once. Raises Refused("bad_scope")."""
    wanted = set(scopes)
    unknown = sorted(wanted.difference(SCOPES))
    if unknown or not wanted:
        raise Refused("bad_scope", f"no scope {', '.join(unknown) or 'at all'}: choose among {', '.join(SCOPES)}")
    return tuple(scope for scope in SCOPES if scope in wanted)


def checked_account(account: str | None) -> str | None:
    """Raises Refused("bad_account")."""
    if account is not None and not _ACCOUNT.match(account):
        raise Refused("bad_account", "an account is 1 to 64 of A-Z a-z 0-9 _ -")
    return account


def checked_id(key_id: str) -> str:
    """Raises Refused("bad_key_id"). A whole key is refused, too, and not repeated."""
    if not _ID.match(key_id):
        raise Refused("bad_key_id", "a key's id is the 12 hex digits after ow_, not the key")
    return key_id


def is_that_of(digest: bytes, record: KeyRecord) -> bool:
    """Whether a key of this hash is the recorded one, in constant time."""
    return compare_digest(digest, record.hash)
