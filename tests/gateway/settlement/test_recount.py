"""What a recount finds where somebody went past the settler."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.money.audit import Audit
from gateway.settlement.recounting import recount
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import money_pool, one_postgres
from tests.gateway.settlement.ground import Ground, parlay, single
from tests.gateway.settlement.results import said

pytestmark = one_postgres

TAMPERED = {
    "a payout": ({"R1", "R6"}, "UPDATE bets.bet SET payout = 1 WHERE bet = 'B1'"),
    "a state": ({"R1", "R6"}, "UPDATE bets.bet SET state = 'lost', payout = 0 WHERE bet = 'B1'"),
    "a step that is gone": ({"R1"}, "DELETE FROM settlement.step WHERE bet = 'B1'"),
    "a step that was another": ({"R1"}, "UPDATE settlement.step SET payout = 1 WHERE bet = 'B1'"),
    "a result that is gone": ({"R6"}, "DELETE FROM settlement.saying WHERE market = 'M1'"),
    "a price": ({"R6"}, "UPDATE bets.leg SET milli = 3000 WHERE bet = 'B1'"),
    "money of another bet": ({"R1"}, "UPDATE money.journal SET bet = 'B2' WHERE source_key = 'bet/B1/settle/1'"),
}


@pytest.fixture
async def ground(settings: DatabaseSettings) -> AsyncIterator[Ground]:
    """One bet won, a parlay still open."""
    await migrate(settings)
    async with money_pool(settings) as database:
        made = Ground(database)
        await made.bets(single("B1", "u1"), parlay("B2", "u2", "M1", "M2"))
        await made.say(said("M1", 1))
        yield made


async def differing(database: Database) -> Audit:
    found = Audit()
    await recount(database, found, print)
    return found


@pytest.mark.parametrize("what", TAMPERED)
async def test_what_differs_is_found(what: str, ground: Ground) -> None:
    rules, sql = TAMPERED[what]
    assert (await differing(ground.database)).clean
    async with ground.database.connection() as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(sql)
        await connection.execute("SET session_replication_role = origin")
    assert set((await differing(ground.database)).differing) == rules


async def test_what_is_being_settled_is_not_held_against_the_result(ground: Ground) -> None:
    await ground.recorder.record([said("M2", 2)])
    found = await differing(ground.database)
    assert found.clean
    assert found.counted == {"bets recounted": 2, "of those being settled": 1}
    await ground.settle()
    assert (await differing(ground.database)).counted == {"bets recounted": 2}
