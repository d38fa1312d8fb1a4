"""A line to PostgreSQL that acknowledges and never answers: nobody is told a guess, and the key tells in the end."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from bench.faults.plan import Faults
from bench.faults.proxy import FaultProxy
from gateway.money.settings import MoneySettings
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import PATIENCE_S, SLOTS, Worker, a_key, counts, fund, one_postgres, until

pytestmark = one_postgres

STATEMENT_S = 0.7
SILENT = Faults(drop_answers=1.0, half_open=1.0, hold_s=PATIENCE_S)
"""Standing connections are not answered any more, new ones never are."""


def through(settings: DatabaseSettings, proxy: FaultProxy) -> DatabaseSettings:
    """The same database by way of the proxy, with little patience."""
    url = settings.url.get_secret_value()
    patience = {"connections": SLOTS, "statement_timeout_s": STATEMENT_S, "connect_timeout_s": STATEMENT_S}
    return settings.model_copy(
        update={"url": SecretStr(url.replace(f":{port_of(settings)}/", f":{proxy.port}/")), **patience}
    )


def port_of(settings: DatabaseSettings) -> int:
    """Where the server listens."""
    return int(settings.url.get_secret_value().partition("@")[2].partition(":")[2].partition("/")[0])


LATE = Faults(bytes_per_s=64, drop_answers=1.0, half_open=1.0, hold_s=PATIENCE_S)
"""Likewise, and what was asked before arrives long after, if at all."""


@pytest.mark.parametrize("faults", [SILENT, LATE], ids=["it was placed", "it arrives late"])
async def test_a_line_that_never_answers_is_told_as_unknown_and_resolves_on_the_new_one(
    faults: Faults, money: Database, settings: DatabaseSettings
) -> None:
    await fund(money, "u1", 100_000)
    limits = MoneySettings().server_settings
    async with (
        FaultProxy(("127.0.0.1", port_of(settings)), Faults(), seed=9) as proxy,
        open_database(through(settings, proxy), limits, stateless=True) as line,
    ):
        worker = Worker(line, answer_s_max=0.2)
        async with worker.client:
            assert (await worker.get("/v1/wallet"))["cash"] == "1000.00", "the connection stands"
            proxy.become(faults)
            key = a_key()
            said = await worker.place(key=key)
            assert (said.status_code, said.headers["location"]) == (202, f"/v1/bets/by-key/{key}")
            looked = await worker.client.get(said.headers["location"], headers={"x-account": "u1"})
            assert (looked.status_code, looked.json()["state"]) == (202, "unknown")
            await until(lambda: asked_in_vain(proxy))
            assert worker.service.once.running("u1", key)
            proxy.become(Faults())  # who connects now reaches the new writer
            await until(lambda: ended(worker, key))
            assert (await worker.get(f"/v1/bets/by-key/{key}"))["state"] == "accepted"
            again = await worker.place(key=key)
            assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert (await counts(money))["bets"] == 1


async def asked_in_vain(proxy: FaultProxy) -> bool:
    """Whether a connection was begun that nobody answers."""
    return proxy.counters.half_open > 0


async def ended(worker: Worker, key: str) -> bool:
    """Whether the work of a key is over."""
    return not worker.service.once.running("u1", key)
