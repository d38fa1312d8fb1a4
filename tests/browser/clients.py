"""The reference client and the module behind one face: what they are told to do, and what they tell, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from fanout.client import OddsStream, StreamRefused
from fanout.contract.replica import Message
from tests.browser.chromium import Tab
from tests.fanout.serving import QUICK

Told = list[Any]
"""`["state", topic, state]`, `["notice", kind]`, `["refused", code, topic]`, `["cursor", cursor]` where it moved."""

WAITING_S = 20.0


class Client(Protocol):
    """A stream that is being read."""

    async def told(self) -> list[Told]:
        """All so far."""

    async def do(self, name: str, *arguments: Any) -> None:
        """Calls a method."""


async def tells(client: Client, what: Told) -> None:
    """Waits until it has told this."""
    told: list[Told] = []
    try:
        async with asyncio.timeout(WAITING_S):
            while what not in (told := await client.told()):  # noqa: ASYNC110 it may be in a browser
                await asyncio.sleep(0.01)
    except TimeoutError as error:
        raise AssertionError(f"{what} never came: {told}") from error


class Reference:
    """The Python client, read in the background."""

    def __init__(self, urls: list[str], topics: list[str], tickets: list[str]) -> None:
        async def authorize() -> str:
            return tickets.pop(0)

        self._told: list[Told] = []
        self.stream = OddsStream(
            topics,
            urls=urls,
            limits=QUICK,
            authorize=authorize if tickets else None,
            on_notice=lambda notice: self._told.append(["notice", notice.kind]),
            on_state=lambda topic, state: self._told.append(["state", topic, state]),
        )

    async def told(self) -> list[Told]:
        return self._told

    async def do(self, name: str, *arguments: Any) -> None:
        done = getattr(self.stream, name)(*arguments)
        if done is not None:
            await done

    async def read(self) -> None:
        """Until it ends."""
        cursor = self.stream.replica.cursor
        try:
            async for _ in self.stream:
                if self.stream.replica.cursor != cursor:
                    cursor = self.stream.replica.cursor
                    self._told.append(["cursor", cursor])
        except StreamRefused as refused:
            self._told.append(["refused", refused.code, refused.topic])


_MAKE = """async ([urls, topics, tickets, board]) => {
  const { OddsStream } = await import("/sdk/oddswire.js");
  const told = window.told = [];
  const stream = window.stream = new OddsStream(topics, {
    urls,
    limits: { open: 5000, silence: 5000, backoff: 20, backoffMax: 100 },
    authorize: tickets.length ? async () => tickets.shift() : undefined,
    onMessage: () => { if (stream.replica.cursor !== cursor) told.push(["cursor", cursor = stream.replica.cursor]); },
    onState: (topic, state) => told.push(["state", topic, state]),
    onNotice: ({ kind }) => told.push(["notice", kind]),
    onRefused: ({ code, topic }) => told.push(["refused", code, topic]),
  });
  if (board) stream.hold(...board);
  let { cursor } = stream.replica;
  stream.connect();
}"""


class InPage:
    """The module, in a tab."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab

    async def told(self) -> list[Told]:
        told: list[Told] = await self._tab.run("() => window.told")
        return told

    async def do(self, name: str, *arguments: Any) -> None:
        await self._tab.run("([name, given]) => { window.stream[name](...given); }", [name, list(arguments)])


Board = tuple[str, Message, str]


@asynccontextmanager
async def reference(
    urls: list[str], *, topics: list[str], tickets: list[str], board: Board | None
) -> AsyncIterator[Reference]:
    """The Python client, connected."""
    client = Reference(urls, topics, list(tickets))
    if board is not None:
        client.stream.hold(*board)
    async with client.stream:
        reading = asyncio.ensure_future(client.read())
        yield client
    await reading


@asynccontextmanager
async def in_page(
    tab: Tab, urls: list[str], *, topics: list[str], tickets: list[str], board: Board | None
) -> AsyncIterator[InPage]:
    """The module, connected."""
    await tab.run(_MAKE, [urls, topics, tickets, board])
    client = InPage(tab)
    yield client
    await client.do("close")
