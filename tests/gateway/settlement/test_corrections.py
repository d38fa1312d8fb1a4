"""Corrections as a job, over a real PostgreSQL: who may, what is frozen, what moves, what is told, and what is left
where one stops."""

from __future__ import annotations

import asyncpg
import orjson
import pytest

from feeds.contract.errors import Refused
from gateway.money import journals
from gateway.money.tables import LedgerTables, Movement
from gateway.settlement.corrections.policy import Policy
from gateway.settlement.corrections.service import Corrections
from gateway.store.pool import Database
from tests.gateway.bets.worker import one_postgres
from tests.gateway.settlement.correcting import corrections, finish, policies, run, says, utc_now
from tests.gateway.settlement.ground import Ground, parlay, single
from tests.gateway.settlement.results import LOST, WON, result, said

pytestmark = one_postgres

TS = 1_000
OTHER = {"O1": LOST, "O2": WON}
"""The result that was meant."""


@pytest.fixture
async def ground(money: Database) -> Ground:
    """Ann and Bob bet on one side of M1, Cem on the other, Dia on a parlay of M1 and M2; M1 is settled, O1 won."""
    made = Ground(money)
    await made.bets(
        single("B1", "ann"),
        single("B2", "bob"),
        single("B3", "cem", "O2"),
        parlay("B4", "dia", "M1", "M2"),
        single("B5", "ann"),
    )
    await made.say(said("M1", TS))
    return made


async def notices(database: Database) -> dict[str, list[dict[str, object]]]:
    rows = await database.fetch("SELECT owner, data FROM money.outbox WHERE kind = 'bet_corrected' ORDER BY position")
    found: dict[str, list[dict[str, object]]] = {}
    for owner, data in rows:
        found.setdefault(owner, []).append(orjson.loads(data))
    return found


async def test_a_correction_moves_each_balance_once_and_says_why(ground: Ground) -> None:
    database = ground.database
    service = corrections(database)
    assert [await ground.purse(who) for who in ("ann", "bob", "cem", "dia")] == [
        (12_000, 0, 0), (11_000, 0, 0), (9_000, 0, 0), (9_000, 1_000, 0)
    ]  # fmt: skip
    job = await run(service, result("M1", 0, x=OTHER), reason="two points were counted twice")
    assert (job.state, job.fault) == ("done", None)
    assert [await ground.purse(who) for who in ("ann", "bob", "cem", "dia")] == [
        (8_000, 0, 0), (9_000, 0, 0), (11_000, 0, 0), (9_000, 0, 0)
    ]  # fmt: skip
    assert [await ground.told(bet) for bet in ("B1", "B3", "B4")] == [
        ("lost", 0, 2), ("won", 2_000, 2), ("lost", 0, 1)
    ]  # fmt: skip
    totals = orjson.loads(job.totals or "")
    assert totals["by_currency"] == {
        "USD": {"bets": 5, "users": 4, "credits": 2_000, "debits": 6_000, "waived": 0}
    }  # fmt: skip
    told = await notices(database)
    assert {owner: len(said) for owner, said in told.items()} == {"ann": 1, "bob": 1, "cem": 1, "dia": 1}
    ((ann,), (cem,)) = told["ann"], told["cem"]
    assert (ann["correction"], ann["reason"]) == (job.correction, "two points were counted twice")
    assert (ann["amount"], ann["cash_before"], ann["cash_after"]) == (-4_000, 12_000, 8_000)
    assert (ann["dispute"], ann["more"]) == ("/v1/bets/B1/history", 0)
    assert cem["bets"] == [
        {"bet": "B3", "revision": 2, "state_before": "lost", "payout_before": 0, "state": "won", "payout": 2_000}
    ]
    assert not await database.fetch("SELECT FROM bets.bet WHERE under_review")
    await ground.settle()
    assert (await ground.state())["work"] == []
    assert [deed.what for deed in (await service.show(job.correction)).deeds] == [
        "drafted", "computed", "approved", "applying", "done"
    ]  # fmt: skip


async def test_credits_come_first(ground: Ground) -> None:
    service = corrections(ground.database, batch_bets=1)
    name = await service.draft(says(result("M1", 0, x=OTHER)), reason="r", by="jo")
    await service.impact(name, by="jo")
    rows = await ground.database.fetch("SELECT owner FROM correction.owner WHERE correction = $1 ORDER BY place", name)
    assert [owner for (owner,) in rows] == ["cem", "dia", "ann", "bob"]


async def test_undone_is_as_before(ground: Ground) -> None:
    """R2, R3: and undone again, as after the first."""
    service = corrections(ground.database)
    before = await ground.state()
    job = await run(service, result("M1", 0, x=OTHER))
    after = await ground.state()
    back = await finish(service, await service.undo(job.correction, by="jo", reason="it was right"))
    assert (back.state, back.undoes) == ("done", job.correction)
    await ground.settle()
    assert await ground.state() == before
    again = await finish(service, await service.undo(back.correction, by="jo", reason="it was not"))
    assert again.state == "done"
    assert (await ground.state())["accounts"] == after["accounts"]
    assert {owner: len(said) for owner, said in (await notices(ground.database)).items()} == {
        "ann": 3, "bob": 3, "cem": 3, "dia": 3
    }  # fmt: skip


