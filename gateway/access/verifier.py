"""Verifies keys and tokens that are not known yet, and takes back what was revoked. Awaits the database and the issuer.

While PostgreSQL is away
    known keys and tokens go on for `outage_s` after the revocations were last read, then nobody is known;
    unknown keys, and all tokens once that time is over, get 503 with Retry-After: never 401, which would make clients
    throw good keys away. A look-up has a limit of time, and for a second after one that failed none is tried.

Revocations are read every `poll_s` (at most 2.5 s, a look-up 2 s): what is revoked is refused within 5 s by every
worker that reaches the database. Keys are read again only so: their rows never change otherwise.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Protocol

import structlog

from fanout.contract.revocation import Revocation, Revoked
from feeds.contract.errors import Refused
from gateway.access.development import Development
from gateway.access.issuers import IssuerUnavailable
from gateway.access.keys import is_that_of
from gateway.access.known import Known, Verified
from gateway.access.plans import PLANS, UNLIMITED
from gateway.access.ports import KeyStore
from gateway.access.principal import SCOPES, Principal
from gateway.access.secret import hash_of, id_of
from gateway.access.tokens import TOKEN_S_MAX, KeySet, Rules, Token, UnknownKey, check_token, issuer_of
from gateway.store.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

LOOKUP_S = 2.0
"""For one question to the database; then it is away."""

AGAIN_S = 1.0
"""After the database did not answer, nobody waits for it again before this."""

LOOKUPS_MAX = 256
"""Credentials that are verified at once; more get 503."""

STRANGERS_MAX = 4_096
STRANGER_S = 1.0
"""A key that is not kept is asked for once in this time, however often it is tried."""


class Unverifiable(Exception):
    """It cannot be told at the moment whether the credential is good."""


class Keys(Protocol):
    """An issuer's: gateway/access/issuers.py."""

    rules: Rules

    async def keys(self) -> KeySet:
        """Raises IssuerUnavailable."""

    async def newer(self, than: KeySet) -> KeySet | None:
        """Raises IssuerUnavailable."""

    async def run(self) -> None:
        """Until cancelled."""


