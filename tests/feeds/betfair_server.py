"""A live client and a simulated Exchange Stream between them, for tests: certificates, settings, the slate by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from feeds.contract.model import Event, Market
from feeds.providers.betfair.settings import BetfairSettings
from feeds.providers.simulator.listing import Chance
from feeds.providers.simulator.serving.betfair import BetfairServer
from feeds.providers.simulator.serving.certificate import loopback_certificate
from feeds.providers.simulator.slate import Slate

EVENTS = 6
TICK_S = 0.01


def unix_ms() -> int:
    return time.time_ns() // 1_000_000


def settings(port: int, ca_file: Path | str, **changes: object) -> BetfairSettings:
    """Settings of an impatient client."""
    return BetfairSettings.model_validate(
        {
            "host": "127.0.0.1",
            "port": port,
            "ca_file": str(ca_file),
            "app_key": "key",
            "session": "token",
            "betting_url": "",
            "heartbeat_ms": 500,
            "silence_factor": 2.0,
            "backoff_s": 0.05,
            "backoff_max_s": 0.2,
            "connect_timeout_s": 5.0,
            "holed_images_max": 1_000,
            **changes,
        }
    )


@dataclass
class Stage:
    """A server that serves, and its slate. `playing`: it goes on by itself. `ahead_ms`: how far ahead its clock is."""

    server: BetfairServer
    slate: Slate
    port: int
    ca_file: Path
    playing: bool = True
    ahead_ms: int = 0

    def settings(self, **changes: object) -> BetfairSettings:
        return settings(self.port, self.ca_file, **changes)

    def play(self, updates: int) -> list[Market | Event]:
        """The slate goes on by so many states."""
        states = self.slate.advance(unix_ms() + self.ahead_ms, updates)
        self.server.put(states)
        self.server.results(self.slate.results())
        return states

    async def go_on(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            if self.playing:
                self.play(5)


@asynccontextmanager
async def staged(folder: Path, *, seed: int = 7) -> AsyncIterator[Stage]:
    """Serves a slate that goes on by itself meanwhile."""
    certificate = loopback_certificate()
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(certificate.authority)
    slate = Slate(chance=Chance(seed, "t"), events=EVENTS, feed="simulator", lanes=1, now_ms=unix_ms(), game_ms=600_000)
    server = BetfairServer(tls=certificate.tls, seed=seed)
    server.put(slate.open())
    async with server.serving() as port:
        stage = Stage(server, slate, port, ca_file)
        playing = asyncio.create_task(stage.go_on())
        yield stage
        playing.cancel()
