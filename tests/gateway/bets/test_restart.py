"""PostgreSQL dies and comes back while bets are placed: what was answered stands, what was not is found out."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.adapters.server import free_port
from gateway.money.audit import audit
from gateway.store.child import PostgresServer
from gateway.store.migrations import migrate
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import PATIENCE_S, Worker, a_key, counts, fund, money_pool, until
from tests.gateway.conftest import kinds

ACCOUNTS = 8
BETS_EACH = 4


@pytest.mark.timeout(240)
async def test_a_database_that_is_killed_under_bets_loses_none_and_doubles_none(tmp_path: Path) -> None:
    among = [kinds()[max(kinds())]]
    async with PostgresServer(directory=tmp_path / "pg", port=free_port(), among=among) as server:
        at = DatabaseSettings(url=SecretStr(server.url))
        await migrate(at)
        async with money_pool(at) as money:
            owners = [f"u{n}" for n in range(ACCOUNTS)]
            for owner in owners:
                await fund(money, owner, 100_000)
            both = MemoryCoordination()
            workers = [Worker(money, coordination=both, duplicate_s=0, answer_s_max=PATIENCE_S) for _ in range(2)]
            placed: dict[str, bytes] = {}
            statuses: set[int] = set()

            async def bets_of(owner: str) -> None:
                for number in range(BETS_EACH):
                    key = a_key()
                    while key not in placed:
                        said = await workers[number % 2].place(account=owner, key=key)
                        statuses.add(said.status_code)
                        if said.status_code == 201:
                            placed[key] = said.content
                        else:
                            await asyncio.sleep(0.05)

            async def have_placed(part: float) -> bool:
                return len(placed) >= part * ACCOUNTS * BETS_EACH

            async def kills() -> None:
                await until(partial(have_placed, 0.4))
                await server.restart()

            async with asyncio.timeout(3 * PATIENCE_S), asyncio.TaskGroup() as group:
                group.create_task(kills())
                for owner in owners:
                    group.create_task(bets_of(owner))
            assert statuses <= {201, 202, 503}
            rows = await counts(money)
            assert (rows["bets"], rows["holds"]) == (ACCOUNTS * BETS_EACH, ACCOUNTS * BETS_EACH)
            for worker in workers:
                worker.service.finals._held.clear()
                for key, body in placed.items():
                    found = await money.row("SELECT answer FROM money.key WHERE client_key = $1", key)
                    assert found is not None
                    assert found[0] == body
                await worker.service.once.finish()
                await worker.client.aclose()
            found_all = await audit(money, print)
            assert found_all.clean, found_all.differences
