"""How updates reach those peers that are Python programs: one line an update, over TCP, joined for a while or not.

It costs a peer less than the log costs a shard: no log, no fencing, no decoding, no delta made of a state.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

LIVE = b'{"t":"live"}'
"""Said to every device once it will get all that comes from here on."""


class Peer(NamedTuple):
    """What a peer is told. `join_ms`: messages may be held back so long and then go out as one; 0 forbids it.

    `place` is a directory that is gone afterwards.
    """

    port: int
    feed_port: int
    join_ms: int
    place: Path


def told() -> Peer:
    """From the command line."""
    parser = argparse.ArgumentParser()
    for name in ("port", "feed-port", "join-ms"):
        parser.add_argument("--" + name, type=int, required=True)
    parser.add_argument("--place", type=Path, required=True)
    return Peer(**vars(parser.parse_args()))


async def messages(peer: Peer) -> AsyncIterator[bytes]:
    """What is to go to every device: each update alone as soon as it is here, or all that came since the last time."""
    lines: list[bytes] = []
    arrived = asyncio.Event()

    async def take(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        async for line in reader:
            lines.append(line.rstrip())
            arrived.set()

    loop = asyncio.get_running_loop()
    async with await asyncio.start_server(take, "127.0.0.1", peer.feed_port):
        due_s = loop.time()
        while True:
            await arrived.wait()
            if peer.join_ms:
                due_s = max(due_s + peer.join_ms / 1000, loop.time())
                await asyncio.sleep(due_s - loop.time())
            taken, lines[:] = tuple(lines), []
            arrived.clear()
            if peer.join_ms:
                yield joined(taken)
            else:
                for line in taken:
                    yield line


def joined(updates: tuple[bytes, ...]) -> bytes:
    """Several updates as one message: a JSON array."""
    return b"[" + b",".join(updates) + b"]"
