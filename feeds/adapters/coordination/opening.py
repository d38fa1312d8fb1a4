"""The coordination that the settings name. The client of Aerospike is imported here alone, where it is chosen."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.adapters.coordination.nats_kv import NatsCoordination
from feeds.adapters.nats.connection import Connection
from feeds.contract.coordination import Coordination, Unavailable
from feeds.contract.coordination_address import parse_coordination
from feeds.contract.errors import Refused
from feeds.contract.settings import BusSettings

PREPARE_S = 8.0
"""A cluster that was reached has within this what coordination needs, which takes two seconds the first time."""


def check_coordination(bus: BusSettings) -> None:
    """Raises Refused where the chosen backend cannot be had here, before anything is connected."""
    if parse_coordination(bus.coordination).backend == "aerospike":
        _aerospike()


@asynccontextmanager
async def coordinating(
    bus: BusSettings, connection: Connection, *, reach_s: float | None = None
) -> AsyncIterator[Coordination]:
    """The coordination of this installation. `connection`: of the log, also where it is not open yet.

    Does not wait for a server: until one was reached, calls are Unavailable. With `reach_s`, as commands have it, it
    waits for a cluster for that long, then raises Unavailable. Raises Refused("no_aerospike").
    """
    address = parse_coordination(bus.coordination)
    match address.backend:
        case "memory":
            yield MemoryCoordination()
        case "nats":
            yield NatsCoordination(connection, replicas=bus.log_replicas)
        case "aerospike":
            async with _aerospike().AerospikeCoordination(address) as coordination:
                if reach_s is not None:
                    await _reach(coordination, bus.coordination, reach_s)
                yield coordination


def _aerospike() -> Any:
    try:
        return importlib.import_module("feeds.adapters.coordination.aerospike_kv")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("aerospike", "aerospike_helpers"):
            raise
        raise Refused(
            "no_aerospike", "coordination on Aerospike needs the package `aerospike`: pip install 'oddswire[aerospike]'"
        ) from error


async def _reach(coordination: Any, where: str, reach_s: float) -> None:
    try:
        async with asyncio.timeout(reach_s):
            await coordination.cluster.connected()
        async with asyncio.timeout(PREPARE_S):
            await coordination.cluster.ready()
    except TimeoutError:
        raise Unavailable(f"no node answers at {where}") from None
