"""Wires the settler and runs it: here settlement meets NATS and the database."""

from __future__ import annotations

import asyncio
import os
import secrets
from datetime import UTC, datetime, timedelta

from feeds.adapters import probes, process
from feeds.adapters.nats.connection import Connection
from feeds.adapters.nats.results import JetStreamResults
from feeds.contract.settings import BusSettings
from gateway.money.settings import MoneySettings
from gateway.settlement.corrections.opening import corrections_over, patient_database
from gateway.settlement.corrections.policy import policies_in
from gateway.settlement.corrections.provided import Provided
from gateway.settlement.corrections.settings import CorrectionSettings
from gateway.settlement.metrics import SettlementMetrics
from gateway.settlement.offsetting import Offsetting
from gateway.settlement.reading import ResultReader
from gateway.settlement.recording import Recorder
from gateway.settlement.settings import SettlementSettings
from gateway.settlement.settling import Settler
from gateway.settlement.watching import Forgetting, watch
from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings
from gateway.store.waiting import until_migrated

_BESIDE_WORKERS = 3
"""Connections for reading results, for looking at the backlog, and for forgetting."""


async def settle(
    bus: BusSettings, database: DatabaseSettings, money: MoneySettings, settings: SettlementSettings
) -> int:
    """Settles until SIGTERM or SIGINT. Raises MigrationRefused. Gives the exit status."""
    metrics, readiness = SettlementMetrics(), probes.Readiness(probes.DATABASE, probes.LOG, probes.WORK)
    async with probes.answering(settings.metrics_host, settings.metrics_port, metrics.registry, readiness):
        await process.until_ended(_work(bus, database, money, settings, metrics=metrics, readiness=readiness))
    return 0


async def _work(
    bus: BusSettings,
    database: DatabaseSettings,
    money: MoneySettings,
    settings: SettlementSettings,
    *,
    metrics: SettlementMetrics,
    readiness: probes.Readiness,
) -> None:
    correcting = CorrectionSettings()
    await until_migrated(database)
    readiness.has(probes.DATABASE)
    limited = database.model_copy(update={"connections": settings.workers + _BESIDE_WORKERS})
    async with (
        open_database(limited, money.server_settings, stateless=True) as pool,
        patient_database(database, correcting) as patient,
        Connection(bus.nats_url, name="settler") as connection,
    ):
        readiness.follow(connection)
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        policies = policies_in(correcting.policies)
        offsetting = Offsetting(policies, correcting.operator, _now)
        settlers = [
            Settler(pool, name=f"{name}-{number}", settings=settings, metrics=metrics, now=_now, offsetting=offsetting)
            for number in range(settings.workers)
        ]
        service = corrections_over(patient, correcting, _now)
        provided = Provided(patient, service, gather_s=correcting.gather_s, metrics=metrics, now=_now)
        reader = ResultReader(
            JetStreamResults(connection, bus=bus, ack_wait_s=settings.redeliver_s),
            Recorder(pool, _now),
            pool,
            most=settings.record_results,
            metrics=metrics,
            recorded=lambda: _wake(settlers),
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(connection.ended())
            group.create_task(reader.run())
            group.create_task(provided.run())
            group.create_task(watch(pool, metrics, _now))
            group.create_task(Forgetting(pool, timedelta(days=settings.keep_unbet_days), _now).run())
            for settler in settlers:
                group.create_task(settler.run())
            readiness.has(probes.WORK)
            print("settler ready", flush=True)


def _wake(settlers: list[Settler]) -> None:
    for settler in settlers:
        settler.wake.set()


def _now() -> datetime:
    return datetime.now(UTC)
