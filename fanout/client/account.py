"""News of the account in a stream: in order, each once, and what is missing is asked for by REST.

How it is asked is handed in (`AskEvents`); without it a hole is passed over. Whoever iterates the stream gets the news
from `next`, so that what it holds never moves between two messages.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from fanout.client.errors import LinkLost, StreamRefused
from fanout.client.limits import ClientLimits
from fanout.contract.account import AccountReplica, Message


class Events(NamedTuple):
    """A page of `GET /v1/account/events?after=`: `items` as they stand there, `seq` of the account's newest."""

    items: Sequence[Message]
    seq: int


AskEvents = Callable[[int], Awaitable[Events]]
"""Gives a page after a number. Raises StreamRefused where there will never be one, and OSError, TimeoutError or
LinkLost where there may be one later."""


class AccountNews:
    """Of one stream. `wake` is called when there is something to take by `next`."""

    def __init__(self, ask: AskEvents | None, limits: ClientLimits, wake: Callable[[], None]) -> None:
        self.replica = AccountReplica()
        self._ask = ask
        self._limits = limits
        self._wake = wake
        self._ready: deque[Message] = deque()
        self._pages: deque[Events | StreamRefused] = deque()
        self._asking: asyncio.Task[None] | None = None

    def take(self, message: Message) -> None:
        """A message of the topic."""
        self._ready += self.replica.receive(message)
        self._fill()

    def next(self) -> Message | None:
        """The next one to be shown. Raises StreamRefused."""
        while self._pages and not self._ready:
            page = self._pages.popleft()
            if isinstance(page, StreamRefused):
                raise page
            self._take_page(page)
        return self._ready.popleft() if self._ready else None

    def close(self) -> None:
        """Nothing more is asked."""
        if self._asking is not None:
            self._asking.cancel()

    def _take_page(self, page: Events) -> None:
        missing = self.replica.missing
        self._ready += self.replica.recovered(page.items)
        if missing is not None and self.replica.missing == missing:
            self._ready += self.replica.give_up()  # nothing of it is told any more
        self._fill()

    def _fill(self) -> None:
        """Asks for what is missing, unless that is under way, or more than is worth asking for."""
        after = self.replica.missing
        if after is None or self._asking is not None:
            return
        if self._ask is None:
            self._ready += self.replica.give_up()
            return
        self._asking = asyncio.get_running_loop().create_task(self._recover(self._ask, after), name="account events")

    async def _recover(self, ask: AskEvents, after: int) -> None:
        page = await self._page(ask, after)
        if isinstance(page, Events) and page.seq - after > self._limits.recovered:
            page = Events((), page.seq)
        self._pages.append(page)
        self._asking = None
        self._wake()

    async def _page(self, ask: AskEvents, after: int) -> Events | StreamRefused:
        failures = 0
        while True:
            try:
                async with asyncio.timeout(self._limits.open_s):
                    return await ask(after)
            except StreamRefused as refused:
                return refused
            except (OSError, TimeoutError, LinkLost):
                ceiling_s = min(self._limits.backoff_s * 2.0**failures, self._limits.backoff_max_s)
                failures = min(failures + 1, 30)
                await asyncio.sleep(random.uniform(ceiling_s / 2, ceiling_s))
