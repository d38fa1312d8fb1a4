"""Money work exactly once: a key, and what happens however often and wherever it comes.

Cheapest first: this worker's own answers, its own work under way, Coordination's answers, then what can be decided
without the database, and at last PostgreSQL, where the key's row is written in the same transaction as all the rest.
Work is a task of its own: who asked may go away, the work does not. Whoever gets no answer in time is told where the
answer will be, and never a guess.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import structlog

from gateway.money.claims import Claims
from gateway.money.fates import fate_of
from gateway.money.finals import Final, Finals
from gateway.money.gate import Gate
from gateway.money.keys import KnownKey
from gateway.money.refusals import MoneyRefused, Unknown, refused
from gateway.money.tables import Outcome
from gateway.store.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

RERUNS_MAX = 4
WAITING_MAX = 32
"""Of one key in one worker: more than these that wait for the same work are told that it runs."""

KEEP_TRIES = 8
"""An answer that Coordination did not take is offered again, twice as long after each time; then PostgreSQL has it."""

ANOTHERS_S = 1.0
"""How long another worker's answer is waited for before PostgreSQL is asked, which would wait for it anyway."""

FINISH_S = 3.0
"""How long work under way has when the process ends."""

_POLL_S = 0.05
_PAUSE_S = 0.05
_DOUBLINGS_MAX = 4
_ABOUT_THE_KEY = frozenset({"key_reused", "key_tombstoned"})
_KEEPING_MAX = 4_000
"""Answers on their way to Coordination; beyond it they are not sent there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request of money: whose, its key, and what it means."""

    owner: str
    key: str
    fingerprint: bytes


class Work(Protocol):
    """What is to be done for a request."""

    async def prepare(self) -> Any:
        """Decides all that needs no database; gives what `execute` takes. Raises MoneyRefused."""

    async def execute(self, prepared: Any) -> Outcome:
        """The one statement. Raises DatabaseUnavailable."""

    async def rebuilt(self, known: KnownKey) -> bytes:
        """The answer of a key whose answer is no longer kept. Raises DatabaseUnavailable."""


class Keys(Protocol):
    """Where keys are looked up."""

    async def key(self, owner: str, key: str) -> KnownKey | None:
        """What a key was used for, once what is under way has ended. Raises DatabaseUnavailable."""


class Told(NamedTuple):
    """A final answer; `replayed`: it was made for an earlier request of this key; `kept`: byte for byte."""

    final: Final
    replayed: bool
    kept: bool = True


class Limits(NamedTuple):
    """`answer_s`: longest until who asked is told something; `resolve_s`: until unknown work is given up by this
    worker (its key tells); `running_max`: works of one owner at once."""

    answer_s: float = 5.0
    resolve_s: float = 30.0
    running_max: int = 4


class _Flight(NamedTuple):
    fingerprint: bytes
    task: asyncio.Task[Told]


