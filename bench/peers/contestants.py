"""Who is measured beside a shard: each with how it is started, fed and listened to, and what was done for it. Data."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

import orjson
from websockets.frames import Opcode

from bench import wire
from bench.audience import Speech
from bench.peers import nchan
from bench.peers.intake import LIVE

SHARD, BARE = "shard", "bare"

_UPGRADE = wire.handshake("ws://127.0.0.1/")
_NATS_HELLO = wire.message(Opcode.BINARY, b'CONNECT {"verbose":false}\r\nSUB odds 1\r\nPING\r\n')


class Contestant(NamedTuple):
    """`joins`: who joins messages where a delay is allowed. `needs`: modules that must be installed.

    `nagle_off`: it leaves Nagle's algorithm on, and here that is turned off from outside (nagle.py).
    """

    name: str
    module: str
    title: str
    feed: str
    ready: str
    speech: Speech
    joins: str
    needs: tuple[str, ...] = ()
    nagle_off: bool = False

    @property
    def missing(self) -> str | None:
        """What is not installed here, or None."""
        if self.module == "nchan" and not nchan.installed():
            return "libnginx-mod-nchan"
        return next((name for name in self.needs if find_spec(name) is None), None)


def shard_speech(topic: str, conflate_ms: int) -> Speech:
    """A device of ours that subscribes to a topic."""
    subscribe = {"op": "subscribe", "id": 1, "topics": [topic], "conflate_ms": conflate_ms, "cursor": None}
    hello = wire.message(Opcode.TEXT, orjson.dumps(subscribe))
    return Speech(wire.handshake("ws://127.0.0.1/v1/stream"), hello, b'{"t":"live"')


_PLAIN = Speech(_UPGRADE, b"", LIVE)

_NCHAN = Contestant("nchan", "nchan", "nginx with nchan", "http", "epoll", Speech(_UPGRADE, b"", b""), "its publisher")

PEERS = (
    Contestant(BARE, "bare_send", "bare send loop", "lines", "^ready$", _PLAIN, "the program"),
    Contestant("websockets", "broadcast", "websockets broadcast", "lines", "^ready$", _PLAIN, "the program"),
    Contestant(
        "starlette",
        "starlette_uvicorn",
        "Starlette on uvicorn",
        "lines",
        "^ready$",
        _PLAIN,
        "the program",
        ("starlette", "uvicorn", "httptools"),
    ),
    Contestant(
        "nats",
        "nats_websocket",
        "nats-server WebSocket",
        "nats",
        "Server is ready$",
        Speech(_UPGRADE, _NATS_HELLO, b"PONG"),
        "its publisher",
    ),
    _NCHAN,
    _NCHAN._replace(name="nchan-nodelay", title="nchan, Nagle off", nagle_off=True),
)
