"""Leaders killed and frozen under load: another leads within seconds, and nothing they leave behind does harm."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer
from tests.cluster import three_servers
from tests.journeys.ingestors import LANES, rounds, staged

pytestmark = pytest.mark.journey


async def test_leaders_are_replaced_and_come_back_as_standbys(nats_server: NatsServer) -> None:
    """Four takeovers among three processes, so at least one leads that had stood down before."""
    async with staged(nats_server.url) as stage:
        await rounds(stage, ["freeze", "kill", "thaw", "kill"], random.Random(11))
        assert stage.log.boards == stage.log.lanes
        await stage.quiet()


@pytest.mark.proof
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1])
async def test_fifty_rounds(nats_server: NatsServer, seed: int) -> None:
    rng = random.Random(seed)
    async with staged(nats_server.url) as stage:
        await rounds(stage, rng.choices(("kill", "freeze", "thaw"), k=50), rng)
        await stage.quiet()


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", ["server", "server, then leader", "both at once"])
async def test_three_servers_lose_the_leader_of_a_lane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """The lane goes on with the two that are left, whoever leads the feed."""
    monkeypatch.setenv("ODDSWIRE_LOG_REPLICAS", "3")
    rng = random.Random(5)
    async with (
        three_servers(tmp_path) as cluster,
        Connection(cluster.url, name="test") as connection,
        staged(cluster.url, exact=False) as stage,
    ):
        await stage.load(rng.randrange(200, 4_000))
        victim = await cluster.stream_leader(connection, rng.randrange(LANES))
        await victim.kill()
        if fault != "both at once":
            await stage.load(2_000)
            await stage.taken_over(None)
        if fault != "server":
            await stage.kill()
            stage.tell()
        await stage.load(4_000)
        assert len(stage.log.epochs) == 1
        await stage.quiet()
