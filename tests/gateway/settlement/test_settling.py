"""Bets settled by what is said: once, again, taken back, in part; by several settlers; broken off anywhere."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from feeds.contract.results import SelectionResult, Settlement
from gateway.settlement.settling import Work
from gateway.settlement.watching import Forgetting
from gateway.store.errors import DatabaseUnavailable
from gateway.store.pool import Database
from tests.gateway.bets.worker import one_postgres
from tests.gateway.settlement.correcting import utc_now
from tests.gateway.settlement.ground import LOST, PLACED_MS, Breaking, Broken, Ground, parlay, single
from tests.gateway.settlement.results import HALF_LOST, VOID, WON, said
from tests.gateway.settlement.results import LOST as LEG_LOST

pytestmark = one_postgres

FIRST = {"O1": WON, "O2": LEG_LOST}
SECOND = {"O1": LEG_LOST, "O2": WON}


@pytest.fixture
async def ground(money: Database) -> Ground:
    """u1 bet on the first of M1, u2 on the second, u3 on both; 10.00 each, of 100.00."""
    made = Ground(money)
    await made.bets(single("B1", "u1"), single("B2", "u2", "O2"), single("B3", "u3"), single("B4", "u3", "O2"))
    return made


async def test_winners_are_paid_losers_pay_and_everybody_is_told(ground: Ground) -> None:
    assert await ground.say(said("M1", 1)) == (1, 1, 0, 0)
    assert [await ground.told(bet) for bet in ("B1", "B2", "B3", "B4")] == [
        *(("won", 2000, 1), ("lost", 0, 1), ("won", 2000, 1), ("lost", 0, 1))
    ]
    assert [await ground.purse(user) for user in ("u1", "u2", "u3")] == [(11_000, 0, 0), (9_000, 0, 0), (10_000, 0, 0)]
    news = await ground.database.fetch(
        "SELECT owner, seq, kind, data ->> 'bet', data ->> 'state',"
        " (data ->> 'cash')::int, (data ->> 'open_stakes')::int FROM money.outbox"
        " WHERE kind <> 'bet_placed' ORDER BY owner, seq"
    )
    assert [tuple(row) for row in news] == [
        ("u1", 2, "bet_settled", "B1", "won", 11_000, 0),
        ("u2", 2, "bet_settled", "B2", "lost", 9_000, 0),
        ("u3", 3, "bet_settled", "B3", "won", 10_000, 1_000),
        ("u3", 4, "bet_settled", "B4", "lost", 10_000, 0),
    ]
    exposed = await ground.database.fetch("SELECT sum(stakes), sum(liability) FROM bets.exposure")
    assert [tuple(row) for row in exposed] == [(0, 0)]
    assert await ground.database.fetch("SELECT FROM settlement.work") == []


async def test_twice_is_once_and_an_older_saying_is_inert(ground: Ground) -> None:
    await ground.say(said("M1", 5))
    before = await ground.state()
    assert await ground.say(said("M1", 5), said("M1", 5)) == (0, 0, 0, 0)
    assert await ground.say(said("M1", 4, x=SECOND), said("M1", 4, "rollback")) == (2, 0, 0, 0)
    assert await ground.state() == before
    rows = await ground.database.fetch("SELECT count(*) FROM money.journal WHERE source_key LIKE 'bet/%/settle/%'")
    assert rows[0][0] == 4


async def test_taken_back_the_stake_is_on_hold_again_and_the_next_result_pays_anew(ground: Ground) -> None:
    await ground.say(said("M1", 1))
    await ground.say(said("M1", 2, "rollback"))
    assert await ground.told("B1") == ("accepted", None, 2)
    assert [await ground.purse(user) for user in ("u1", "u2", "u3")] == [
        *((9_000, 1000, 0), (9_000, 1000, 0), (8_000, 2000, 0))
    ]
    await ground.say(said("M1", 3, x=SECOND))
    assert [await ground.told(bet) for bet in ("B1", "B2")] == [("lost", 0, 3), ("won", 2000, 3)]
    turns = await ground.database.fetch("SELECT turn, state FROM money.hold WHERE bet = 'B1' ORDER BY turn")
    assert [tuple(row) for row in turns] == [(0, "posted"), (1, "posted")]
    kinds = await ground.database.fetch("SELECT kind FROM money.outbox WHERE owner = 'u1' ORDER BY seq")
    assert [kind for (kind,) in kinds] == ["bet_placed", "bet_settled", "bet_corrected", "bet_settled"]


async def test_a_correction_that_takes_more_than_there_is_leaves_a_debt_that_winnings_pay(ground: Ground) -> None:
    await ground.say(said("M1", 1))
    await ground.spend("u1", 10_500)
    await ground.bets(single("B5", "u1", market="M2"))
    assert await ground.purse("u1") == (9_500, 1000, 0)
    await ground.spend("u1", 9_500)
    await ground.say(said("M1", 2, x=SECOND))
    assert await ground.purse("u1") == (0, 1000, -2000)
    await ground.say(said("M2", 1))
    assert await ground.purse("u1") == (0, 0, 0)
    await ground.say(said("M1", 3))
    assert await ground.purse("u1") == (2000, 0, 0)
    owed = await ground.database.fetch(
        "SELECT cash, receivable FROM settlement.step WHERE bet = 'B1' ORDER BY revision"
    )
    assert [tuple(row) for row in owed] == [(2000, 0), (0, -2000), (2000, 0)]


async def test_a_parlay_is_recomputed_from_all_of_its_legs(money: Database) -> None:
    ground = Ground(money)
    await ground.bets(parlay("B1", "u1", "M1", "M2", "M3"), parlay("B2", "u2", "M1", "M2"))
    await ground.say(said("M1", 1))
    assert await ground.told("B1") == ("accepted", None, 0)
    await ground.say(said("M2", 1), said("M3", 1, x={"O1": VOID}))
    assert (await ground.told("B1"), await ground.told("B2")) == (("won", 4000, 1), ("won", 4000, 1))
    await ground.say(said("M2", 2, "rollback"))
    assert await ground.told("B1") == ("accepted", None, 2)
    await ground.say(said("M1", 2, x=SECOND))
    assert await ground.told("B1") == ("lost", 0, 3)  # at once, with an open leg
    await ground.say(said("M2", 3), said("M1", 3, x={"O1": HALF_LOST}))
    assert await ground.told("B1") == ("won", 1000, 4)


async def test_a_cancellation_voids_the_bets_of_its_time_and_is_taken_back(ground: Ground) -> None:
    await ground.say(said("M1", 1))
    around = {"from_ms": PLACED_MS, "to_ms": PLACED_MS + 1}
    await ground.say(said("M1", 2, "cancelled", from_ms=PLACED_MS + 1))
    assert await ground.told("B1") == ("won", 2000, 1)
    await ground.say(said("M1", 2, "cancelled", **around))
    assert [await ground.told(bet) for bet in ("B1", "B2")] == [("void", 1000, 2), ("void", 1000, 2)]
    assert await ground.purse("u1") == (10_000, 0, 0)
    await ground.say(said("M1", 3, "rollback"))
    assert await ground.told("B1") == ("void", 1000, 2)  # it has nothing to do with settlements
    await ground.say(said("M1", 3, "rollback_cancel", **around))
    assert await ground.told("B1") == ("accepted", None, 3)


async def test_what_was_cashed_out_is_not_paid_again(ground: Ground) -> None:
    """As a partial cash-out leaves a bet: less is on hold, and for the rest there was something."""
    await ground.database.execute(
        "UPDATE money.hold SET state = 'posted', resolved = money.write_journal('u1', 'USD',"
        " 'bet/B1/cash_out/0', 'cash_out', 'B1', now(), ARRAY['user:open_stakes', 'house:stakes', 'user:cash',"
        " 'house:payouts'], ARRAY[-1000, 1000, 300, -300]::bigint []) WHERE bet = 'B1'"
    )
    await ground.database.execute(
        "INSERT INTO money.hold (bet, turn, owner, currency, amount, opened) VALUES ('B1', 1, 'u1', 'USD', 600,"
        " money.write_journal('u1', 'USD', 'rest', 'hold', 'B1', now(), ARRAY['user:open_stakes', 'house:stakes'],"
        " ARRAY[600, -600]::bigint []))"
    )
    await ground.database.execute(
        "INSERT INTO bets.cash_out"
        " VALUES ('C1', 'B1', 0, 'u1', 'a-cash-out-of-400', 400, 300, 600, '{2000}', now(), '{}')"
    )
    await ground.database.execute(
        "INSERT INTO money.key VALUES ('u1', 'a-cash-out-of-400', 'cash_out', 'f', 'C1', 201, 'a', now())"
    )
    await ground.database.execute("UPDATE bets.bet SET cashed_stake = 400, cashed_out = 300 WHERE bet = 'B1'")
    await ground.say(said("M1", 1))
    assert (await ground.told("B1"), await ground.purse("u1")) == (("won", 1200, 1), (10_500, 0, 0))
    await ground.say(said("M1", 2, "rollback"))
    assert await ground.purse("u1") == (9_300, 600, 0)


async def test_a_market_that_was_taken_back_may_be_bet_on_and_one_with_a_result_not(ground: Ground) -> None:
    async def resulted() -> bool:
        row = await ground.database.row("SELECT bets.lock_results(ARRAY['M1'], ARRAY['E1'])")
        assert row is not None
        return bool(row[0])

    assert not await resulted()
    await ground.say(said("M1", 1))
    assert await resulted()
    await ground.say(said("M1", 2, "rollback"))
    assert not await resulted()


async def test_a_bet_that_was_accepted_after_a_cancellation_of_its_time_is_found_again(ground: Ground) -> None:
    await ground.database.execute("UPDATE bets.bet SET state = 'pending_acceptance' WHERE bet = 'B1'")
    await ground.say(said("M1", 1, "cancelled", from_ms=PLACED_MS, to_ms=PLACED_MS + 1))
    assert await ground.told("B1") == ("pending_acceptance", None, 0)
    await ground.database.execute("UPDATE bets.bet SET state = 'accepted' WHERE bet = 'B1'")
    await ground.settle()
    assert await ground.told("B1") == ("accepted", None, 0)
    await ground.database.execute("UPDATE settlement.work SET due = now()")
    await ground.settle()
    assert await ground.told("B1") == ("void", 1000, 1)


async def test_what_cannot_be_settled_by_is_refused_and_the_rest_is_not(ground: Ground) -> None:
    wrong = said("M1", 1, x={"O1": SelectionResult("", w=WON.w, v=WON.w)})
    assert await ground.say(wrong, said("M1", 2)) == (1, 1, 1, 0)
    assert await ground.told("B1") == ("won", 2000, 1)


async def test_results_that_nobody_bet_on_are_forgotten_and_others_never(ground: Ground) -> None:
    await ground.say(said("M1", 1), *(said(f"M{n}", 1) for n in range(2, 9)))
    forgetting = Forgetting(ground.database, timedelta(), utc_now)
    assert await forgetting.look() is False
    for table in ("settlement.saying", "settlement.change", "bets.result"):
        rows = await ground.database.fetch(f"SELECT market FROM {table}")
        assert [market for (market,) in rows] == ["M1"]
    for table in ("saying", "change"):
        with pytest.raises(asyncpg.RestrictViolationError, match="M1 was bet on"):
            await ground.database.execute(f"DELETE FROM settlement.{table}")


async def test_a_change_in_the_middle_of_the_work_begins_it_again(ground: Ground) -> None:
    await ground.recorder.record([said("M1", 1)])
    settler = ground.settler()
    await ground.database.execute("UPDATE settlement.work SET holder = 'other', held_until = now() + interval '1 hour'")
    await ground.recorder.record([said("M1", 2, x=SECOND)])
    while await settler.work():
        pass
    assert [await ground.told(bet) for bet in ("B1", "B2")] == [("lost", 0, 1), ("won", 2000, 1)]
    changes = await ground.database.fetch("SELECT revision FROM settlement.change ORDER BY revision")
    assert [revision for (revision,) in changes] == [1, 2]


async def test_work_of_one_that_died_is_another_s_once_its_hold_has_passed(ground: Ground) -> None:
    await ground.recorder.record([said("M1", 1)])
    held = "UPDATE settlement.work SET holder = 'dead', held_until = now() + $1"
    await ground.database.execute(held, timedelta(minutes=1))
    await ground.settle()
    assert await ground.told("B1") == ("accepted", None, 0)
    await ground.database.execute(held, timedelta())
    await ground.settle()
    assert await ground.told("B1") == ("won", 2000, 1)


async def test_settlers_share_the_work_and_none_waits_for_a_correction_s(money: Database) -> None:
    ground = Ground(money, claim_markets=1)
    bets = [single(f"B{n}-{m}", f"u{n}", market=f"M{m}") for n in range(5) for m in range(6)]
    await ground.bets(*bets)
    await ground.recorder.record([said(f"M{m}", 1) for m in range(6)])
    await ground.database.execute("UPDATE settlement.work SET correction = 'C1' WHERE market = 'M0'")

    async def work() -> None:
        settler = ground.settler()
        while await settler.work():
            pass

    await asyncio.gather(*(work() for _ in range(4)))
    rows = await ground.database.fetch("SELECT state, count(*) FROM bets.bet GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in rows] == [("accepted", 5), ("won", 25)]
    assert [market for (market,) in await ground.database.fetch("SELECT market FROM settlement.work")] == ["M0"]


async def test_a_settler_that_lost_its_hold_does_no_harm(ground: Ground) -> None:
    """Two believe that the same market is theirs."""
    await ground.recorder.record([said("M1", 1)])
    one, other = ground.settler(), ground.settler()
    works = await ground.database.fetch("SELECT market, revision, recorded, after, waiting FROM settlement.work")
    await asyncio.gather(*(settler._batch([Work(*works[0])]) for settler in (one, other)))
    assert await ground.told("B1") == ("won", 2000, 1)
    await ground.settle()
    assert await ground.database.fetch("SELECT FROM settlement.work") == []


async def test_broken_off_at_any_statement_it_comes_to_the_same(money: Database) -> None:
    ground = Ground(money)
    for at in range(0, 1_000, 2):
        ids, market = [f"B{at}-{n}" for n in range(3)], f"M{at}"
        await ground.bets(*(single(bet, f"u{bet}", f"O{1 + n % 2}", market=market) for n, bet in enumerate(ids)))
        breaking = Breaking(money, at)
        sayings = [said(market, 1), said(market, 2, "rollback")]
        await broken_off(Ground(breaking), sayings)
        if not breaking.broke:
            break
        await money.execute("UPDATE settlement.work SET held_until = now()")
        await ground.say(*sayings, said(market, 3, x=SECOND))
        assert [(await ground.told(bet))[:2] for bet in ids] == [("lost", 0), ("won", 2000), ("lost", 0)], at
        assert await ground.purse(f"u{ids[1]}") == (11_000, 0, 0), at
    else:
        pytest.fail("it never came to an end")
    assert at > 30


async def broken_off(ground: Ground, sayings: list[Settlement]) -> None:
    """One after the other, until it breaks."""
    try:
        for one in sayings:
            await ground.say(one)
    except Broken:
        return


async def test_a_database_that_fails_is_asked_again(ground: Ground) -> None:
    await ground.recorder.record([said("M1", 1)])
    breaking = Breaking(ground.database, 3, error=LOST)
    settler = ground.settler(breaking)
    with pytest.raises(DatabaseUnavailable):
        await settler.work()
    await ground.database.execute("UPDATE settlement.work SET held_until = now()")
    running = asyncio.create_task(settler.run())
    try:
        async with asyncio.timeout(30):
            while (await ground.told("B1"))[0] != "won":  # noqa: ASYNC110 another process would write it
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.wait([running])
