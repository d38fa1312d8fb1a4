"""A plain connection to nats-server: for one look, and lost for good when it is lost."""

from __future__ import annotations

import nats
from nats.aio.client import Client

_CONNECT_S = 5


async def one_connection(nats_url: str) -> Client:
    """Raises OSError, NatsError."""
    return await nats.connect(
        nats_url.split(","), allow_reconnect=False, connect_timeout=_CONNECT_S, error_cb=_raised_anyway
    )


async def _raised_anyway(error: Exception) -> None:
    """Whoever asks by it gets the error; nats-py would also print it."""
    del error
