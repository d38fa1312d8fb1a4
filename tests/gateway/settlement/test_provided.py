"""What providers say against results that bets were paid by: held, gathered, drafted as a correction, let go by policy
or by a person, told once; and what is refused stays so."""

from __future__ import annotations

from typing import Any

import asyncpg
import orjson
import pytest

from feeds.contract.errors import Refused
from gateway.settlement.corrections.policy import Policy
from gateway.settlement.corrections.service import Corrections
from gateway.store.pool import Database
from tests.gateway.bets.worker import one_postgres
from tests.gateway.settlement.correcting import corrections, policies, says
from tests.gateway.settlement.ground import Ground, parlay, single
from tests.gateway.settlement.results import LOST, VOID, WON, result, said

pytestmark = one_postgres

OTHER = {"O1": LOST, "O2": WON}
ASKS = Policy("asks", "full", "t", 1_000_000, jurisdiction="none")
"""Nothing goes without a person."""


async def settled(money: Database, *more: Policy) -> Ground:
    """Ann and Bob bet on one side of M1, Cem on the other, Dia on a parlay of M1 and M2; M1 is settled, O1 won."""
    ground = Ground(money, among=policies(*more))
    await ground.bets(
        single("B1", "ann"), single("B2", "bob"), single("B3", "cem", "O2"), parlay("B4", "dia", "M1", "M2")
    )
    await ground.say(said("M1", 10))
    return ground


async def jobs(ground: Ground) -> list[tuple[Any, ...]]:
    """State, drafter and approver of each, the oldest first."""
    rows = await ground.database.fetch(
        "SELECT state, drafter, approver FROM correction.job ORDER BY drafted, correction"
    )
    return [tuple(row) for row in rows]


async def held(ground: Ground) -> int:
    """Sayings that wait."""
    return len(await ground.database.fetch("SELECT FROM settlement.held WHERE NOT refused"))


async def told(ground: Ground) -> dict[str, int]:
    """Notices of corrections, by user."""
    rows = await ground.database.fetch(
        "SELECT owner, count(*) FROM money.outbox WHERE kind = 'bet_corrected' GROUP BY 1"
    )
    return dict(map(tuple, rows))


def service(ground: Ground) -> Corrections:
    """What the desk has."""
    return corrections(ground.database, among=ground.policies)


async def test_within_its_policies_it_is_applied_by_itself_and_told_once(money: Database) -> None:
    ground = await settled(money)
    recorded = await ground.recorder.record([said("M1", 20, x=OTHER, reason="stat correction")])
    assert (recorded.new, recorded.changed, recorded.held) == (1, 0, 1)
    assert await ground.told("B1") == ("won", 2000, 1)
    await ground.settle()
    assert [await ground.told(bet) for bet in ("B1", "B3", "B4")] == [("lost", 0, 2), ("won", 2000, 2), ("lost", 0, 1)]
    assert await jobs(ground) == [("done", "feed:alpha", "policy")]
    assert await told(ground) == {"ann": 1, "bob": 1, "cem": 1, "dia": 1}
    assert await held(ground) == 0
    shown = await service(ground).show((await service(ground).jobs())[0].correction)
    assert (shown.job.reason, shown.job.provided) == ("stat correction", True)
    assert [deed.what for deed in shown.deeds] == ["drafted", "computed", "approved", "applying", "done"]
    assert (await ground.recorder.record([said("M1", 20, x=OTHER)])).new == 0


async def test_beyond_them_it_waits_for_a_person(money: Database) -> None:
    ground = await settled(money, ASKS)
    await ground.say(said("M1", 20, x=OTHER))
    assert await jobs(ground) == [("computed", "feed:alpha", None)]
    assert await ground.told("B1") == ("won", 2000, 1)
    [job] = await service(ground).jobs()
    assert not orjson.loads(job.totals or "")["automatic"]
    with pytest.raises(Refused, match="person"):
        await service(ground).approve(job.correction, by="policy")
    await service(ground).approve(job.correction, by="sam")
    await ground.settle()
    assert await jobs(ground) == [("done", "feed:alpha", "sam")]
    assert await ground.told("B1") == ("lost", 0, 2)


async def test_taken_back_and_said_again_moves_nothing(money: Database) -> None:
    """No lose-win-lose: both came before anything was drafted, or before it was approved."""
    ground = await settled(money, ASKS)
    before = await ground.state()
    await ground.recorder.record([said("M1", 20, "rollback"), said("M1", 30)])
    await ground.settle()
    assert await jobs(ground) == []
    await ground.say(said("M1", 40, "rollback"))
    assert await jobs(ground) == [("computed", "feed:alpha", None)]
    await ground.say(said("M1", 50))
    assert [state for state, *_ in await jobs(ground)] == ["aborted"]
    assert (await ground.state(), await told(ground), await held(ground)) == (before, {}, 0)


