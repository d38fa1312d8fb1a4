"""Corrections, as whoever asks sees them: drafted, computed, approved, applied, aborted, undone, shown.

Every step is one transaction that locks the job's row; what may follow what, and who may approve, the database itself
decides (migration 0010), and this says first. `apply` goes on wherever an earlier one stopped.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec
import orjson

from feeds.contract.errors import Refused
from gateway.settlement.batches import House
from gateway.settlement.corrections.applying import Stale, Telling, apply_batch, end, lock, mark, next_users, record
from gateway.settlement.corrections.drafts import Draft, Job, Said, checked, correction_id, settlements, undone
from gateway.settlement.corrections.impact import Asked, Impact, compute, hash_of
from gateway.settlement.corrections.policy import Policies
from gateway.settlement.corrections.settings import CorrectionSettings
from gateway.settlement.corrections.sql import statement
from gateway.settlement.corrections.verifying import verify
from gateway.settlement.pace import Pace
from gateway.settlement.pacing import Metrics, Pauses, Yielding
from gateway.settlement.recording import record_in
from gateway.store.pool import Database

OVER = ("done", "aborted")
"""States that nothing follows."""

POLICY = "policy"
"""Who approves what no person has to."""

MARKS = 10
"""Bets are put under review so many times as fast as they are corrected: no money moves, and nobody waits for it."""

JOBS_MAX = 1_000


class Came(NamedTuple):
    """What a job came to in one currency, in its minor units."""

    cash: int
    receivable: int
    waived: int


class Progress(NamedTuple):
    """How far a job is, in users, and what it came to by currency."""

    users: int
    users_done: int
    by_currency: dict[str, Came]


class Deed(NamedTuple):
    """Who did what to a job."""

    at: datetime
    who: str
    what: str
    detail: str


class Drafting(NamedTuple):
    """Why and by whom something is drafted. `undoes`: the job that it takes back; `provided`: providers said it."""

    reason: str
    by: str
    undoes: str | None = None
    provided: bool = False


class Shown(NamedTuple):
    """A job with all that is known of it."""

    job: Job
    progress: Progress
    deeds: list[Deed]


class Corrections:
    """Over one database, whose statements may take long enough for an impact. `now` is the wall clock. `metrics`: where
    the p99 of placing bets is read, if anywhere."""

    def __init__(
        self,
        database: Database,
        *,
        settings: CorrectionSettings,
        policies: Policies,
        now: Callable[[], datetime],
        metrics: Metrics | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._policies = policies
        self._now = now
        self._metrics = metrics
        self._house = House()

    async def draft(self, said: Iterable[Said], *, reason: str, by: str) -> str:
        """The id of a new draft. Raises Refused: bad_correction, bad_result, market_under_correction."""
        found = tuple(said)
        async with self.transaction() as connection:
            markets = sorted({one.result.market for one in found})
            (newest,) = await connection.fetchrow(statement("newest_ts"), markets)
            draft = checked(found, ts=max(int(self._now().timestamp() * 1000), newest + 1))
            return await self.put(connection, draft, Drafting(reason, by))

    async def put(self, connection: Any, draft: Draft, drafting: Drafting) -> str:
        """The id of a new draft, in the transaction under way. Raises Refused."""
        reason, by = drafting.reason.strip(), drafting.by
        if not reason or len(reason) > 500 or not by:
            raise Refused("bad_correction", "it needs a reason of up to 500 characters, and a name")
        name, now = correction_id(draft, reason), self._now()
        text = msgspec.json.encode(draft).decode()
        made = await connection.fetch(
            statement("put_job"),
            *(name, reason, self._settings.operator, by, now, text, drafting.undoes, drafting.provided),
        )
        if not made:
            raise Refused("bad_correction", f"it was drafted a moment ago: {name}")
        events = {one.result.market: one.result.event for one in draft.said}
        got = await connection.fetch(
            statement("put_markets"),
            *(name, draft.markets, [events[one] for one in draft.markets]),
            [draft.types[one] for one in draft.markets],
        )
        if len(got) < len(draft.markets):
            taken = sorted(set(draft.markets) - {market for (market,) in got})
            raise Refused("market_under_correction", f"{taken[0]} has another correction that is not over")
        said: dict[str, object] = {"markets": len(draft.markets), "undoes": drafting.undoes}
        await self._deed(connection, name, by, "drafted", said)
        return name

    async def impact(self, correction: str, *, by: str, dry: bool = False) -> Impact:
        """Computes what a draft would do, anew where it was computed before; keeps it unless `dry`. Raises Refused."""
        async with self.transaction(isolation="repeatable_read") as connection:
            job = await lock(connection, correction)
            _expect(job, "drafted", "computed")
            if not dry:
                await self._thaw(connection, job, None)
            asked = Asked(self._policies, self._settings.bets_max, self._now(), keep=not dry)
            found = await compute(connection, job, asked)
            if not dry:
                await self._keep(connection, correction, found)
                await self._deed(
                    connection, correction, by, "computed", {"hash": found.hash, "bets": found.totals.bets}
                )
            return found

    async def _keep(self, connection: Any, correction: str, found: Impact) -> None:
        totals = found.totals
        second = totals.moved_most > self._settings.approve_above or totals.approval > 0
        outcomes = msgspec.json.encode(found.turns).decode()
        digest = bytes.fromhex(found.hash)
        said = orjson.dumps(totals.said()).decode()
        await connection.execute(statement("set_computed"), correction, outcomes, said, digest, second)

    async def _thaw(self, connection: Any, job: Job, why: str | None) -> None:
        await connection.execute(statement("set_drafted"), job.correction, why)
        await connection.execute(statement("thaw_bets"), job.correction)
        await connection.execute(statement("thaw_owners"), job.correction)

    async def approve(self, correction: str, *, by: str, digest: str | None = None) -> Job:
        """Approves the impact as it was computed; `digest`: only if its hash begins so. Raises Refused."""
        async with self.transaction() as connection:
            job = await lock(connection, correction)
            _expect(job, "computed")
            if by == POLICY and not (job.provided and orjson.loads(job.totals or "{}").get("automatic")):
                raise Refused("second_person", "no policy lets it go without a person")
            if not by or (job.second and by == job.drafter):
                raise Refused("second_person", f"{job.drafter} drafted it: somebody else approves it")
            if digest is not None and not (job.hash or "").startswith(digest):
                raise Refused("impact_stale", "the impact is not the one that was looked at")
            if orjson.loads(job.totals or "{}")["frozen"]:
                raise Refused("policy_frozen", "bets of it are under a policy that freezes them")
            if await hash_of(connection, correction) != job.hash:
                raise Refused("impact_stale", "the frozen list is not the one whose hash is known")
            await connection.execute(statement("set_approved"), correction, by, self._now())
            await self._deed(connection, correction, by, "approved", {"hash": job.hash})
        return (await self.show(correction)).job

    async def apply(self, correction: str, *, by: str, told: Callable[[Progress], None] | None = None) -> Job:
        """Applies an approved job to its end, or goes on with one. Raises Refused, Stale; DatabaseUnavailable, after
        which it is to be called again."""
        settings = self._settings
        pauses = Pauses(usual_ms=settings.pause_ms, longest_ms=settings.pause_ms_max, p99_ms_max=settings.place_p99_ms)
        yielding, pace = Yielding(pauses, self._metrics), Pace(settings.bets_per_s)
        done = 0
        while (spent := await self._step(correction, by)) is not None:
            if told is not None:
                progress = await self._progress(correction)
                if progress.users_done > done:
                    told(progress)
                done = progress.users_done
            await pace.spend(spent)
            await yielding.pause()
        return (await self.show(correction)).job

    async def _step(self, correction: str, by: str) -> int | None:
        """The next transaction of a job; of how many corrected bets its cost is, None: there is no other one."""
        try:
            async with self.transaction() as connection:
                job = await lock(connection, correction)
                _expect(job, "approved", "applying", "verifying", "done")
                return await self._advance(connection, job, by)
        except Stale as stale:
            await self._give_up(correction, str(stale))
            raise

    async def _advance(self, connection: Any, job: Job, by: str) -> int | None:
        if job.state == "done":
            return None
        if job.state == "approved":
            await connection.execute(statement("set_state"), job.correction, "applying", None, None)
            await self._deed(connection, job.correction, by, "applying", {})
            return 0
        if job.state == "verifying":
            await self._verify(connection, job, by)
            return None
        if not job.recorded:
            if await mark(connection, job, self._settings.batch_bets):
                return self._settings.batch_bets // MARKS
            await record(connection, job, self._now())
            return 0
        users = await next_users(connection, job.correction, job.position, self._settings.batch_bets)
        if users:
            telling = Telling(self._now(), self._settings.dispute)
            return await apply_batch(connection, job, users, self._house, telling)
        await connection.execute(statement("set_state"), job.correction, "verifying", None, None)
        return 0

    async def _verify(self, connection: Any, job: Job, by: str) -> None:
        """Ends a job whose recount agrees; another stays `verifying`, and says why."""
        faults = await verify(connection, job)
        fault = "; ".join(f"{one.rule} {one.where}: {one.what}" for one in faults) or None
        if fault is not None:
            await connection.execute(statement("set_state"), job.correction, "verifying", None, fault)
            return
        await connection.execute(statement("set_state"), job.correction, "done", self._now(), None)
        await self._deed(connection, job.correction, by, "done", {"hash": job.hash})
        await end(connection, job.correction)

    async def _give_up(self, correction: str, why: str) -> None:
        """Nothing was moved: the job is a draft again, and nothing is under review."""
        async with self.transaction() as connection:
            job = await lock(connection, correction)
            if job.state not in ("approved", "applying") or job.recorded:
                return
            await self._unmark(connection, job, after=0)
            await self._thaw(connection, job, why)
            await self._deed(connection, correction, "job", "stale", {"why": why})

    async def _unmark(self, connection: Any, job: Job, *, after: int) -> None:
        if job.marked > after:
            await connection.execute(statement("lock_marked"), job.correction, after, job.marked)
            await connection.execute(statement("unmark_bets"), job.correction, after, job.marked)

    async def abort(self, correction: str, *, by: str, reason: str) -> str | None:
        """Ends a job. One that has moved balances leaves the draft of what takes them back, whose id it gives: the
        markets' results are as they were before, and until that is applied nobody else settles them. Raises Refused."""
        async with self.transaction() as connection:
            job = await lock(connection, correction)
            _expect(job, "drafted", "computed", "approved", "applying")
            if job.undoes is not None and (await lock(connection, job.undoes)).state == "aborted":
                raise Refused("wrong_state", f"{correction} is the way back from {job.undoes}: there is no other")
            await self._unmark(connection, job, after=job.position)
            await self._end(connection, job, by=by, reason=reason)
            if not job.recorded:
                await connection.execute(statement("refuse_held"), correction)
                return None
            back = await self._undraft(connection, job, by=by, reason=reason)
            row = await connection.fetchrow(statement("job"), back)
            draft = Job(*row).says
            await record_in(connection, settlements(draft), self._now())
            await connection.execute(statement("take_work"), draft.markets, back)
            return back

    async def _end(self, connection: Any, job: Job, *, by: str, reason: str) -> None:
        await connection.execute(statement("set_state"), job.correction, "aborted", self._now(), reason)
        await connection.execute(statement("close_markets"), job.correction)
        await self._deed(connection, job.correction, by, "aborted", {"reason": reason, "users_done": job.position})

    async def give_way(self, connection: Any, correction: str, *, by: str, reason: str) -> bool:
        """Ends a draft of what providers said, in the transaction under way, as more was said; False: it is applied by
        now, and stays."""
        job = await lock(connection, correction)
        if job.state not in ("drafted", "computed", "approved"):
            return False
        await self._end(connection, job, by=by, reason=reason)
        await connection.execute(statement("free_held"), correction)
        return True

    async def undo(self, correction: str, *, by: str, reason: str) -> str:
        """The id of a draft that brings the markets of a job that is done back to what they were. Raises Refused."""
        async with self.transaction() as connection:
            job = await lock(connection, correction)
            _expect(job, "done")
            return await self._undraft(connection, job, by=by, reason=reason)

    async def _undraft(self, connection: Any, job: Job, *, by: str, reason: str) -> str:
        said = list(undone(job.says, job.turns))
        (newest,) = await connection.fetchrow(statement("newest_ts"), job.says.markets)
        draft = checked(said, ts=max(int(self._now().timestamp() * 1000), newest + 1))
        return await self.put(connection, draft, Drafting(reason, by, undoes=job.correction))

    async def show(self, correction: str) -> Shown:
        """Raises Refused("not_found")."""
        row = await self._database.row(statement("job"), correction)
        if row is None:
            raise Refused("not_found", f"there is no correction {correction}")
        progress = await self._progress(correction)
        deeds = await self._database.fetch(statement("deeds"), correction)
        return Shown(Job(*row), progress, [Deed(*deed) for deed in deeds])

    async def _progress(self, correction: str) -> Progress:
        rows = await self._database.fetch(statement("progress"), correction)
        came = {currency: Came(*moved) for currency, _, _, *moved in rows}
        return Progress(sum(row["users"] for row in rows), sum(row["users_done"] for row in rows), came)

    async def provided(self) -> list[Job]:
        """Those that settlers drafted and that are not over, the oldest first."""
        return [Job(*row) for row in await self._database.fetch(statement("provided_jobs"), JOBS_MAX)]

    async def jobs(self, *, state: str | None = None, limit: int = 50) -> list[Job]:
        """The newest first."""
        rows = await self._database.fetch(statement("jobs"), state, min(limit, JOBS_MAX))
        return [Job(*row) for row in rows]

    async def _deed(self, connection: Any, correction: str, who: str, what: str, detail: dict[str, object]) -> None:
        await connection.execute(
            statement("put_deed"), correction, self._now(), who, what, orjson.dumps(detail).decode()
        )

    @contextlib.asynccontextmanager
    async def transaction(self, isolation: str | None = None) -> AsyncIterator[Any]:
        """Raises Refused("try_again") where another transaction was faster."""
        try:
            async with self._database.connection() as connection, connection.transaction(isolation=isolation):
                yield connection
        except asyncpg.SerializationError as error:
            raise Refused("try_again", "the job changed meanwhile") from error


def _expect(job: Job, *states: str) -> None:
    if job.state not in states:
        raise Refused(
            "wrong_state", f"correction {job.correction} is {job.state}" + (f": {job.fault}" if job.fault else "")
        )
