"""API keys in memory: a KeyStore that can be away, or slow."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from gateway.access.keys import KeyRecord, Wish, wish
from gateway.access.ports import Revocations
from gateway.access.secret import hash_of, id_of, make_key
from gateway.store.errors import DatabaseUnavailable


class MemoryKeys:
    """See gateway/access/ports.py. `asked` counts what `find` was asked."""

    def __init__(self) -> None:
        self.away = False
        self.asked = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self._keys: dict[str, KeyRecord] = {}
        self._accounts: dict[str, int] = {}

    async def make(self, *scopes: str, plan: str = "unlimited", account: str | None = None, days: float = 1) -> str:
        """A key, as the command makes one."""
        expires = datetime.fromtimestamp(time.time() + days * 86_400, UTC)
        key = make_key()
        wanted = wish(name="test", scopes=scopes or ("odds", "props", "history"), plan=plan, account=account)
        await self.create(wanted._replace(expires=expires), key)
        return key

    async def find(self, key_id: str) -> KeyRecord | None:
        self.asked += 1
        await self.go_on.wait()
        self._check()
        return self._keys.get(key_id)

    async def revocations(self) -> Revocations:
        self._check()
        return Revocations(frozenset(one.id for one in self._keys.values() if one.revoked), dict(self._accounts))

    async def create(self, wish: Wish, key: str) -> KeyRecord:
        self._check()
        said = key.encode()
        key_id = id_of(said)
        assert key_id is not None
        record = KeyRecord(
            key_id, hash_of(said), wish.name, wish.scopes, wish.plan, wish.account, _now(), wish.expires, None
        )
        self._keys[key_id] = record
        return record

    async def list(self) -> list[KeyRecord]:
        self._check()
        return sorted(self._keys.values(), key=lambda one: one.created, reverse=True)

    async def revoke(self, key_id: str) -> datetime | None:
        self._check()
        if key_id not in self._keys:
            return None
        record = self._keys[key_id]
        self._keys[key_id] = record._replace(revoked=record.revoked or _now())
        return self._keys[key_id].revoked

    async def revoke_account(self, account: str) -> int:
        self._check()
        self._accounts[account] = int(time.time())
        theirs = [one.id for one in self._keys.values() if one.account == account and one.revoked is None]
        for key_id in theirs:
            await self.revoke(key_id)
        return len(theirs)

    def _check(self) -> None:
        if self.away:
            raise DatabaseUnavailable("told to be away")


def _now() -> datetime:
    return datetime.now(UTC)