async def test_more_that_is_said_takes_the_place_of_a_draft(money: Database) -> None:
    ground = await settled(money, ASKS)
    await ground.say(said("M2", 10))
    await ground.say(said("M1", 20, x=OTHER))
    await service(ground).approve((await service(ground).jobs())[0].correction, by="sam")
    await ground.recorder.record([said("M2", 20, x={"O1": VOID})])
    await ground.provided().look()
    [first, second] = await service(ground).jobs(state="aborted") + await service(ground).jobs(state="computed")
    assert (first.says.markets, second.says.markets) == (["M1"], ["M1", "M2"])
    await service(ground).approve(second.correction, by="sam")
    await ground.settle()
    assert await told(ground) == {"ann": 1, "bob": 1, "cem": 1, "dia": 1}


async def test_what_somebody_ended_is_never_in_force(money: Database) -> None:
    ground = await settled(money, ASKS)
    await ground.say(said("M1", 20, x=OTHER))
    [job] = await service(ground).jobs()
    assert await service(ground).abort(job.correction, by="sam", reason="the first one was right") is None
    assert (await ground.recorder.record([said("M1", 20, x=OTHER)])).new == 0
    await ground.settle()
    assert await jobs(ground) == [("aborted", "feed:alpha", None)]
    assert await ground.told("B1") == ("won", 2000, 1)
    await ground.say(said("M1", 30, x={"O1": VOID, "O2": VOID}))
    await service(ground).approve((await service(ground).jobs(state="computed"))[0].correction, by="sam")
    await ground.settle()
    assert await ground.told("B1") == ("void", 1000, 2)


async def test_it_waits_while_the_desk_corrects_the_market(money: Database) -> None:
    ground = await settled(money)
    name = await service(ground).draft(says(result("M1", 0, x=OTHER)), reason="r", by="jo")
    await ground.say(said("M1", 2**41, x={"O1": VOID, "O2": VOID}))
    assert (await held(ground), len(await jobs(ground))) == (1, 1)
    await service(ground).abort(name, by="jo", reason="the provider says so itself")
    await ground.settle()
    assert await ground.told("B1") == ("void", 1000, 2)


async def test_what_is_said_while_a_correction_is_applied_waits_until_it_is_done(money: Database) -> None:
    ground = await settled(money)
    desk = service(ground)
    name = await desk.draft(says(result("M1", 0, "rollback")), reason="r", by="jo")
    await desk.impact(name, by="jo")
    await desk.approve(name, by="sam")
    while (await desk.show(name)).progress.users_done == 0:
        await desk._step(name, "jo")
    assert (await ground.recorder.record([said("M1", 2**41, x=OTHER)])).held == 1
    assert (await desk.apply(name, by="jo")).state == "done"
    await ground.settle()
    assert [await ground.told(bet) for bet in ("B1", "B3")] == [("lost", 0, 3), ("won", 2000, 3)]
    assert [state for state, *_ in await jobs(ground)] == ["done"]


async def test_what_only_decides_more_is_no_correction(money: Database) -> None:
    """A cancellation of the bets of some time, then the result of the others; and what nobody was paid by."""
    ground = Ground(money)
    await ground.bets(single("B1", "ann"), single("B2", "bob", "O2"), single("B3", "cem", market="M2"))
    await ground.say(said("M1", 1, "cancelled", from_ms=1, to_ms=2))
    await ground.say(said("M1", 2, x={"O1": WON}))
    await ground.say(said("M1", 3, x={"O1": WON, "O2": LOST}))
    await ground.recorder.record([said("M2", 1)])
    await ground.say(said("M2", 2, x=OTHER))
    assert [await ground.told(bet) for bet in ("B1", "B2", "B3")] == [("won", 2000, 1), ("lost", 0, 1), ("lost", 0, 1)]
    assert await jobs(ground) == []


async def test_what_is_held_goes_only_into_force_or_is_refused(money: Database) -> None:
    ground = await settled(money, ASKS)
    await ground.recorder.record([said("M1", 20, x=OTHER)])
    for statement in ("DELETE FROM settlement.held", "UPDATE settlement.held SET ts = 1", "TRUNCATE settlement.held"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await money.execute(statement)


async def test_winnings_pay_what_is_owed_where_the_policy_says_so(money: Database) -> None:
    for place, offset, purse in (("US-XA", True, (2_000 - 1_000, 0, 0)), ("US-XB", False, (2_000, 0, -1_000))):
        user, market = f"u-{place}", f"M-{place}"
        ground = Ground(money, among=policies(Policy(place, "full", "t", 72, jurisdiction=place, offset=offset)))
        await ground.bets(single(f"A-{place}", user, market=market), single(f"B-{place}", user, market="N" + market))
        await money.execute("UPDATE bets.bet SET location = jsonb_build_object('jurisdiction', $1::text)", place)
        await ground.say(said(market, 1))
        await ground.spend(user, 9_000)
        await ground.say(said(market, 2, x=OTHER))
        await service(ground).approve((await service(ground).jobs(state="computed"))[0].correction, by="sam")
        await ground.settle()
        assert await ground.purse(user) == (0, 1_000, -1_000)
        await ground.say(said("N" + market, 1))
        assert (await ground.purse(user)) == purse
