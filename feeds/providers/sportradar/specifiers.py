"""Specifiers: what makes a market of an id one line of many. Pure.

Owns their one canonical spelling: `key=value|key=value`, sorted by key, because their order means nothing. Values may
hold anything but `|`, `=` among it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from feeds.contract.errors import Refused

SPECIFIERS_MAX: Final = 16
SPECIFIERS_CHARACTERS_MAX: Final = 512


@lru_cache(maxsize=65_536)
def canonical(text: str) -> str:
    """The canonical spelling. Raises Refused("bad_specifiers")."""
    if not text:
        return ""
    parts = text.split("|")
    if len(text) > SPECIFIERS_CHARACTERS_MAX or len(parts) > SPECIFIERS_MAX:
        raise Refused("bad_specifiers", f"too many specifiers: {text[:80]!r}")
    pairs: dict[str, str] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        key, value = key.strip(), value.strip()
        if not key or not equals or key in pairs:
            raise Refused("bad_specifiers", f"not specifiers: {text[:80]!r}")
        pairs[key] = value
    return "|".join(f"{key}={pairs[key]}" for key in sorted(pairs))


@lru_cache(maxsize=65_536)
def values(spelled: str) -> Mapping[str, str]:
    """The values of canonical specifiers by key. Not to be changed: it is shared."""
    if not spelled:
        return {}
    return dict(part.split("=", 1) for part in spelled.split("|"))