class Verifier:
    """Of one worker. `store` None: there is no database, so no keys but the development one, and no revocations."""

    def __init__(
        self,
        *,
        store: KeyStore | None,
        issuers: Sequence[Keys] = (),
        development: Development | None = None,
        outage_s: float,
        poll_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.keys = Known()
        self.tokens = Known()
        self._store = store
        self._issuers = {issuer.rules.issuer: issuer for issuer in issuers}
        self._development = None if development is None else hash_of(development.key.encode())
        self._outage_s = outage_s
        self._poll_s = poll_s
        self._clock = clock
        self._revoked = Revoked()
        self._read_s = -float("inf")
        self._away_until_s = -float("inf")
        self._strangers: dict[bytes, float] = {}
        self._verifying: dict[tuple[str, bytes], asyncio.Task[Verified]] = {}

    @property
    def revocations_age_s(self) -> float:
        """How long ago the revocations were read; 0 where there is no database."""
        return 0.0 if self._store is None else self._clock() - self._read_s

    async def key(self, key: bytes) -> Verified:
        """Whose key it is. Raises Refused("bad_api_key"), Unverifiable."""
        digest = hash_of(key)
        known = self._still(self.keys, digest)
        return known or await self._once(("key", digest), lambda: self._key(key, digest))

    async def token(self, token: bytes, digest: bytes) -> Verified:
        """Whose token it is; known by `digest` from now on. Raises Refused("bad_token"), Unverifiable."""
        known = self._still(self.tokens, digest)
        return known or await self._once(("token", digest), lambda: self._token(token, digest))

    def check_account(self, verified: Verified) -> None:
        """Of somebody who was let in by another way than a token. Raises Refused("session_over") where the account was
        taken back since, Unverifiable where that cannot be told."""
        if self.revocations_age_s > self._outage_s:
            raise Unverifiable
        if self._ended(verified):
            raise Refused("session_over", "")

    def keys_changed(self) -> None:
        """An issuer took a key away: what that one has signed must not go on."""
        self.tokens.by_hash.clear()

    async def run(self) -> None:
        """Keeps revocations and issuers' keys fresh, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for issuer in self._issuers.values():
                group.create_task(issuer.run())
            if self._store is not None:
                group.create_task(self._follow())

    async def read_revocations(self) -> None:
        """Once. Raises DatabaseUnavailable."""
        if self._store is None:
            return
        asked_s = self._clock()
        async with asyncio.timeout(LOOKUP_S):
            found = await self._store.revocations()
        self.keys.forget_where(lambda verified: verified.principal.subject.removeprefix("key:") in found.keys)
        new = [self._revoked.add(Revocation(account, at_s)) for account, at_s in found.accounts.items()]
        if any(new):
            self.tokens.forget_where(self._ended)
        self._revoked.forget_before(int(asked_s) - TOKEN_S_MAX)
        self._read_s = asked_s

    async def _follow(self) -> None:
        told = False
        while True:
            try:
                await self.read_revocations()
                told = False
            except (DatabaseUnavailable, TimeoutError) as error:
                if not told:
                    log.warning("revocations_unavailable", error=str(error) or type(error).__name__)
                told = True
                self._forget_where_too_long()
            await asyncio.sleep(self._poll_s)

    def _forget_where_too_long(self) -> None:
        if self.revocations_age_s > self._outage_s:
            self.keys.by_hash.clear()
            self.tokens.by_hash.clear()

    def _still(self, known: Known, digest: bytes) -> Verified | None:
        verified = known.by_hash.get(digest)
        return verified if verified is not None and verified.ends_s > self._clock() else None

    def _ended(self, verified: Verified) -> bool:
        account = verified.principal.account
        return account is not None and self._revoked.ends(account, verified.minted_s)

    async def _once(self, which: tuple[str, bytes], verify: Callable[[], Coroutine[None, None, Verified]]) -> Verified:
        """Several who bring the same at once share one verification."""
        task = self._verifying.get(which)
        if task is None:
            if len(self._verifying) >= LOOKUPS_MAX:
                raise Unverifiable
            task = self._verifying[which] = asyncio.get_running_loop().create_task(verify())
            task.add_done_callback(lambda done: self._done(which, done))
        return await asyncio.shield(task)

    def _done(self, which: tuple[str, bytes], task: asyncio.Task[Verified]) -> None:
        del self._verifying[which]
        if not task.cancelled():
            task.exception()  # whoever asked may be gone

    async def _key(self, key: bytes, digest: bytes) -> Verified:
        key_id = id_of(key)
        if key_id is None:
            raise Refused("bad_api_key", "not a key")
        if self._development is not None and compare_digest(digest, self._development):
            verified = Verified(_DEVELOPER, float("inf"))
        elif self._store is None:
            raise Refused("bad_api_key", _UNKNOWN)
        else:
            verified = await self._kept(self._store, key_id, digest)
        self.keys.put(digest, verified)
        return verified

    async def _kept(self, store: KeyStore, key_id: str, digest: bytes) -> Verified:
        now_s = self._clock()
        if now_s < self._strangers.get(digest, 0):
            raise Refused("bad_api_key", _UNKNOWN)
        if now_s < self._away_until_s:
            raise Unverifiable
        try:
            async with asyncio.timeout(LOOKUP_S):
                record = await store.find(key_id)
        except (DatabaseUnavailable, TimeoutError) as error:
            self._away_until_s = self._clock() + AGAIN_S
            raise Unverifiable from error
        ends_s = None
        if record is not None and is_that_of(digest, record):
            ends_s = record.good_until(datetime.fromtimestamp(now_s, UTC))
        if record is None or ends_s is None:
            self._strangers[digest] = now_s + STRANGER_S
            if len(self._strangers) > STRANGERS_MAX:
                del self._strangers[next(iter(self._strangers))]
            raise Refused("bad_api_key", _UNKNOWN)
        try:
            return Verified(record.principal(), ends_s)
        except Refused as error:  # made by a version that has more plans than this one
            log.warning("key_of_another_version", key=key_id, error=str(error))
            raise Unverifiable from error

    async def _token(self, token: bytes, digest: bytes) -> Verified:
        issuer = self._issuers.get(issuer_of(token))
        if issuer is None:
            raise Refused("bad_token", "the token's issuer is not one that is taken")
        if self.revocations_age_s > self._outage_s:
            raise Unverifiable
        try:
            checked = await self._checked(token, issuer)
        except IssuerUnavailable as error:
            raise Unverifiable from error
        principal = checked.principal
        verified = Verified(principal, checked.exp + issuer.rules.skew_s, minted_s=checked.minted_s)
        if self._ended(verified):
            raise Refused("bad_token", "the token was taken back")
        self.tokens.put(digest, verified)
        return verified

    async def _checked(self, token: bytes, issuer: Keys) -> Token:
        """Raises Refused, IssuerUnavailable."""
        keys = await issuer.keys()
        try:
            return check_token(token, issuer.rules, keys, self._clock())
        except UnknownKey:
            newer = await issuer.newer(keys)
        try:
            if newer is not None:
                return check_token(token, issuer.rules, newer, self._clock())
        except UnknownKey:
            pass
        raise Refused("bad_token", "the token's key is not one of its issuer")


_UNKNOWN = "no such key, or it is over"
_DEVELOPER = Principal(subject="key:development", account=None, scopes=frozenset(SCOPES), plan=PLANS[UNLIMITED])
