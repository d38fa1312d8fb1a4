"""One market of very many bets: settled by a result, then corrected as a job, each beside betting and timed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import psutil

from bench.hearing import Hearing
from bench.latency import Latency
from bench.placing import Placing
from bench.processes import Child
from bench.result import Reading
from bench.saying import Sayer
from bench.scenario import CannotMeasure
from gateway.settlement.corrections.opening import corrections_over
from gateway.settlement.corrections.settings import CorrectionSettings
from gateway.store.pool import Database

MARKET = "RESETTLED"
PERSON = "bench"
"""Who approves what the settler drafts."""

_STATES = ("drafted", "computed", "approved", "applying", "verifying", "done")
"""Of a correction that goes well, in their order."""

_PATIENCE_S = 600.0
_POLL_S = 0.1
_EARLY_S = 2.0
_MIB = 1 << 20


class AtWork(NamedTuple):
    """What settles and is settled. `bets`: of the market."""

    database: Database
    sayer: Sayer
    placing: Placing
    settler: Child
    hearing: Hearing
    bets: int


class _Growth:
    """What a process holds, since it had begun to work."""

    def __init__(self, process: Child) -> None:
        self._process = psutil.Process(process.pid)
        self._began_s = time.perf_counter()
        self._early = 0

    def look(self) -> None:
        """Once in a while."""
        if not self._early and time.perf_counter() - self._began_s > _EARLY_S:
            self._early = self._process.memory_info().rss

    def figures(self) -> dict[str, Reading]:
        """MiB."""
        rss = self._process.memory_info().rss
        return {
            "settler_growth_mib": Reading((rss - (self._early or rss)) / _MIB, "MiB"),
            "settler_rss_mib": Reading(rss / _MIB, "MiB"),
        }


async def settled(at_work: AtWork) -> dict[str, Reading]:
    """One result of the market, from its publishing until its last bet is settled."""
    begun, growth = datetime.now(UTC), _Growth(at_work.settler)
    async with at_work.placing.beside() as latency, at_work.hearing.since_now() as heard:
        begun_s = time.perf_counter()
        await at_work.sayer.settled(MARKET, "O1")
        while not await _is_settled(at_work.database):
            await _wait(at_work, growth, begun_s)
        took_s = time.perf_counter() - begun_s
    [(steps, p50, p99)] = await at_work.database.fetch(_LATE, MARKET, 1, begun)
    _check_steps(steps, at_work.bets)
    return {
        "settled_s": Reading(took_s, "s"),
        "settled_bets_per_s": Reading(at_work.bets / took_s, "1/s"),
        "settled_result_to_bet_p50_s": Reading(p50, "s"),
        "settled_result_to_bet_p99_s": Reading(p99, "s"),
        **_heard(heard, "settled"),
        **latency.figures("place_settling"),
        **growth.figures(),
    }


async def corrected(at_work: AtWork) -> dict[str, Reading]:
    """The feed says otherwise: the settler drafts a correction and computes its impact, a person approves it here, the
    settler applies it and verifies it."""
    growth = _Growth(at_work.settler)
    service = corrections_over(at_work.database, CorrectionSettings(), lambda: datetime.now(UTC))
    reached_s: dict[str, float] = {}
    async with at_work.placing.beside() as latency, at_work.hearing.since_now() as heard:
        begun_s = time.perf_counter()
        await at_work.sayer.settled(MARKET, "O2")
        while "done" not in reached_s:
            await _wait(at_work, growth, begun_s)
            rows = await at_work.database.fetch(_JOB)
            if not rows or rows[0]["state"] in reached_s:
                continue
            [(name, state, fault, automatic)] = rows
            if fault is not None or state not in _STATES:
                raise CannotMeasure(f"the correction is {state}: {fault}")
            reached_s[state] = time.perf_counter() - begun_s
            if state == "computed" and not automatic:
                await service.approve(name, by=PERSON)
    [(steps,)] = await at_work.database.fetch("SELECT count(*) FROM settlement.step WHERE correction IS NOT NULL")
    _check_steps(steps, at_work.bets)
    computed_s, verifying_s = (_reached_s(reached_s, state) for state in ("computed", "verifying"))
    return {
        "corrected_s": Reading(reached_s["done"], "s"),
        "corrected_impact_s": Reading(computed_s, "s"),
        "corrected_apply_s": Reading(verifying_s - computed_s, "s"),
        "corrected_verify_s": Reading(reached_s["done"] - verifying_s, "s"),
        "corrected_bets_per_s": Reading(at_work.bets / reached_s["done"], "1/s"),
        **_heard(heard, "corrected"),
        **latency.figures("place_correcting"),
        **growth.figures(),
    }


def _reached_s(seen_s: Mapping[str, float], state: str) -> float:
    """When the job was first seen in this state, or beyond it: a short one is not seen in every state."""
    return min(s for seen, s in seen_s.items() if _STATES.index(seen) >= _STATES.index(state))


_LATE = """
SELECT
    count(*),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(EPOCH FROM at - $3)::double precision),
    percentile_disc(0.99) WITHIN GROUP (ORDER BY extract(EPOCH FROM at - $3)::double precision)
FROM settlement.step WHERE market = $1 AND market_revision = $2
"""
_JOB = """
SELECT correction, state, fault, (totals ->> 'automatic')::boolean
FROM correction.job ORDER BY drafted DESC LIMIT 1
"""


async def _wait(at_work: AtWork, growth: _Growth, begun_s: float) -> None:
    if time.perf_counter() - begun_s > _PATIENCE_S:
        raise CannotMeasure("the market is not settled")
    at_work.settler.check()
    growth.look()
    await asyncio.sleep(_POLL_S)


def _heard(heard: Latency, name: str) -> dict[str, Reading]:
    p50, p99 = (heard.quantile_ms(percent) / 1e3 for percent in (50, 99))
    return {
        f"{name}_result_to_device_p50_s": Reading(p50, "s"),
        f"{name}_result_to_device_p99_s": Reading(p99, "s"),
    }


def _check_steps(steps: int, bets: int) -> None:
    if steps != bets:
        raise CannotMeasure(f"{steps} of {bets} bets took a step")


async def _is_settled(database: Database) -> bool:
    rows = await database.fetch(
        "SELECT revision >= 1 AND NOT EXISTS (SELECT FROM settlement.work WHERE market = $1)"
        " FROM bets.result WHERE market = $1",
        MARKET,
    )
    return bool(rows and rows[0][0])
