"""Slate -> UOF XML -> RabbitMQ -> the Sportradar feed -> NATS: whatever goes wrong, the lanes end as the source is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from feeds.adapters.server import NatsServer
from tests.bus import eventually
from tests.journeys.sportradar_line import UofLine, uof_line
from tests.rabbitmq import RabbitServer, installed

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(not installed(), reason="there is no rabbitmq-server: apt-get install rabbitmq-server"),
]

_WITHIN_S = 40.0


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[RabbitServer]:
    async with RabbitServer(data_dir=tmp_path / "rabbitmq") as server:
        yield server


async def _agreed(line: UofLine) -> None:
    """Until the lanes hold what the source says."""
    try:
        await eventually(line.agrees, within_s=_WITHIN_S)
    except TimeoutError:
        pytest.fail(f"{line.provider.healths} {line.provider.inner.tally.reasons} {line.difference()}")


async def test_every_fault_ends_with_the_lanes_as_the_source_is(nats_server: NatsServer, broker: RabbitServer) -> None:
    async with uof_line(nats_server, broker, now_ms=time.time_ns() // 1_000_000, game_ms=20_000) as line:
        await _agreed(line)
        assert line.provider.healths == ["recovering", "live"]
        for fault in ("duplicates 2", "reordering 2", "garbage 2", "rollback_first 2"):
            line.server.command(fault)
            for _ in range(20):
                line.play.advance(ms=500, updates=30)
            await _agreed(line)
        line.server.command("replay 3600")
        line.play.advance(ms=1000, updates=50)
        await _agreed(line)
        assert line.provider.results
        assert line.provider.inner.tally.refused > 0
