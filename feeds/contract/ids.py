"""Our own ids: stable strings derived from a provider's ids, never a provider's raw key."""

from __future__ import annotations

import base64
import hashlib
import re

from feeds.contract.errors import Refused

ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
"""Event, market and selection ids (PROTOCOL.md section 1)."""

SLUG_PATTERN = re.compile(r"[a-z0-9_-]{1,48}\Z")
"""Sports and leagues, as they stand in topics and subjects."""

RESERVED_SPORTS = frozenset({"lead", "beat", "desk", "account"})
"""Words that have another meaning where a sport stands (bus subjects, private topic)."""

_HASH_BYTES = 8


def derive_id(prefix: str, provider: str, *raw: str | int) -> str:
    """A stable id: `prefix` and 13 characters of BLAKE2b over provider and raw ids. The same raw ids, the same id."""
    text = "\x1f".join((provider, *map(str, raw)))
    digest = hashlib.blake2b(text.encode(), digest_size=_HASH_BYTES, person=prefix.encode()[:16]).digest()
    return prefix + base64.b32encode(digest).decode().rstrip("=")


def slug(name: str) -> str:
    """A name as it may stand in a topic: "Premier League" -> "premier_league"; empty becomes "other"."""
    text = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:48]
    return text or "other"


def check_id(value: str) -> str:
    """The id itself. Raises Refused("bad_id")."""
    if not ID_PATTERN.match(value):
        raise Refused("bad_id", f"not an id: {value[:80]!r}")
    return value


def check_sport(value: str) -> str:
    """The sport's slug itself. Raises Refused("bad_sport")."""
    if not SLUG_PATTERN.match(value) or value in RESERVED_SPORTS:
        raise Refused("bad_sport", f"not a sport: {value[:80]!r}")
    return value


def check_league(value: str) -> str:
    """The league's slug itself. Raises Refused("bad_league")."""
    if not SLUG_PATTERN.match(value):
        raise Refused("bad_league", f"not a league: {value[:80]!r}")
    return value
