"""A correction applied: bets put under review, the result in force, then user by user, each in one transaction, once.

All of a user's bets are in one batch, so a balance moves once and its owner is told once, in the transaction that
moves it. How far it has got stands in the database: whoever dies anywhere leaves a job that goes on where it was,
whoever goes on; two at once take turns. Users who get come before users who give.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson

from feeds.contract.errors import Refused
from gateway.money.journals import AccountKind, Line
from gateway.settlement.batches import Cause, House, post, read_batch
from gateway.settlement.corrections.drafts import Job, Turn, settlements
from gateway.settlement.corrections.plan import taken
from gateway.settlement.corrections.sql import statement
from gateway.settlement.outcome import outcome_text
from gateway.settlement.recording import record_in
from gateway.settlement.sql import statement as settling
from gateway.settlement.steps import Purse, SettledBet, Step, step_of
from gateway.settlement.targets import Target

NOTICE_BETS = 20
"""Bets that one notice names; the rest it counts. Every bet's history has all of it."""


class Stale(Refused):
    """Something has changed since the impact was computed: it has to be computed and approved anew."""

    def __init__(self, why: str) -> None:
        super().__init__("impact_stale", why)


class User(NamedTuple):
    """A user of a job; see correction.owner."""

    owner: str
    place: int
    bets: int


class Telling(NamedTuple):
    """When users are told, and where they dispute: `{bet}` and `{correction}` stand for the ids in `dispute`."""

    at: datetime
    dispute: str

    def link(self, job: Job, bet: str) -> str:
        """Of one of a user's bets."""
        return self.dispute.replace("{correction}", job.correction).replace("{bet}", bet)


async def lock(connection: Any, correction: str) -> Job:
    """The job, which nobody else changes until the transaction ends. Raises Refused("not_found")."""
    row = await connection.fetchrow(statement("lock_job"), correction)
    if row is None:
        raise Refused("not_found", f"there is no correction {correction}")
    return Job(*row)


async def next_users(connection: Any, correction: str, after: int, bets_max: int) -> list[User]:
    """The next users, with `bets_max` bets at most between them, one user at least; none where all are done."""
    rows = await connection.fetch(statement("owners"), correction, after, bets_max)
    users: list[User] = []
    room = bets_max
    for row in rows:
        room -= row["bets"]
        if users and room < 0:
            break
        users.append(User(row["owner"], row["place"], row["bets"]))
    return users


async def mark(connection: Any, job: Job, bets_max: int) -> bool:
    """Puts the next bets under review; whether there were any. Raises Stale."""
    users = await next_users(connection, job.correction, job.marked, bets_max)
    if not users:
        return False
    last = users[-1].place
    (changed,) = await connection.fetchrow(statement("mark_bets"), job.correction, job.marked, last)
    if changed:
        raise Stale(f"{changed} of its bets are not what they were")
    await connection.execute(statement("set_marked"), job.correction, last)
    return True


async def record(connection: Any, job: Job, now: datetime) -> None:
    """Brings what the job says into force, and keeps its markets from the settlers. Raises Stale."""
    turns = job.turns
    markets = sorted(turns)
    await _expect(connection, turns, before=True)
    await record_in(connection, settlements(job.says), now)
    await _expect(connection, turns, before=False)
    await connection.execute(statement("take_work"), markets, job.correction)
    await connection.execute(statement("set_recorded"), job.correction)


async def _expect(connection: Any, turns: dict[str, Turn], *, before: bool) -> None:
    rows = await connection.fetch(statement("revisions"), sorted(turns))
    found = {market: text for market, _, text in rows}
    for market, turn in turns.items():
        fine = {outcome_text(turn.after)} | ({outcome_text(turn.before)} if before else set())
        if found.get(market) not in fine and not (before and found.get(market) is None):
            raise Stale(f"{market} has had another result meanwhile")


