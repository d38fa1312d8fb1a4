"""Every limit of the client, and what happens at it."""

from __future__ import annotations

from typing import NamedTuple


class ClientLimits(NamedTuple):
    """Bounds of one stream.

    `message_bytes`: a larger message ends the connection. `queue`: frames held for a user who does not read; then the
    socket is not read either, and the server conflates. `open_s`: time to connect. `silence_s`: time without a frame
    before the stream is live; once it is, three heartbeats. `backoff_s` and `backoff_max_s`: the first and the longest
    wait between attempts, both at random from half to the whole. `retry_after_max_s`: longest Retry-After obeyed.
    `recovered`: news of the account that are asked for after a hole; where more are missing the state stands for them.
    """

    message_bytes: int = 16 * 1024 * 1024
    queue: int = 16
    open_s: float = 10.0
    silence_s: float = 15.0
    backoff_s: float = 0.5
    backoff_max_s: float = 15.0
    retry_after_max_s: float = 120.0
    recovered: int = 1_000


SILENT_HEARTBEATS = 3
"""So many heartbeats without any frame, and the connection is taken for dead."""