class Once:
    """All money work of one worker."""

    def __init__(self, keys: Keys, claims: Claims, finals: Finals, gate: Gate, limits: Limits) -> None:
        self._keys = keys
        self._claims = claims
        self._finals = finals
        self._gate = gate
        self._limits = limits
        self._flights: dict[tuple[str, str], _Flight] = {}
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._running: Counter[str] = Counter()
        self._keeping: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()

    def final(self, ask: Ask) -> Told | None:
        """The answer if this worker has it. Raises MoneyRefused("key_reused")."""
        final = self._finals.get(ask.owner, ask.key)
        return None if final is None else _replayed(final, ask)

    def running(self, owner: str, key: str) -> bool:
        """Whether this worker works on the key."""
        return (owner, key) in self._flights

    async def unused(self, owner: str, key: str) -> None:
        """Returns where the key did nothing yet: for requests that mean nothing, and so never what it was used for.
        Raises MoneyRefused("key_reused" | "key_tombstoned" | "overloaded"), DatabaseUnavailable."""
        if self.running(owner, key) or self._finals.get(owner, key) is not None:
            raise _key_reused()
        if await self._claims.final(owner, key) is not None:
            raise _key_reused()
        async with self._gate.slot():
            known = await self._keys.key(owner, key)
        if known is not None:
            raise _tombstoned() if known.verb == "tombstone" else _key_reused()

    async def do(self, ask: Ask, work: Work) -> Told:
        """Does the work, once. Raises MoneyRefused, where this key did nothing, and Unknown."""
        told = self.final(ask)
        if told is not None:
            return told
        name = (ask.owner, ask.key)
        flight = self._flights.get(name)
        if flight is not None and flight.fingerprint != ask.fingerprint:
            flight = await self._after(flight, ask)
            told = self.final(ask)
            if told is not None:
                return told
        joined = flight is not None
        if flight is None:
            flight = self._begin(name, ask, work)
        with self._waits(name):
            try:
                async with asyncio.timeout(self._limits.answer_s):
                    told = await asyncio.shield(flight.task)
            except TimeoutError:
                raise Unknown from None
        return told._replace(replayed=True) if joined else told

    async def _after(self, other: _Flight, ask: Ask) -> _Flight | None:
        """Another meaning of this key is at work: only its end tells whether it used the key, or ours did before it.
        Gives work on ours, if that has begun meanwhile. Raises MoneyRefused("key_running")."""
        name = (ask.owner, ask.key)
        with self._waits(name):
            await asyncio.wait([other.task], timeout=self._limits.answer_s)
        flight = self._flights.get(name)
        if flight is not None and flight.fingerprint != ask.fingerprint:
            raise _key_running()
        return flight

    @contextlib.contextmanager
    def _waits(self, name: tuple[str, str]) -> Iterator[None]:
        """One more waits for work on this key. Raises MoneyRefused("key_running") where there are too many."""
        if self._waiting[name] >= WAITING_MAX:
            raise _key_running()
        self._waiting[name] += 1
        try:
            yield
        finally:
            self._waiting[name] -= 1
            if not self._waiting[name]:
                del self._waiting[name]

    async def finish(self) -> None:
        """Waits for what is under way, at the end of the process, but not for ever: the keys tell what became of it."""
        self._ending.set()
        tasks = {*(flight.task for flight in self._flights.values()), *self._keeping}
        if tasks:
            await asyncio.wait(tasks, timeout=FINISH_S)

    def _begin(self, name: tuple[str, str], ask: Ask, work: Work) -> _Flight:
        if self._running[ask.owner] >= self._limits.running_max:
            raise MoneyRefused("rate_limited", "too many at once for this account", retry_after_s=1)
        self._running[ask.owner] += 1
        task = asyncio.get_running_loop().create_task(self._run(ask, work))
        flight = self._flights[name] = _Flight(ask.fingerprint, task)
        task.add_done_callback(lambda ended: self._ended(name, ended))
        return flight

    def _ended(self, name: tuple[str, str], task: asyncio.Task[Told]) -> None:
        del self._flights[name]
        owner = name[0]
        self._running[owner] -= 1
        if not self._running[owner]:
            del self._running[owner]
        _tell_failure(task)

    async def _run(self, ask: Ask, work: Work) -> Told:
        final = await self._claims.final(ask.owner, ask.key)
        told = await self._decided(ask, work) if final is None else _replayed(final, ask)
        if told.kept:
            self._finals.put(ask.owner, ask.key, told.final)
            if final is None:
                self._keep(ask, told.final)
        return told

    async def _decided(self, ask: Ask, work: Work) -> Told:
        """Attempts, until it is known what became of it. `doubtful`: one of them may have done it."""
        until_s = asyncio.get_running_loop().time() + self._limits.resolve_s
        attempt, reruns, doubtful = 0, 0, False
        while True:
            try:
                return await self._attempt(ask, work, first=attempt == 0, doubtful=doubtful)
            except MoneyRefused as refusal:
                if not doubtful or refusal.code in _ABOUT_THE_KEY:
                    raise
                if not refusal.later:
                    raise Unknown from refusal
            except DatabaseUnavailable as error:
                fate = fate_of(error)
                reruns += fate == "rerun"
                doubtful = doubtful or fate == "unknown"
                if not doubtful and (fate == "undone" or reruns > RERUNS_MAX):
                    raise MoneyRefused("overloaded", "nothing was done", retry_after_s=random.randint(1, 3)) from error
            if asyncio.get_running_loop().time() > until_s:
                raise Unknown
            await asyncio.sleep(_PAUSE_S * random.uniform(0.5, 1.5) * 2 ** min(attempt, _DOUBLINGS_MAX))
            attempt += 1

    async def _attempt(self, ask: Ask, work: Work, *, first: bool, doubtful: bool) -> Told:
        if doubtful:
            known = await self._keys.key(ask.owner, ask.key)
            if known is not None:
                return await _told(ask, work, known, replayed=True)
        try:
            prepared = await work.prepare()
        except MoneyRefused as refusal:
            known = None if refusal.later else await self._looked_up(ask)
            if known is None:
                raise
            return await _told(ask, work, known, replayed=True)
        if first:
            final = await self._anothers(ask)
            if final is not None:
                return _replayed(final, ask)
        async with self._gate.slot():
            outcome = await work.execute(prepared)
        if outcome.key is None:
            raise refused(outcome.code, outcome.more)
        return await _told(ask, work, outcome.key, replayed=outcome.code == "known")

    async def _looked_up(self, ask: Ask) -> KnownKey | None:
        """A refusal says that this key did nothing: only PostgreSQL knows that."""
        async with self._gate.slot():
            return await self._keys.key(ask.owner, ask.key)

    async def _anothers(self, ask: Ask) -> Final | None:
        """The answer of another worker that is at it, if it comes soon."""
        if await self._claims.claim(ask.owner, ask.key) != "another's":
            return None
        for _ in range(round(ANOTHERS_S / _POLL_S)):
            await asyncio.sleep(_POLL_S)
            final = await self._claims.final(ask.owner, ask.key)
            if final is not None:
                return final
        return None

    def _keep(self, ask: Ask, final: Final) -> None:
        if len(self._keeping) < _KEEPING_MAX:
            task = asyncio.get_running_loop().create_task(self._kept(ask, final))
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)
            task.add_done_callback(_tell_failure)

    async def _kept(self, ask: Ask, final: Final) -> None:
        for attempt in range(KEEP_TRIES):
            if await self._claims.keep(ask.owner, ask.key, final):
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_S * random.uniform(1, 2) * 2**attempt):
                    await self._ending.wait()
                    return


def _tell_failure(task: asyncio.Task[Any]) -> None:
    """What nobody expected. Who asked is told, if he is still there; this is for us."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, MoneyRefused | Unknown):
        log.error("money_work_failed", exc_info=error)


async def _told(ask: Ask, work: Work, known: KnownKey, *, replayed: bool) -> Told:
    if known.verb == "tombstone":
        raise _tombstoned()
    if known.fingerprint != ask.fingerprint:
        raise _key_reused()
    if known.answer is None:
        return Told(Final(known.fingerprint, known.status, await work.rebuilt(known)), replayed=True, kept=False)
    return Told(Final(known.fingerprint, known.status, known.answer), replayed=replayed, kept=True)


def _replayed(final: Final, ask: Ask) -> Told:
    if final.fingerprint != ask.fingerprint:
        raise _key_reused()
    return Told(final, replayed=True, kept=True)


def _tombstoned() -> MoneyRefused:
    return MoneyRefused("key_tombstoned", "this key was given up before it did anything")


def _key_running() -> MoneyRefused:
    return MoneyRefused("key_running", "an earlier request of this key runs", retry_after_s=random.randint(1, 2))


def _key_reused() -> MoneyRefused:
    return MoneyRefused("key_reused", "this key was used for a request that meant something else")