async def apply_batch(connection: Any, job: Job, users: Sequence[User], house: House, telling: Telling) -> int:
    """Corrects the bets of these users, the next ones, in the transaction under way; gives how many bets there were."""
    first, last = job.position, users[-1].place
    rows = await connection.fetch(statement("batch_bets"), job.correction, first, last)
    batch = await read_batch(connection, [row["bet"] for row in rows], reviewing=True)
    held = {bet.bet: bet for bet in batch.bets}
    purses = dict(batch.purses)
    steps = []
    for row in rows:
        step = corrected(held[row["bet"]], row, purses[row["owner"]])
        purse = purses[row["owner"]]
        purses[row["owner"]] = step.after(purse)
        steps.append(step)
    revisions = {
        market: revision for market, revision, _ in await connection.fetch(statement("revisions"), list(job.turns))
    }
    causes = {row["bet"]: Cause(row["market"], revisions[row["market"]], job.correction) for row in rows}
    await post(connection, steps, causes, batch.accounts, house, telling.at)
    await _tell(connection, job, steps, batch.purses, telling)
    await connection.execute(statement("set_position"), job.correction, last)
    return len(steps)


def corrected(bet: SettledBet, row: Any, purse: Purse) -> Step:
    """The step to the frozen target: of what changes on the user's side, what the plan gives or takes, and the house
    bears the rest. Pure."""
    step = step_of(bet, Target(row["state"], row["payout"]), purse)
    assert step is not None, bet.bet
    assert bet.revision == row["revision"], f"{bet.bet} is not what was frozen"
    moved = taken(row["amount"], cash=purse.cash, receivable=purse.receivable, owed=row["owed"])
    waived = row["waived"] + moved.waived
    mine: tuple[tuple[AccountKind, int], ...] = (
        ("user:cash", moved.cash),
        ("user:receivable", moved.receivable),
        ("house:corrections", -waived),
    )
    kept = [line for line in step.lines if line.kind not in ("user:cash", "user:receivable")]
    lines = (*(Line(kind, amount) for kind, amount in mine if amount), *kept)
    journal: Literal["correct", "reopen"] | None = None
    if lines:
        journal = "reopen" if step.target.payout is None else "correct"
    return step._replace(lines=lines, journal=journal, cash=moved.cash, receivable=moved.receivable, waived=waived)


async def _tell(connection: Any, job: Job, steps: Sequence[Step], purses: dict[str, Purse], telling: Telling) -> None:
    """One notice a user, and the row that says it was told."""
    by_owner: dict[str, list[Step]] = {}
    for step in steps:
        by_owner.setdefault(step.bet.owner, []).append(step)
    news, rows = [], []
    for owner, mine in by_owner.items():
        before = after = purses[owner]
        for step in mine:
            after = step.after(after)
        waived = sum(step.waived for step in mine)
        rows.append((owner, before.cash, after.cash, before.receivable, after.receivable, waived))
        said = _said(job, mine, before, after) | {"dispute": telling.link(job, mine[0].bet.bet)}
        news.append((owner, "bet_corrected", orjson.dumps(said).decode()))
    await connection.execute(statement("owners_done"), job.correction, telling.at, *_columns(rows))
    await connection.execute(settling("tell"), *_columns(news), telling.at)


def _said(job: Job, steps: Sequence[Step], before: Purse, after: Purse) -> dict[str, object]:
    bets = [
        {
            "bet": step.bet.bet,
            "revision": step.revision,
            "state_before": step.bet.state,
            "payout_before": step.bet.payout,
            "state": step.target.state,
            "payout": step.target.payout,
        }
        for step in steps[:NOTICE_BETS]
    ]
    return {
        "correction": job.correction,
        "reason": job.reason,
        "bets": bets,
        "more": max(0, len(steps) - NOTICE_BETS),
        "amount": after.cash - before.cash + after.receivable - before.receivable,
        "waived": sum(step.waived for step in steps),
        "cash_before": before.cash,
        "cash_after": after.cash,
        "receivable_before": before.receivable,
        "receivable_after": after.receivable,
        **after._asdict(),
    }


async def end(connection: Any, correction: str) -> None:
    """The job's markets are the settlers' again."""
    await connection.execute(statement("give_work"), correction)
    await connection.execute(statement("close_markets"), correction)


def _columns(rows: Sequence[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
