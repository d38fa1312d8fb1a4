"""Says results again that were said before, in any order and without the id that tells the log that they are the same.

For the settler that is an older result after a newer one, and the same one twice.
"""

from __future__ import annotations

import random

from nats.errors import Error as NatsError
from nats.js.errors import APIError

from bench.chaos.checkers.bus import one_connection

_STREAM = "SETTLE"
_WITHIN_S = 2.0


async def repeat_results(nats_url: str, results: int, seed: int) -> None:
    """So many of those that the log holds; none while it is away."""
    dice = random.Random(f"results/{seed}")
    try:
        client = await one_connection(nats_url)
    except (OSError, NatsError):
        return
    try:
        stream = client.jetstream(timeout=_WITHIN_S)
        state = (await stream.stream_info(_STREAM)).state
        for _ in range(results if state.messages else 0):
            message = await stream.get_msg(_STREAM, dice.randint(state.first_seq, state.last_seq))
            assert message.subject is not None
            await stream.publish(message.subject, message.data or b"")
    except (OSError, NatsError, APIError):
        return
    finally:
        await client.close()