@pytest.mark.parametrize("shortfall", ["owed", "waived"])
async def test_who_withdrew_never_goes_below_zero(ground: Ground, shortfall: str) -> None:
    """R8: what is not there is owed, or the house's; given back, both are nothing."""
    await _withdraw(ground.database, "ann", 11_500)
    policy = Policy("p", "full", "t", 1_000_000, shortfall=shortfall, jurisdiction="none")  # type: ignore[arg-type]
    service = corrections(ground.database, among=policies(policy))
    job = await run(service, result("M1", 0, x=OTHER))
    assert await ground.purse("ann") == (0, 0, -3_500 if shortfall == "owed" else 0)
    ((ann,),) = [(await notices(ground.database))["ann"]]
    assert ann["waived"] == (0 if shortfall == "owed" else 3_500)
    await finish(service, await service.undo(job.correction, by="jo", reason="r"))
    assert await ground.purse("ann") == (500, 0, 0)


async def test_credit_only_takes_nothing(ground: Ground) -> None:
    policy = Policy("p", "credit_only", "t", 72, types=("spread",))
    await run(corrections(ground.database, among=policies(policy)), result("M1", 0, x=OTHER))
    assert [(await ground.purse(who))[0] for who in ("ann", "cem")] == [12_000, 11_000]


async def test_the_excluded_are_paid_and_told(ground: Ground) -> None:
    await ground.database.execute("INSERT INTO protection.exclusion VALUES ('cem', 'self_exclusion', now(), NULL)")
    await run(corrections(ground.database), result("M1", 0, x=OTHER))
    assert (await ground.purse("cem"))[0] == 11_000
    assert len((await notices(ground.database))["cem"]) == 1


async def test_a_second_person_approves(ground: Ground) -> None:
    """Said by the service, and enforced in the database."""
    service = corrections(ground.database)
    name = await service.draft(says(result("M1", 0, x=OTHER)), reason="r", by="jo")
    await service.impact(name, by="jo")
    with pytest.raises(Refused, match="somebody else"):
        await service.approve(name, by="jo")
    with pytest.raises(asyncpg.CheckViolationError, match="job_approved_by_another"):
        await ground.database.execute(
            "UPDATE correction.job SET state = 'approved', approver = 'jo', approved = now() WHERE correction = $1",
            name,
        )
    job = await service.approve(name, by="sam", digest=((await service.show(name)).job.hash or "")[:12])
    assert (job.state, job.approver) == ("approved", "sam")


async def test_a_little_one_needs_nobody_else(ground: Ground) -> None:
    service = corrections(ground.database, approve_above=8_000)
    name = await service.draft(says(result("M1", 0, x=OTHER)), reason="r", by="jo")
    await service.impact(name, by="jo")
    assert (await service.approve(name, by="jo")).state == "approved"


@pytest.mark.parametrize(("mode", "code"), [("approval_required", "second_person"), ("frozen", "policy_frozen")])
async def test_policies_that_stop_a_job(ground: Ground, mode: str, code: str) -> None:
    policy = Policy("p", mode, "t", 72, types=("spread",))  # type: ignore[arg-type]
    service = corrections(ground.database, among=policies(policy), approve_above=10**9)
    name = await service.draft(says(result("M1", 0, x=OTHER)), reason="r", by="jo")
    await service.impact(name, by="jo")
    with pytest.raises(Refused) as refused:
        await service.approve(name, by="jo")
    assert refused.value.code == code


async def test_a_dry_run_keeps_nothing(ground: Ground) -> None:
    service = corrections(ground.database)
    name = await service.draft(says(result("M1", 0, x=OTHER)), reason="r", by="jo")
    dry = await service.impact(name, by="jo", dry=True)
    assert not await ground.database.fetch("SELECT FROM correction.bet")
    assert (await service.show(name)).job.state == "drafted"
    assert (await service.impact(name, by="jo")).hash == dry.hash


async def test_what_changed_meanwhile_is_computed_anew(ground: Ground) -> None:
    service = corrections(ground.database)
    name = await service.draft(says(result("M1", 0, x=OTHER)), reason="r", by="jo")
    await service.impact(name, by="jo")
    await service.approve(name, by="sam")
    await ground.say(said("M2", TS, x=OTHER))
    with pytest.raises(Refused) as refused:
        await service.apply(name, by="jo")
    assert refused.value.code == "impact_stale"
    assert (await service.show(name)).job.state == "drafted"
    assert not await ground.database.fetch("SELECT FROM bets.bet WHERE under_review")
    assert (await finish(service, name)).state == "done"
    assert (await ground.purse("cem"))[0] == 11_000


