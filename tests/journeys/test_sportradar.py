"""Slate -> UOF XML -> RabbitMQ -> the Sportradar feed -> NATS: whatever goes wrong, the lanes end as the source is."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aio_pika
import pytest

from feeds.adapters.server import NatsServer
from feeds.providers.simulator.serving.faults import FaultKind
from feeds.providers.sportradar.amqp import LineCut, open_line
from tests.bus import eventually
from tests.journeys.sportradar_line import UofLine, settings, uof_line
from tests.rabbitmq import PASSWORD, TOKEN, RabbitServer, installed

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(not installed(), reason="there is no rabbitmq-server: apt-get install rabbitmq-server"),
]

_WITHIN_S = 40.0
_FAULTS: tuple[FaultKind, ...] = ("duplicates", "reordering", "garbage", "rollback_first")


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


def _is_over(line: UofLine, fault: FaultKind) -> bool:
    return not line.server.suffers(fault)


async def test_every_fault_ends_with_the_lanes_as_the_source_is(nats_server: NatsServer, broker: RabbitServer) -> None:
    async with uof_line(nats_server, broker, now_ms=time.time_ns() // 1_000_000, game_ms=20_000) as line:
        await _agreed(line)
        assert line.provider.healths == ["recovering", "live"]
        for fault in _FAULTS:
            line.server.command(f"{fault} 1")
            for _ in range(20):
                line.play.advance(ms=500, updates=30)
            await eventually(partial(_is_over, line, fault))
            await _agreed(line)
        line.server.command("replay 3600")
        line.play.advance(ms=1000, updates=50)
        await _agreed(line)
        assert line.provider.results
        assert line.provider.inner.tally.refused > 0


async def test_a_lost_broker_and_a_silent_producer_are_recovered_from(
    nats_server: NatsServer, broker: RabbitServer
) -> None:
    async with uof_line(nats_server, broker, now_ms=time.time_ns() // 1_000_000) as line:
        healths = line.provider.healths
        await _agreed(line)
        await broker.kill()
        await eventually(lambda: healths[-1] == "down")
        line.play.advance(ms=5000, updates=200)
        await broker.start()
        await _agreed(line)
        assert healths == ["recovering", "live", "down", "recovering", "live"]
        line.server.command("silence 3")
        line.play.advance(ms=5000, updates=200)
        await eventually(lambda: healths[-1] == "down")
        line.play.advance(ms=5000, updates=200)
        await _agreed(line)
        assert healths[5:] == ["down", "recovering", "live"]
        assert len(line.server.requests) >= 3


async def test_the_commands_serve_and_run(nats_server: NatsServer, broker: RabbitServer) -> None:
    serving = ("serve", "sportradar", "--amqp", broker.url, "--events", "4", "--rate", "50")
    async with feeds(*serving) as server:
        said = await _line(server)
        assert said.startswith("serving sportradar on 127.0.0.1:")
        environment = {
            "ODDSWIRE_SPORTRADAR_TOKEN": TOKEN,
            "ODDSWIRE_SPORTRADAR_AMQP_PASSWORD": PASSWORD,
            "ODDSWIRE_SPORTRADAR_BOOKMAKER_ID": "7",
            "ODDSWIRE_SPORTRADAR_AMQP_HOST": "127.0.0.1",
            "ODDSWIRE_SPORTRADAR_AMQP_PORT": str(broker.port),
            "ODDSWIRE_SPORTRADAR_AMQP_TLS": "false",
            "ODDSWIRE_SPORTRADAR_API_URL": f"http://{said.rpartition(' ')[2]}",
            "ODDSWIRE_SPORTRADAR_RETRY_S": "0.2",
        }
        run = ("run", "--nats", nats_server.url, "--provider", "sportradar:1")
        async with feeds(*run, environment=environment) as client:
            assert await _line(client) == "feed sportradar-1 ready"
            assert server.stdin is not None
            server.stdin.write(b"nonsense\nduplicates 1\n")
            assert await _line(server) == "fault duplicates 1"
            await broker.kill()
            assert client.stderr is not None
            told = b""
            while b"line_cut" not in told:
                told += await asyncio.wait_for(client.stderr.readline(), 30)
            client.send_signal(signal.SIGTERM)
            told += await asyncio.wait_for(client.stderr.read(), 30)
            assert await client.wait() == 0
            assert TOKEN.encode() not in told
            assert PASSWORD.encode() not in told


async def test_an_encrypted_line_is_taken_only_from_whom_is_trusted(tmp_path: Path) -> None:
    async with RabbitServer(data_dir=tmp_path / "rabbitmq", tls=True) as broker:
        trusting = settings(
            broker,
            1,
            amqp_port=broker.tls_port,
            amqp_tls=True,
            amqp_ca_file=str(broker.certificate),
            exchange="amq.topic",
            routing_keys="hi.#, -.-.-.#",
        )
        async with open_line(trusting) as messages, await aio_pika.connect(broker.url) as publishing:
            exchange = await (await publishing.channel()).get_exchange("amq.topic")
            await exchange.publish(aio_pika.Message(b"<first/>"), "-.-.-.alive.-.-.-.-")
            await exchange.publish(aio_pika.Message(b"<second/>"), "hi.-.live.odds_change.1.sr:match.1.-")
            assert [await anext(messages), await anext(messages)] == [b"<first/>", b"<second/>"]
        distrusting = trusting.model_copy(update={"amqp_ca_file": ""})
        with pytest.raises(LineCut):
            async with open_line(distrusting):
                pytest.fail("its certificate is its own")
        careless = distrusting.model_copy(update={"amqp_tls_verify": False})
        async with open_line(careless):
            pass


@asynccontextmanager
async def feeds(*arguments: str, environment: dict[str, str] | None = None) -> AsyncIterator[Process]:
    """A command of `python -m feeds` that runs meanwhile."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "feeds",
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=2**20,
        env={**os.environ, **(environment or {})},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _line(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()
