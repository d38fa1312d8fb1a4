"""The reference client of the odds API: typed answers, boards kept by ETag, retries within a budget.

async with OddsApi("http://127.0.0.1:8000", key=KEY) as api:
    async for event in api.events(state="live"):
        board = await api.board(event.id, cls="main")
        print(event.name, len(board.value.items), board.cursor)

To go on by the stream from exactly there: `stream.hold(f"{event.topic}:main", board.message(), board.cursor)`.
"""

from gateway.client.account import Account, new_key
from gateway.client.api import Answer, Device, OddsApi
from gateway.client.errors import (
    ApiError,
    BadAnswer,
    Conflict,
    Limited,
    NotAllowed,
    NotFound,
    ProblemError,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from gateway.client.limits import ApiLimits
from gateway.client.retrying import RetryBudget

__all__ = [
    "OddsApi",
    "Account",
    "new_key",
    "Device",
    "Answer",
    "ApiLimits",
    "RetryBudget",
    "ApiError",
    "Unreachable",
    "BadAnswer",
    "ProblemError",
    "NotFound",
    "Unauthenticated",
    "NotAllowed",
    "Conflict",
    "Limited",
    "Unavailable",
]
