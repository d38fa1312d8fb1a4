"""`oddswire desk` as journeys run it: a process of its own, and what it says."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from typing import NamedTuple

from feeds.adapters.server import NatsServer
from tests.bus import LANES

WHY = ("--reason", "because", "--by", "jo")


class Said(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


async def desk(nats: NatsServer, *words: str, lanes: int = LANES) -> Said:
    """One command; those that change something are given a reason and a name."""
    given = () if words[0] in ("show", "audit") else WHY
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "desk", *words, *given),
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "ODDSWIRE_NATS_URL": nats.url, "ODDSWIRE_LANES": str(lanes)},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


async def done(nats: NatsServer, *words: str) -> str:
    """A command that succeeds; what it says."""
    said = await desk(nats, *words)
    assert (said.status, said.err) == (0, "")
    return said.out
