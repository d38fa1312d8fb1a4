"""Correct, counter-correct, correct again, with kills at random points: whatever is killed, and however often, every
balance, bet, step and notice is that of a run that nobody interrupted, by hash; and R1 to R8 hold.

Singles and parlays up to 12 legs; some users withdrew what they had won, some are excluded, some have closed.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg
import pytest
from pydantic import SecretStr

from bench.staking import Staked, bet_id, fund, stake
from gateway.money import journals
from gateway.money.audit import audit
from gateway.money.tables import LedgerTables, Movement
from gateway.settlement.corrections.service import Corrections
from gateway.settlement.recounting import recount
from gateway.store.migrations import migrate
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import money_pool, one_postgres
from tests.gateway.settlement.correcting import PLACED, corrections, proof_policies, says, utc_now
from tests.gateway.settlement.ground import Ground
from tests.gateway.settlement.results import HALF_LOST, LOST, VOID, WON, result, said

pytestmark = one_postgres

MARKETS = [f"M{number}" for number in range(1, 15)]
CENTS = 100_000
PATIENCE_S = 600.0

RESULTS: Sequence[Any] = ({"O1": LOST, "O2": WON}, {"O1": HALF_LOST, "O2": VOID}, {"O1": LOST, "O2": WON})
"""What M1 is corrected to: otherwise, counter-corrected, and again."""


class Size(NamedTuple):
    """How many of each."""

    bets: int
    users: int
    kills: int
    batch_bets: int


CI = Size(bets=120, users=60, kills=4, batch_bets=8)
PROOF = Size(bets=10_000, users=5_000, kills=20, batch_bets=250)


def bets_of(size: Size, seed: int) -> list[Staked]:
    """The same for the same seed; every one has a leg on M1."""
    luck = random.Random(seed)
    made = []
    for number in range(size.bets):
        legs = 1 if luck.random() < 0.6 else luck.randint(2, 12)
        others = luck.sample(MARKETS[1:], legs - 1)
        chosen = tuple((market, luck.choice(("O1", "O2")), luck.randint(1_200, 3_000)) for market in ("M1", *others))
        made.append(Staked(bet_id(number, str(seed)), f"u{number % size.users:05d}", luck.randint(100, 2_000), chosen))
    return made


async def laid(database: Database, size: Size) -> Ground:
    """All bets, settled once; then a tenth of the users withdraw all, a twentieth is excluded or closes."""
    bets = bets_of(size, 1)
    ground = Ground(database, batch_bets=500)
    await fund(database, sorted({bet.owner for bet in bets}), CENTS, PLACED)
    await stake(database, bets, PLACED)
    for number, state in enumerate(("US-GI", "US-WA", "US-PA")):
        await database.execute(
            "UPDATE bets.bet SET location = jsonb_build_object('jurisdiction', $1::text)"
            " WHERE substr(owner, 2)::integer % 3 = $2",
            state,
            number,
        )
    await ground.recorder.record([said(market, 1_000) for market in MARKETS[:8]])
    await ground.settle()
    for number in range(0, size.users, 10):
        await _withdraw_all(database, f"u{number:05d}")
    await database.execute(
        "INSERT INTO protection.exclusion"
        " SELECT owner, CASE WHEN substr(owner, 2)::integer % 40 = 5 THEN 'closed' ELSE 'self_exclusion' END, now(),"
        " NULL"
        " FROM money.wallet WHERE substr(owner, 2)::integer % 20 = 5"
    )
    return ground


async def _withdraw_all(database: Database, owner: str) -> None:
    cash = (await database.fetch("SELECT balance FROM money.account WHERE owner = $1 AND kind = 'user:cash'", owner))[
        0
    ][0]
    key = f"withdrawal-of-{owner}"
    movement = Movement(
        owner=owner,
        key=key,
        fingerprint=b"w" * 32,
        verb="withdrawal",
        currency="USD",
        amount=cash,
        source_key=f"withdrawal/{key}",
        at=utc_now(),
        lines=journals.withdrawal(cash),
        answer=b"{}",
    )
    assert (await LedgerTables(database).move(movement)).code == "done"


async def killed_and_applied(url: str, name: str, size: Size, kills: int, luck: random.Random) -> int:
    """Applies a job in processes that are killed so often, at random moments, and once in one that is not."""
    command = ["-m", "tests.gateway.settlement.applier", url, name, str(size.batch_bets)]
    died = 0
    for last in (*([False] * kills), True):
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, env=None
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(PATIENCE_S):
                assert await process.stdout.readline() == b"applying\n"
                if not last:
                    await asyncio.sleep(luck.uniform(0, 0.25 if size is CI else 1.5))
                    if process.returncode is None:
                        process.kill()
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        died += process.returncode != 0
        if process.returncode == 0:
            break
    return died


async def drafted(service: Corrections, what: Any, turn: int) -> str:
    """Computed and approved."""
    name = await service.draft(says(result("M1", 0, x=what)), reason=f"turn {turn}", by="jo")
    await service.impact(name, by="jo")
    await service.approve(name, by="sam")
    return name


STATE = {
    "accounts": "SELECT owner, kind, sum(balance) FROM money.account GROUP BY 1, 2 ORDER BY 1, 2",
    "bets": "SELECT bet, state, payout, revision, under_review FROM bets.bet ORDER BY 1",
    "holds": "SELECT bet, turn, amount, state FROM money.hold ORDER BY 1, 2",
    "steps": "SELECT bet, revision, state, payout, cash, receivable, waived FROM settlement.step ORDER BY 1, 2",
    "exposure": "SELECT market, selection, sum(stakes), sum(liability) FROM bets.exposure GROUP BY 1, 2 ORDER BY 1, 2",
    "news": "SELECT owner, seq, kind, data - 'correction' FROM money.outbox ORDER BY 1, 2",
    "jobs": "SELECT state, encode(hash, 'hex'), reason FROM correction.job ORDER BY drafted",
    "owners": "SELECT owner, place, amount, cash_before, cash_after, receivable_before, receivable_after, waived"
    " FROM correction.owner INNER JOIN correction.job USING (correction) ORDER BY reason, place",
}
"""Everything but times and ids of jobs."""


async def hashed(database: Database) -> dict[str, str]:
    """What everything came to."""
    found = {}
    for name, sql in STATE.items():
        digest = hashlib.sha256()
        for row in await database.fetch(sql):
            digest.update(repr(tuple(row)).encode())
        found[name] = digest.hexdigest()
    return found


async def turned(settings: DatabaseSettings, size: Size, kills: int, seed: int) -> tuple[dict[str, str], int]:
    """The whole story over one database; its hash, and how many processes were killed."""
    luck = random.Random(seed)
    await migrate(settings)
    died = 0
    async with money_pool(settings) as database:
        ground = await laid(database, size)
        service = corrections(database, among=proof_policies(), batch_bets=size.batch_bets, statement_s=60)
        names = []
        for turn, what in enumerate(RESULTS):
            names.append(name := await drafted(service, what, turn))
            share = (kills + turn) // len(RESULTS)
            if share:
                died += await killed_and_applied(settings.url.get_secret_value(), name, size, share, luck)
            job = await service.apply(name, by="jo")
            assert (job.state, job.fault) == ("done", None)
            await ground.settle()
    patient = settings.model_copy(update={"statement_timeout_s": PATIENCE_S})
    async with open_database(patient) as database:
        await check(database, names)
        return await hashed(database), died


async def check(database: Database, names: Sequence[str]) -> None:
    """R1 to R8, L1 to L8; each user told once of each correction, and by a row of its own."""
    found = await audit(database, lambda _: None)
    await recount(database, found, lambda _: None)
    assert found.clean, found.differences
    told = await database.fetch(
        "SELECT owner, data ->> 'correction' AS name, count(*) AS notices FROM money.outbox"
        " WHERE kind = 'bet_corrected' GROUP BY 1, 2"
    )
    assert {row["notices"] for row in told} == {1}
    owners = await database.fetch("SELECT owner, correction FROM correction.owner")
    assert {(row["owner"], row["name"]) for row in told} == {tuple(row) for row in owners}
    assert {name for _, name in ((row["owner"], row["correction"]) for row in owners)} == set(names)
    below = await database.fetch("SELECT FROM money.account WHERE kind = 'user:cash' AND balance < 0")
    assert not below
    assert not await database.fetch("SELECT FROM bets.bet WHERE under_review")


async def another(settings: DatabaseSettings) -> DatabaseSettings:
    """A second database beside a test's own; dropped with the server."""
    url = settings.url.get_secret_value()
    connection = await asyncpg.connect(url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"CREATE DATABASE {name}_calm")
    await connection.close()
    return settings.model_copy(update={"url": SecretStr(url.replace(f"/{name}?", f"/{name}_calm?"))})


async def holds(settings: DatabaseSettings, size: Size, seed: int) -> None:
    """An interrupted run is as one that was not."""
    calm, _ = await turned(await another(settings), size, 0, seed)
    stormy, died = await turned(settings, size, size.kills, seed)
    assert 4 * died >= 3 * size.kills
    assert stormy == calm


async def test_kills_change_nothing(settings: DatabaseSettings) -> None:
    await holds(settings, CI, 7)


@pytest.mark.proof
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", [1, 2])
async def test_twenty_kills_of_ten_thousand_bets(settings: DatabaseSettings, seed: int) -> None:
    await holds(settings, PROOF, seed)
