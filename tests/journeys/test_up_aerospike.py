"""`oddswire up` whose parts agree on a real Aerospike: registry and leases stand there, and its death stops no odds."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

from fanout.contract.fleet import SHARDS
from feeds.adapters.aerospike_server import AerospikeServer
from feeds.contract.coordination import Conflict
from feeds.contract.coordination_address import parse_coordination
from tests.journeys.stack_process import ODDSWIRE, stack
from tests.ports.backends import needs_asd, opened

pytestmark = [pytest.mark.journey, needs_asd]


async def said(home: Path, *command: str) -> str:
    run = partial(subprocess.run, cwd=home, capture_output=True, text=True, check=True, timeout=60)
    done: subprocess.CompletedProcess[str] = await asyncio.to_thread(run, [ODDSWIRE, *command])
    return done.stdout.strip()


async def test_registry_and_leases_are_where_it_was_told_and_odds_do_without(port: int, home: Path) -> None:
    options = ("--events", "6", "--rate", "50", "--ingestors", "2", "--parts", "nats,feeds,fanout", "--port", str(port))
    async with AerospikeServer(directory=home / ".oddswire-asd") as server:
        where = f"{server.url}/laptop"
        with stack(*options, "--coordination", where, cwd=home) as up:
            up.until("ready in")
            async with opened(parse_coordination(where)) as coordination:
                with pytest.raises(Conflict, match="held by"):
                    await coordination.lease("feed/simulator", "another", ttl_s=2)
                async with asyncio.timeout(20):
                    while len(await coordination.scan(SHARDS)) < 2:  # noqa: ASYNC110 a server tells nobody
                        await asyncio.sleep(0.1)
            listed = json.loads(await said(home, "fanout", "shards", "--json"))
            assert {shard["name"] for shard in listed} == {"fanout-1", "fanout-2"}
            await server.kill()
            assert await said(home, "watch", "football", "--json", "--for", "4")
            assert up.end(signal.SIGTERM) == 0
            assert up.processes() == []
