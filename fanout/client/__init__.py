"""The reference client: live odds by WebSocket or SSE, reconnecting and resuming by itself.

async with OddsStream(["football.nfl:main"], urls=["ws://127.0.0.1:8100/v1/stream"]) as stream:
    async for message in stream:
        print(message["t"], len(stream.replica.markets))
"""

from fanout.client.account import AskEvents, Events
from fanout.client.errors import LinkLost, StreamRefused
from fanout.client.limits import ClientLimits
from fanout.client.pumps import Authorize
from fanout.client.states import TopicState
from fanout.client.stream import Notice, NoticeKind, OddsStream

__all__ = [
    "OddsStream",
    "StreamRefused",
    "LinkLost",
    "Authorize",
    "Notice",
    "NoticeKind",
    "TopicState",
    "ClientLimits",
    "AskEvents",
    "Events",
]
