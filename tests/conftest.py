"""Fixtures every test may use. A real nats-server for those that need one: JetStream in a directory of their own."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer

ADMISSION_LAG_MS = 60_000
"""Shards of tests take devices however late they are, but where that is the test: machines that run tests are busy."""


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell that starts us in the background has SIGINT ignored, here and in all that tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def patient_shards() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ODDSWIRE_FANOUT_ADMISSION_LAG_MS", str(ADMISSION_LAG_MS))
        yield


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(data_dir=tmp_path / "nats") as server:
        yield server


@pytest.fixture
async def connection(nats_server: NatsServer) -> AsyncIterator[Connection]:
    async with Connection(nats_server.url, name="test") as connection:
        yield connection