async def step(service: Corrections, name: str, steps: int) -> None:
    for _ in range(steps):
        await service._step(name, "jo")


async def test_settlers_leave_alone_what_is_under_review(ground: Ground) -> None:
    """The parlay's other leg is decided while the correction runs: its bet is settled once, by the correction."""
    service = corrections(ground.database, batch_bets=1)
    name = await service.draft(says(result("M1", 0, x=OTHER)), reason="r", by="jo")
    await service.impact(name, by="jo")
    await service.approve(name, by="sam")
    await step(service, name, 5)
    assert len(await ground.database.fetch("SELECT FROM bets.told WHERE state = 'under_review'")) == 5
    await ground.say(said("M2", TS))
    assert await ground.told("B4") == ("accepted", None, 0)
    assert (await service.apply(name, by="jo")).state == "done"
    await ground.database.execute("UPDATE settlement.work SET due = now()")
    await ground.settle()
    assert await ground.told("B4") == ("lost", 0, 1)
    assert (await ground.state())["work"] == []


async def test_aborted_before_anything_moved(ground: Ground) -> None:
    service = corrections(ground.database, batch_bets=2)
    before = await ground.state()
    name = await service.draft(says(result("M1", 0, x=OTHER)), reason="r", by="jo")
    await service.impact(name, by="jo")
    await service.approve(name, by="sam")
    await step(service, name, 2)
    assert await service.abort(name, by="sam", reason="not sure") is None
    assert not await ground.database.fetch("SELECT FROM bets.bet WHERE under_review")
    assert await ground.state() == before
    with pytest.raises(Refused, match="aborted"):
        await service.apply(name, by="jo")
    assert (await run(service, result("M1", 0, x=OTHER))).state == "done"


async def test_aborted_half_way_leaves_the_way_back(ground: Ground) -> None:
    service = corrections(ground.database, batch_bets=1)
    before = await ground.state()
    name = await service.draft(says(result("M1", 0, x=OTHER)), reason="r", by="jo")
    await service.impact(name, by="jo")
    await service.approve(name, by="sam")
    while (await service.show(name)).progress.users_done < 2:
        await service._step(name, "jo")
    back = await service.abort(name, by="jo", reason="wrong market")
    assert back is not None
    assert not await ground.database.fetch("SELECT FROM bets.bet WHERE under_review")
    await ground.settle()
    assert await ground.state() != before
    with pytest.raises(Refused, match="no other"):
        await service.abort(back, by="jo", reason="r")
    job = await finish(service, back)
    assert orjson.loads(job.totals or "")["bets"] == 2
    await ground.settle()
    assert await ground.state() == before


async def test_a_market_has_one_correction_at_a_time(ground: Ground) -> None:
    service = corrections(ground.database)
    name = await service.draft(says(result("M1", 0, x=OTHER)), reason="r", by="jo")
    with pytest.raises(Refused) as refused:
        await service.draft(says(result("M1", 0, x=OTHER)), reason="again", by="jo")
    assert refused.value.code == "market_under_correction"
    await service.abort(name, by="jo", reason="r")
    assert await service.draft(says(result("M1", 0, x=OTHER)), reason="again", by="jo")


async def test_what_is_frozen_stays(ground: Ground) -> None:
    service = corrections(ground.database)
    job = await run(service, result("M1", 0, x=OTHER))
    for sql in (
        "UPDATE correction.bet SET amount = 0, waived = -delta",
        "DELETE FROM correction.bet",
        "DELETE FROM correction.owner",
        "UPDATE correction.owner SET done = now()",
        "UPDATE correction.job SET reason = 'another'",
        "UPDATE correction.job SET totals = '{}'",
        "DELETE FROM correction.job",
        "DELETE FROM correction.deed",
    ):
        with pytest.raises(asyncpg.PostgresError):
            await ground.database.execute(sql)
    with pytest.raises(asyncpg.CheckViolationError):
        await ground.database.execute(
            "UPDATE correction.job SET state = 'drafted' WHERE correction = $1", job.correction
        )


async def test_what_cannot_be_drafted(ground: Ground) -> None:
    service = corrections(ground.database)
    bad = result("M1", 0, x={})
    for drafted, reason in (([], "r"), ([bad], "r"), ([result("M1", 0, certainty=1)], "r"), ([result("M1", 0)], " ")):
        with pytest.raises(Refused):
            await service.draft(says(*drafted), reason=reason, by="jo")
    assert await service.jobs() == []


async def _withdraw(database: Database, owner: str, cents: int) -> None:
    """Money leaves, as the cashier moves it."""
    key = f"withdrawal-{owner}-{cents:08d}"
    movement = Movement(
        owner=owner, key=key, fingerprint=b"w" * 32, verb="withdrawal", currency="USD", amount=cents,
        source_key=f"withdrawal/{key}", at=utc_now(), lines=journals.withdrawal(cents), answer=b"{}",
    )  # fmt: skip
    assert (await LedgerTables(database).move(movement)).code == "done"
