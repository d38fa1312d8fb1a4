"""Where API keys are kept, as the access layer and the commands see it. Stores: gateway/access/store.py."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from gateway.access.keys import KeyRecord, Wish


class Revocations(NamedTuple):
    """Ids of keys, and accounts with the time (Unix s) up to which their tokens are worth nothing."""

    keys: frozenset[str]
    accounts: dict[str, int]


class KeyStore(Protocol):
    """Every call may raise DatabaseUnavailable: then it is not known whether anything was done."""

    async def find(self, key_id: str) -> KeyRecord | None:
        """One key."""

    async def revocations(self) -> Revocations:
        """Of keys in the last hour; of accounts since a token of before can still be valid."""

    async def create(self, wish: Wish, key: str) -> KeyRecord:
        """Keeps a key's hash."""

    async def list(self) -> list[KeyRecord]:
        """Every key, the newest first; at most LISTED_MAX."""

    async def revoke(self, key_id: str) -> datetime | None:
        """When the key was revoked, now or before; None where there is none."""

    async def revoke_account(self, account: str) -> int:
        """Ends the account's keys and all tokens that were minted up to now; gives how many keys."""
