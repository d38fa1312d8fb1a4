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
@pytest.mark.timeout(1200)
async def test_three_servers_lose_the_leader_of_a_lane_and_the_feed_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other and both at once; a server comes back before the next one goes."""
    monkeypatch.setenv("ODDSWIRE_LOG_REPLICAS", "3")
    rng = random.Random(5)
    async with (
        three_servers(tmp_path) as cluster,
        Connection(cluster.url, name="test") as connection,
        staged(cluster.url, exact=False) as stage,
    ):
        for number in range(9):
            await stage.load(rng.randrange(200, 4_000))
            victim = await cluster.stream_leader(connection, rng.randrange(LANES))
            if number % 3 != 1:
                await victim.kill()
            if number % 3 == 0:
                await stage.load(2_000)
            else:
                await stage.kill()
            if number % 3 != 1:
                await victim.start()
            await stage.taken_over(None)
        stage.tell()
        await stage.quiet()
