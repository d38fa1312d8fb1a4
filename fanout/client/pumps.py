"""Connections under way: each is opened, with a ticket where one is needed, and read into one queue until it ends."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from fanout.client.errors import LinkLost, StreamRefused
from fanout.client.limits import ClientLimits
from fanout.client.link import Link, reason_of
from fanout.contract.messages import Subscribe

Authorize = Callable[[], Awaitable[str]]
"""Gives a ticket that has opened nothing yet."""


class Came(NamedTuple):
    """What a connection brought: a message; None where it opened; or its end. Without a link it only wakes."""

    link: Link | None
    what: bytes | LinkLost | StreamRefused | None


class Pumps:
    """The connections of one stream. A full queue is waited for, so that a user who does not read holds up sockets."""

    def __init__(self, make_link: type[Link], limits: ClientLimits, authorize: Authorize | None) -> None:
        self._make_link = make_link
        self._limits = limits
        self._authorize = authorize
        self._came: asyncio.Queue[Came] = asyncio.Queue(limits.queue)
        self._pumping: dict[Link, asyncio.Task[None]] = {}
        self._fault: BaseException | None = None

    async def next(self) -> Came:
        """What comes next. Raises what nobody expected in a connection."""
        came = await self._came.get()
        if self._fault is not None:
            raise self._fault
        return came

    def start(self, url: str, delay_s: float, wish: Callable[[Link], Sequence[Subscribe]]) -> Link:
        """One more connection, after a while."""
        link = self._make_link(url, self._limits)
        pump = asyncio.create_task(self._pump(link, delay_s, functools.partial(wish, link)), name=f"pump {url}")
        self._pumping[link] = pump
        pump.add_done_callback(functools.partial(self._ended, link))
        return link

    def stop(self, link: Link) -> None:
        """One less. Twice is once."""
        pump = self._pumping.get(link)
        if pump is not None:
            pump.cancel()

    async def close(self) -> None:
        """Ends all of them."""
        pumps = tuple(self._pumping.values())
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    def wake(self) -> None:
        """Whoever waits for what comes looks around."""
        with contextlib.suppress(asyncio.QueueFull):  # who iterates is awake then
            self._came.put_nowait(Came(None, None))

    async def _pump(self, link: Link, delay_s: float, wish: Callable[[], Sequence[Subscribe]]) -> None:
        await asyncio.sleep(delay_s)
        try:
            link.ticket = await self._ticket()
            await link.open(wish)
            await self._came.put(Came(link, None))
            while True:
                await self._came.put(Came(link, await link.receive()))
        except (LinkLost, StreamRefused) as end:
            await self._came.put(Came(link, end))
        finally:
            await link.close()

    async def _ticket(self) -> str | None:
        if self._authorize is None:
            return None
        try:
            async with asyncio.timeout(self._limits.open_s):
                return await self._authorize()
        except (OSError, TimeoutError) as error:
            raise LinkLost(f"no ticket: {reason_of(error)}") from error

    def _ended(self, link: Link, pump: asyncio.Task[None]) -> None:
        del self._pumping[link]
        if not pump.cancelled() and (fault := pump.exception()) is not None:
            self._fault = fault
            self.wake()
