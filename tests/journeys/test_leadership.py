"""Leaders killed and frozen under load: another leads within seconds, and nothing they leave behind does harm."""

from __future__ import annotations

import random

import pytest

from feeds.adapters.server import NatsServer
from tests.journeys.ingestors import rounds, staged

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
