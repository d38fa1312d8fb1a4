"""What is told of corrections, for people and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from gateway.bets.bet import time_text
from gateway.money.amounts import amount_text
from gateway.settlement.corrections.drafts import Job
from gateway.settlement.corrections.service import Progress, Shown
from gateway.settlement.outcome import Outcome

_HASH_CHARS = 16


def job_said(job: Job) -> dict[str, Any]:
    """A job as JSON."""
    totals = None if job.totals is None else orjson.loads(job.totals)
    return {
        "id": job.correction,
        "state": job.state,
        "reason": job.reason,
        "operator": job.operator,
        "drafter": job.drafter,
        "drafted_at": time_text(job.drafted),
        "undoes": job.undoes,
        "markets": job.says.markets,
        "hash": job.hash,
        "second_person": job.second,
        "approver": job.approver,
        "approved_at": None if job.approved is None else time_text(job.approved),
        "ended_at": None if job.ended is None else time_text(job.ended),
        "fault": job.fault,
        "provided": job.provided,
        "totals": None if totals is None else totals_said(totals),
    }


def totals_said(totals: dict[str, Any]) -> dict[str, Any]:
    """Sums, amounts as text."""
    said = dict(totals)
    said["by_currency"] = {
        currency: sums | {name: amount_text(sums[name], currency) for name in ("credits", "debits", "waived")}
        for currency, sums in totals["by_currency"].items()
    }
    said["by_jurisdiction"] = {
        name: {currency: amount_text(minor, currency) for currency, minor in sums.items()}
        for name, sums in totals["by_jurisdiction"].items()
    }
    return said


def progress_said(progress: Progress) -> dict[str, Any]:
    """How far it is."""
    return {
        "users": progress.users,
        "users_done": progress.users_done,
        "by_currency": {
            currency: {name: amount_text(minor, currency) for name, minor in came._asdict().items()}
            for currency, came in progress.by_currency.items()
        },
    }


def shown_said(shown: Shown) -> dict[str, Any]:
    """All that is known of one."""
    deeds = [
        {"at": time_text(deed.at), "who": deed.who, "what": deed.what, "detail": orjson.loads(deed.detail)}
        for deed in shown.deeds
    ]
    turns = [
        {"market": market, "before": _outcome(turn.before), "after": _outcome(turn.after)}
        for market, turn in shown.job.turns.items()
    ]
    return job_said(shown.job) | {"turns": turns, "progress": progress_said(shown.progress), "deeds": deeds}


def job_line(job: Job) -> str:
    """One line of a list."""
    words = [job.correction, job.state, time_text(job.drafted), f"by {job.drafter}"]
    if job.totals is not None:
        totals = orjson.loads(job.totals)
        words.append(f"{totals['bets']:,} bets of {totals['users']:,} users")
    return "  ".join([*words, job.reason])


def shown_lines(shown: Shown) -> Iterator[str]:
    """All that is known of one, for people."""
    job, progress = shown.job, shown.progress
    yield job_line(job)
    yield from turn_lines(job)
    if job.totals is not None:
        yield from totals_lines(orjson.loads(job.totals), (job.hash or "")[:_HASH_CHARS])
        yield f"applied  {progress.users_done:,} of {progress.users:,} users"
        for currency, came in progress.by_currency.items():
            cash, owed, waived = (amount_text(minor, currency) for minor in (came.cash, -came.receivable, came.waived))
            yield f"         {currency} cash {cash}, owed {owed}, borne by the house {waived}"
    if job.fault:
        yield f"fault    {job.fault}"
    for deed in shown.deeds:
        yield f"{time_text(deed.at)}  {deed.what} by {deed.who}"


def turn_lines(job: Job) -> Iterator[str]:
    """What markets turn from and to."""
    for market, turn in job.turns.items():
        yield f"market   {market}: {_outcome(turn.before)} -> {_outcome(turn.after)}"


def totals_lines(totals: dict[str, Any], digest: str) -> Iterator[str]:
    """The impact."""
    yield f"impact   {totals['bets']:,} bets of {totals['users']:,} users, hash {digest}"
    said = totals_said(totals)
    for currency, sums in said["by_currency"].items():
        yield (
            f"         {currency} credits {sums['credits']}, debits {sums['debits']}, "
            f"borne by the house {sums['waived']}"
        )
    yield "         policies " + ", ".join(f"{name} {count:,}" for name, count in totals["by_policy"].items())
    places = [
        f"{name} {amount} {currency}"
        for name, sums in said["by_jurisdiction"].items()
        for currency, amount in sums.items()
    ]
    yield "         by state " + ", ".join(places)


def _outcome(outcome: Outcome) -> str:
    if not outcome.settled:
        return "voids" if outcome.cancelled else "open"
    words = []
    for one in outcome.selections:
        won, void = one.w.num / one.w.den, one.v.num / one.v.den
        word = (
            "won"
            if won == 1
            else "void"
            if void == 1
            else "lost"
            if not won and not void
            else f"won {won:g} void {void:g}"
        )
        heat = "" if one.dh.num == one.dh.den else f" dead heat {one.dh.num}/{one.dh.den}"
        words.append(f"{one.id} {word}{heat}")
    return ", ".join(words)
