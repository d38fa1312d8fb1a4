"""Bodies that do not come, as Granian gives them: its awaitables can be cancelled, but nothing thrown into them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from typing import Any

import httpx
import pytest

from feeds.contract.errors import Refused
from gateway.api import bodies
from gateway.api.rsgi import by_asgi
from tests.gateway.rsgi import Answering, Asked


class Unthrowable:
    """The wait for a piece that never comes."""

    def __init__(self) -> None:
        self._inner = asyncio.get_running_loop().create_future().__await__()

    def __await__(self) -> Generator[Any, None, bytes]:
        return self  # type: ignore[return-value]  # an iterator is enough for await

    def __iter__(self) -> Unthrowable:
        return self

    def __next__(self) -> Any:
        return next(self._inner)


class Silent(Answering):
    """A body of which nothing comes."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    def __anext__(self) -> Any:
        return Unthrowable()


async def test_a_body_that_does_not_come_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_S_MAX", 0.05)
    refused: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del scope
        with pytest.raises(Refused) as refusal:
            await bodies.whole_body(receive)
        refused.append(refusal.value.code)
        await send({"type": "http.response.start", "status": 408, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    answering = Silent()
    request = httpx.Request("POST", "http://oddswire/v1/bets", headers={"content-length": "100"})
    await by_asgi(app, Asked(request), answering)
    assert refused == ["body_too_slow"]
    assert (await answering.answer)[0] == 408
