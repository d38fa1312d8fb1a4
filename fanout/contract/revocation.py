"""Taking back what tickets granted an account: the words, and the rule of what they end. Pure.

kind `revoked`, name = what   Revocation, kept for KEPT_S
subject revoked               the same, told to every shard at once

A revocation ends every ticket of its account, or that its API key bought (`key/ID`), by a credential from up to `at_s`,
opened or not. Whoever signs the account in again has a later one. Shards hear of it by the subject, and whoever did not
by reading the kind; a shard that could read it for less than KEPT_S missed none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from feeds.contract.errors import Refused

REVOKED = "revoked"
"""The kind of the records."""

KEY = "key/"
"""Begins what revokes an API key, which no account can be called."""

KEPT_S = 600
"""A shard that could not read the revocations for so long may have missed one: it moves everyone to another shard."""


class Revocation(msgspec.Struct, frozen=True):
    """What was minted up to `at_s` (Unix s) for `account`, or by the key that is named there, is worth nothing."""

    account: Annotated[str, msgspec.Meta(pattern=r"^(key/)?[A-Za-z0-9_-]{1,64}$")]
    at_s: Annotated[int, msgspec.Meta(ge=0)]


_decoder = msgspec.json.Decoder(Revocation)


def encode_revocation(revocation: Revocation) -> bytes:
    """As JSON."""
    return msgspec.json.encode(revocation)


def decode_revocation(data: bytes) -> Revocation:
    """Raises Refused("bad_revocation")."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("bad_revocation", str(error)) from error


class Revoked:
    """Every revocation that a shard knows of, the newest of each account."""

    def __init__(self) -> None:
        self._at_s: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._at_s)

    def add(self, revocation: Revocation) -> bool:
        """Whether it was new."""
        if self._at_s.get(revocation.account, -1) >= revocation.at_s:
            return False
        self._at_s[revocation.account] = revocation.at_s
        return True

    def forget_before(self, at_s: int) -> None:
        """What was revoked before is of no use: nothing of then can be opened any more."""
        self._at_s = {account: revoked_s for account, revoked_s in self._at_s.items() if revoked_s >= at_s}

    def ends(self, account: str, minted_s: int) -> bool:
        """Whether what was minted then is worth nothing."""
        return minted_s <= self._at_s.get(account, -1)

    def ends_any(self, names: Iterable[str], minted_s: int) -> bool:
        """Whether it is by one of these names."""
        return any(self.ends(name, minted_s) for name in names)
