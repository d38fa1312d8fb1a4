"""One key, one bet: twenty at once over two workers, Coordination there, slow, away and forgetful; and unknown ends."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import orjson
import pytest

from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.contract.coordination import Claim, Coordination, Unavailable
from gateway.money.claims import TIMEOUT_S
from gateway.store.pool import Database
from tests.fanout.serving import spread
from tests.gateway.bets.worker import Worker, a_key, counts, fund, one_postgres, until, waits_for_a_lock

pytestmark = one_postgres


@asynccontextmanager
async def two_workers(
    money: Database, *coordinations: Coordination | None, **settings: Any
) -> AsyncIterator[list[Worker]]:
    async with AsyncExitStack() as stack:
        workers = [Worker(money, coordination=each, **settings) for each in coordinations]
        for worker in workers:
            await stack.enter_async_context(worker.client)
            stack.push_async_callback(worker.service.once.finish)
        await fund(money, "u1", 100_000)
        yield workers


async def all_wait(money: Database, number: int) -> bool:
    waiting = await money.row("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return waiting is not None and waiting[0] == number


def shared() -> tuple[Coordination | None, Coordination | None]:
    both = MemoryCoordination()
    return both, both


def away() -> tuple[Coordination | None, Coordination | None]:
    gone = MemoryCoordination()
    gone.away = True
    return gone, None


def slow() -> tuple[Coordination | None, Coordination | None]:
    """Slower than a bet waits for it."""
    both = MemoryCoordination()
    both.slow_s = 4 * TIMEOUT_S
    return both, both


def forgetful() -> tuple[Coordination | None, Coordination | None]:
    return MemoryCoordination(), MemoryCoordination()


@pytest.mark.parametrize("coordinations", [shared, slow, away, forgetful])
async def test_twenty_at_once_over_two_workers_are_one_bet(coordinations: Any, money: Database) -> None:
    async with two_workers(money, *coordinations()) as workers:
        key, body = a_key(), workers[0].bet()
        said = await asyncio.gather(*(workers[n % 2].place(body, key=key) for n in range(20)))
        assert {one.status_code for one in said} == {201}
        assert len({one.content for one in said}) == 1
        assert Counter(one.headers.get("idempotency-replayed") for one in said) == {None: 1, "true": 19}
        assert (await counts(money))["bets"] == 1
        assert (await workers[1].get("/v1/wallet"))["cash"] == "990.00"


async def test_another_meaning_under_a_key_has_no_effect(money: Database) -> None:
    async with two_workers(money, *shared()) as workers:
        key = a_key()
        bodies = [workers[0].bet(stake="10.00"), workers[0].bet(stake="11.00")]
        said = await asyncio.gather(*(workers[n % 2].place(bodies[n // 2 % 2], key=key) for n in range(8)))
        by_status = Counter(one.status_code for one in said)
        assert by_status == {201: 4, 422: 4}
        assert {one.json()["code"] for one in said if one.status_code == 422} == {"key_reused"}
        deposit = await workers[1].post("/v1/wallet/deposits", {"amount": "5.00", "currency": "USD"}, key=key)
        assert deposit.json()["code"] == "key_reused"
        assert (await counts(money))["bets"] == 1


async def test_what_does_not_belong_to_the_meaning_changes_nothing(worker: Worker) -> None:
    await worker.deposit()
    key, body = a_key(), worker.bet()
    first = await worker.place(body, key=key)
    body |= {"geo": "another", "cursor": None, "confirm_duplicate": True, "unknown": [1]}
    body["legs"][0]["s"] = 1
    again = await worker.place(body, key=key)
    assert (again.status_code, again.content) == (201, first.content)


async def test_a_second_tap_asks(money: Database) -> None:
    async with two_workers(money, None, None, duplicate_s=60) as workers:
        said = await asyncio.gather(*(worker.place() for worker in workers))
        assert sorted(one.status_code for one in said) == [201, 409]
        refused = next(one for one in said if one.status_code == 409)
        assert refused.json()["code"] == "possible_duplicate"
        key = a_key()
        assert (await workers[0].place(key=key)).status_code == 409
        assert (await workers[0].place(workers[0].bet(confirm_duplicate=True), key=key)).status_code == 201
        assert (await workers[0].place(workers[0].bet(stake="10.01"))).status_code == 201
        assert (await workers[0].place(account="u2")).json()["code"] == "insufficient_funds"


async def test_a_key_that_is_given_up_never_bets(money: Database) -> None:
    async with two_workers(money, *shared()) as workers:
        key = a_key()
        for worker in workers:
            said = await worker.client.post(f"/v1/bets/by-key/{key}/resolve", headers={"x-account": "u1"})
            assert said.json() == {"key": key, "state": "tombstoned"}
            assert (await worker.place(key=key)).json()["code"] == "key_tombstoned"
            looked = await worker.client.get(f"/v1/bets/by-key/{key}", headers={"x-account": "u1"})
            assert looked.status_code == 410
        assert (await workers[0].place(key=key, account="u2")).json()["code"] == "insufficient_funds"
        assert (await counts(money))["bets"] == 0


async def test_resolving_and_placing_at_once_end_in_one_answer(money: Database) -> None:
    async with two_workers(money, None, None, running_max=100) as workers:
        keys = [a_key() for _ in range(20)]
        bodies = [workers[0].bet(stake=f"1.{n:02d}") for n in range(20)]
        placed, resolved = await asyncio.gather(
            asyncio.gather(*(workers[0].place(body, key=key) for body, key in zip(bodies, keys))),
            asyncio.gather(
                *(workers[1].client.post(f"/v1/bets/by-key/{key}/resolve", headers={"x-account": "u1"}) for key in keys)
            ),
        )
        for bet, answer in zip(placed, resolved):
            assert (bet.status_code, answer.json()["state"]) in ((201, "accepted"), (410, "tombstoned"))
        assert (await counts(money))["bets"] == sum(bet.status_code == 201 for bet in placed)


async def test_a_device_that_goes_away_cancels_nothing_and_finds_its_bet(worker: Worker, money: Database) -> None:
    await worker.deposit()
    key = a_key()
    async with money.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM money.wallet FOR UPDATE")
        asking = asyncio.create_task(worker.place(key=key))
        await until(lambda: waits_for_a_lock(money))
        running = await worker.client.get(f"/v1/bets/by-key/{key}", headers={"x-account": "u1"})
        assert (running.status_code, running.json()["state"]) == (202, "unknown")
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await worker.service.once.finish()
    assert (await worker.get(f"/v1/bets/by-key/{key}"))["state"] == "accepted"


async def test_a_timeout_is_told_where_the_answer_will_be(money: Database) -> None:
    async with two_workers(money, None, answer_s_max=0.2) as [worker]:
        key = a_key()
        async with money.connection() as connection, connection.transaction():
            await connection.execute("SELECT FROM money.wallet FOR UPDATE")
            said = await worker.place(key=key)
            assert said.status_code == 202
            assert said.json() == {"key": key, "state": "unknown", "url": f"/v1/bets/by-key/{key}"}
            assert said.headers["location"] == said.json()["url"]
            assert said.headers["retry-after"] == "1"
        await worker.service.once.finish()
        assert (await worker.get(said.json()["url"]))["state"] == "accepted"


async def test_answers_that_are_no_longer_kept_are_made_from_the_bet(worker: Worker, money: Database) -> None:
    await worker.deposit()
    key = a_key()
    first = await worker.place(key=key)
    deposited = a_key()
    await worker.post("/v1/wallet/deposits", {"amount": "5.00", "currency": "USD"}, key=deposited)
    assert await worker.service.ledger.forget_answers(worker.service.placing.now(), limit=10) == 3
    worker.service.finals._held.clear()
    again = await worker.place(key=key)
    assert (again.status_code, again.json()) == (201, first.json())
    said = await worker.post("/v1/wallet/deposits", {"amount": "5.00", "currency": "USD"}, key=deposited)
    assert said.json()["kind"] == "deposit"
    assert (await worker.get(f"/v1/bets/by-key/{deposited}"))["kind"] == "deposit"
    assert (await worker.place(worker.bet(stake="11.00"), key=key)).status_code == 422


async def test_a_refusal_is_not_told_of_a_key_that_has_bet(money: Database) -> None:
    async with two_workers(money, None, None) as workers:
        key, body = a_key(), workers[0].bet()
        first = await workers[0].place(body, key=key)
        body["legs"][0]["market"] = "gone-by-now"
        assert (await workers[1].place(body, key=key)).status_code == 422
        body["legs"][0]["market"] = "M2"
        workers[1].show(spread("M2", event_id="E2", live=False, st="suspended"))
        again = await workers[1].place(body, key=key)
        assert (again.status_code, again.content) == (201, first.content)


async def test_an_account_has_its_share(money: Database) -> None:
    async with two_workers(money, None, rate_per_s=0.001, rate_burst=2, duplicate_s=0) as [worker]:
        statuses = [(await worker.place()).status_code for _ in range(3)]
        assert statuses == [201, 201, 429]
        assert (await worker.place(account="u2")).status_code == 409


async def test_four_of_an_account_run_at_once(money: Database) -> None:
    async with two_workers(money, None, duplicate_s=0) as [worker]:
        async with money.connection() as connection, connection.transaction():
            await connection.execute("SELECT FROM money.wallet FOR UPDATE")
            asking = [asyncio.create_task(worker.place()) for _ in range(4)]
            await until(lambda: all_wait(money, 4))
            said = await worker.place()
            assert (said.status_code, said.headers["retry-after"]) == (429, "1")
        assert [one.status_code for one in await asyncio.gather(*asking)] == [201] * 4


MEANINGLESS = (b"", b"{", b'{"type":"\xff"}', b'{"type":"single"}', b'{"amount":"0","currency":"USD"}')
"""Bodies that cannot be read, or say nothing that could be done."""


@pytest.mark.parametrize("path", ["/v1/bets", "/v1/wallet/deposits"])
async def test_a_body_without_a_meaning_never_means_what_a_key_was_used_for(path: str, money: Database) -> None:
    """The key is looked up first (DOMAIN.md 1.2), wherever its answer is kept: and what means nothing means something
    else. Of a key that did nothing the shape is what is wrong, and it may still be used."""
    async with two_workers(money, *shared()) as workers:
        used, buried, unused = a_key(), a_key(), a_key()
        first = await workers[0].place(key=used)
        await workers[0].client.post(f"/v1/bets/by-key/{buried}/resolve", headers={"x-account": "u1"})
        here, elsewhere = workers
        for place in ("memory", "Coordination", "PostgreSQL"):
            for body in MEANINGLESS:
                said = [await worker.post(path, body, key=used) for worker in workers]
                assert {one.json()["code"] for one in said} == {"key_reused"}, (place, body)
                assert (await here.post(path, body, key=buried)).json()["code"] == "key_tombstoned"
                assert (await elsewhere.post(path, body, key=unused)).json()["code"] == "bad_body"
            here.service.finals._held.clear()
            if place == "Coordination":
                for worker in workers:
                    worker.service.claims._coordination = None
        again = await elsewhere.place(key=used)
        assert (again.status_code, again.content) == (201, first.content)
        assert (await here.place(key=unused, body=here.bet(stake="12.00"))).status_code == 201


async def test_the_same_bytes_to_another_address_are_another_meaning(worker: Worker) -> None:
    await worker.deposit()
    key, body = a_key(), orjson.dumps(worker.bet())
    assert (await worker.place(body, key=key)).status_code == 201
    for path in ("/v1/wallet/deposits", "/v1/wallet/withdrawals"):
        assert (await worker.post(path, body, key=key)).json()["code"] == "key_reused"
    key, body = a_key(), b'{"amount":"5.00","currency":"USD"}'
    assert (await worker.post("/v1/wallet/deposits", body, key=key)).status_code == 201
    assert (await worker.place(body, key=key)).json()["code"] == "key_reused"
    assert (await worker.post("/v1/wallet/withdrawals", body, key=key)).json()["code"] == "key_reused"


class Rarely(MemoryCoordination):
    """Does not take the first answers that it is offered."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 2

    async def claim(self, key: str, value: bytes, *, ttl_s: int) -> Claim:
        """See Coordination."""
        if key.startswith("bets/final") and self.refusals:
            self.refusals -= 1
            raise Unavailable("not now")
        return await super().claim(key, value, ttl_s=ttl_s)


async def test_an_answer_is_offered_to_coordination_until_it_has_it(money: Database) -> None:
    both = Rarely()
    async with two_workers(money, both, both) as [here, elsewhere]:
        for worker in (here, elsewhere):
            worker.service.claims._clock = partial(next, itertools.count(step=10.0))  # a pause is over at once
        key = a_key()
        first = await here.place(key=key)
        async with asyncio.timeout(10):
            while await elsewhere.service.claims.final("u1", key) is None:  # noqa: ASYNC110 it is another's
                await asyncio.sleep(0.01)
        passed = elsewhere.service.gate.passed
        again = await elsewhere.place(key=key)
        assert (again.status_code, again.content, both.refusals) == (201, first.content, 0)
        assert elsewhere.service.gate.passed == passed, "PostgreSQL was not asked"
