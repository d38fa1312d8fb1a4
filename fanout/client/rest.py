"""The two things that a stream asks the API for, on httpx: a ticket before each connection, and news that were missed.

For who has a token and no more; gateway/client asks for all the rest, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import orjson

from fanout.client.account import Events
from fanout.client.errors import LinkLost
from fanout.client.link import refusal

_OK, _CREATED = 200, 201


class StreamApi:
    """The API at `url`, asked with a bearer token. Use it as an async context manager, or close it."""

    def __init__(self, url: str, token: str, topics: Sequence[str]) -> None:
        self._topics = list(topics)
        self._client = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=10.0)

    async def authorize(self) -> str:
        """See Authorize. Raises StreamRefused, LinkLost."""
        body = orjson.dumps({"topics": self._topics})
        return str((await self._asked("POST", "/v1/stream/tickets", content=body))["ticket"])

    async def events(self, after: int) -> Events:
        """See AskEvents. Raises StreamRefused, LinkLost."""
        page = await self._asked("GET", "/v1/account/events", params={"after": after})
        return Events(page["items"], page["seq"])

    async def close(self) -> None:
        """Ends its connections."""
        await self._client.aclose()

    async def _asked(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        try:
            answer = await self._client.request(method, path, **how)
        except httpx.HTTPError as error:
            raise LinkLost(f"no answer of the API: {str(error) or type(error).__name__}") from error
        if answer.status_code not in (_OK, _CREATED):
            raise refusal(answer.status_code, answer.headers.get("Retry-After"), answer.content)
        said: dict[str, Any] = answer.json()
        return said
