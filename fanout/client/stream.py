"""One stream of odds over as many connections as it takes: connect, resume, answer gaps, move when the server drains.

At most two connections are open: the one that counts, and during a move its successor, which catches up while the
first one still delivers. The replica is fed only by whoever iterates, so it never moves between two messages; a user
who does not read holds up the socket, and the server then conflates.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import Literal, NamedTuple, Self

import orjson

from fanout.client.errors import LinkLost, StreamRefused
from fanout.client.limits import ClientLimits
from fanout.client.link import Link, reason_of
from fanout.client.route import Attempt, Route
from fanout.client.sse import SseLink
from fanout.client.states import TopicState, TopicStates
from fanout.client.websocket import WebSocketLink
from fanout.contract.messages import ClientIn, Subscribe, Unsubscribe
from fanout.contract.replica import Message, Replica

Authorize = Callable[[], Awaitable[str]]
"""Gives a ticket that has opened nothing yet."""

NoticeKind = Literal["connected", "moved", "unreachable", "reconnecting"]


class Notice(NamedTuple):
    """What becomes of the connections: `connected` to `url`; `moved` there while the former still delivered;
    `unreachable`: it could not be connected to; `reconnecting`: it was connected and is lost. `reason` says why."""

    kind: NoticeKind
    url: str
    reason: str = ""


class _Came(NamedTuple):
    """What a connection brought: a message; None where it opened; or its end."""

    link: Link
    what: bytes | LinkLost | StreamRefused | None


class OddsStream:
    """Messages of `topics`, in order, from any of `urls`; `replica` holds what they amount to.

    `urls` are stream addresses (`ws://HOST:PORT/v1/stream`), also for `sse`. `conflate_ms` is the tier, None for the
    server's default. `on_notice` hears of connections in order with the messages. Iterating raises StreamRefused where
    the server will not serve; everything else is healed. Use it as an async context manager.

    Where the stream is not public, `authorize` gives a fresh ticket before every connection; it raises StreamRefused
    where there will never be one, and OSError, TimeoutError or LinkLost where there may be one later.

    `on_state` hears of every topic's state as it turns (`live`, `stale`, `rebuilding`, `closed`: see states.py), in
    order with the messages; `state` and `states` tell it at any time.

    The replica goes on with the markets of the messages it took: take what you need of one before asking for the next.
    """

    def __init__(  # noqa: PLR0913 options, by keyword
        self,
        topics: Iterable[str],
        *,
        urls: Sequence[str],
        conflate_ms: int | None = None,
        sse: bool = False,
        limits: ClientLimits = ClientLimits(),  # noqa: B008 a frozen value
        authorize: Authorize | None = None,
        on_notice: Callable[[Notice], None] = lambda _notice: None,
        on_state: Callable[[str, TopicState], None] = lambda _topic, _state: None,
    ) -> None:
        self._topics = dict.fromkeys(topics)
        if not urls or not self._topics:
            raise ValueError("a stream needs at least one url and one topic")
        self.replica = Replica()
        self._states = TopicStates(self.replica)
        self._states.wanted(self._topics)
        self._tell_state = on_state
        self._held: set[str] = set()
        self._conflate_ms = conflate_ms
        self._make_link: type[Link] = SseLink if sse else WebSocketLink
        self._limits = limits
        self._authorize = authorize
        self._notify = on_notice
        self._route = Route(urls, limits)
        self._ops = 0
        self._leaving: set[str] = set()
        self._fault: BaseException | None = None
        self._came: asyncio.Queue[_Came] = asyncio.Queue(limits.queue)
        self._pumps: dict[Link, asyncio.Task[None]] = {}
        self._primary: Link | None = None
        self._successor: Link | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        """What is subscribed to, or will be once connected."""
        return tuple(self._topics)

    @property
    def live(self) -> bool:
        """Whether the replica is up to date: connected, and through catch-up. Prices are not to be acted on else."""
        return self._primary is not None and self._primary.live and not self.replica.gap

    def state(self, topic: str) -> TopicState:
        """How a topic is; `closed` for one that is not subscribed to."""
        return self._states.of(topic)

    @property
    def states(self) -> dict[str, TopicState]:
        """How every topic is that is subscribed to."""
        return self._states.all()

    def hold(self, topic: str, board: Message, cursor: str) -> None:
        """Begins with a board by REST and its Odds-Cursor: the stream goes on from exactly there. Before connecting.

        `topic`, one of this stream's, is what the board is of: `football.nfl.E1`, or `football.nfl.E1:main` with
        `class=main`. `board` is its body, without odds_format. One stream begins with one board: it has one cursor.
        """
        if topic not in self._topics or self._primary is not None or self.replica.cursor is not None:
            raise ValueError("hold takes one board, of a topic of this stream, before it connects")
        self.replica.hold(board, cursor, topic)
        self._held.add(topic)

    async def __aenter__(self) -> Self:
        self._primary = self._start(self._route.first())
        self._tell_states()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        """The next message, after the replica took it. Raises StreamRefused."""
        while self._primary is not None:
            link, what = await self._came.get()
            if self._fault is not None:
                raise self._fault
            if link not in (self._primary, self._successor):
                continue
            if isinstance(what, bytes):
                message: Message = orjson.loads(what)
                await self._take(link, message)
                return message
            if what is None:
                self._opened(link)
            else:
                await self._lost(link, what)
        raise StopAsyncIteration

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Adds topics; their image follows. By SSE all topics start anew, on another connection."""
        added = [topic for topic in topics if topic not in self._topics]
        self._topics |= dict.fromkeys(added)
        self._states.wanted(added)
        self._tell_states()
        if added:
            await self._say(self._subscription(added, None))

    async def unsubscribe(self, topics: Iterable[str]) -> None:
        """Leaves topics; what only they meant is dropped from the replica once the server has answered."""
        left = [topic for topic in topics if topic in self._topics]
        for topic in left:
            del self._topics[topic]
        self._held.difference_update(left)
        self._leaving.update(left)
        self._states.left(left)
        self._tell_states()
        if left:
            await self._say(Unsubscribe(id=self._next_op(), topics=left))

    async def close(self) -> None:
        """Ends every connection. Iterating ends with it."""
        if self._primary is not None:
            self._wake(self._primary)
        self._primary = self._successor = None
        pumps = tuple(self._pumps.values())
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self._states.close()
        self._tell_states()

    # What comes

    async def _take(self, link: Link, message: Message) -> None:
        kind = message.get("t")
        if link is self._successor and (kind == "live" or _another_epoch(message, self.replica)):
            self._promote(link)
        gaps = self.replica.gaps
        self.replica.receive(message)
        link.note(message)
        match kind:
            case "subscribed":
                self._subscribed(link, message)
            case "live":
                self._became_live(message)
            case "unsubscribed":
                self._held.difference_update(message["topics"])
                self._forget_left()
            case "drain":
                self._begin_move()
            case "error":
                await self._refused(link, message)
        if self.replica.gaps > gaps:
            await self._answer_gap(link)
        if link is self._primary and self._states.receive(message):
            self._tell_states()

    def _subscribed(self, link: Link, message: Message) -> None:
        self._held.difference_update(topic for topic, answer in message["topics"].items() if answer == "image")
        if link is self._primary:
            self._call_off_move()

    def _became_live(self, message: Message) -> None:
        self._held.update(topic for topic in message["topics"] if topic in self._topics)
        self._route.succeeded()
        self._begin_move()

    async def _refused(self, link: Link, message: Message) -> None:
        error = StreamRefused(message["code"], message["message"], topic=message.get("topic"))
        retried = message.get("retry") != "never"
        await self._lost(link, LinkLost(f"{error.code}, {error}") if retried else error)

    async def _answer_gap(self, link: Link) -> None:
        """The first gap on a connection asks with the cursor, every other one without."""
        if link is self._successor:
            self._promote(link)
        self._call_off_move()
        link.gaps += 1
        cursor, held = self._resumable(link)
        answer = self._subscription(held or list(self._topics), cursor)
        self.replica.resubscribing(answer.id)
        await self._say(answer)

    # What is said

    def _wish(self, link: Link) -> list[Subscribe]:
        """A cursor claims that every topic beside it was held up to there: the others stand apart."""
        link.asked = True
        cursor, held = self._resumable(link)
        fresh = [topic for topic in self._topics if topic not in held]
        return [self._subscription(topics, at) for topics, at in ((held, cursor), (fresh, None)) if topics]

    def _resumable(self, link: Link) -> tuple[str | None, list[str]]:
        """The cursor to resume from on this connection, and the topics that it covers."""
        cursor = self.replica.cursor if link.gaps <= 1 else None
        held = [topic for topic in self._topics if topic in self._held]
        return (cursor, held) if cursor is not None and held else (None, [])

    def _subscription(self, topics: list[str], cursor: str | None) -> Subscribe:
        return Subscribe(id=self._next_op(), topics=topics, conflate_ms=self._conflate_ms, cursor=cursor)

    def _next_op(self) -> int:
        self._ops += 1
        return self._ops

    async def _say(self, op: ClientIn) -> None:
        """On the connection that counts; where it cannot be said there, another connection says it in its request."""
        link = self._primary
        if link is None or not link.asked:
            return
        self._call_off_move()
        if link.speaks:
            await link.say(op)
            return
        self._stop(link)
        self._states.lost()
        self._tell_states()
        self._primary = self._start(Attempt(link.url, 0.0))
        self._primary.gaps = link.gaps

    # Connections

    def _opened(self, link: Link) -> None:
        link.opened = True
        if link is self._primary:
            self.replica.reconnected()
            self._forget_left()
            self._states.connected()
            self._tell_states()
            self._notify(Notice("connected", link.url))

    async def _lost(self, link: Link, end: LinkLost | StreamRefused) -> None:
        now_s = asyncio.get_running_loop().time()
        if isinstance(end, LinkLost):
            self._route.failed(link.url, end.retry_after_s, now_s)
        self._stop(link)
        if link is self._successor:
            self._successor = self._start(self._route.after_failure(now_s))
            self._notify(Notice("unreachable", link.url, str(end)))
            return
        if isinstance(end, StreamRefused):
            await self.close()
            raise end
        self._notify(Notice("reconnecting" if link.opened else "unreachable", link.url, end.reason))
        if self._successor is not None and self._successor.asked:
            self._promote(self._successor)
            self._tell_states()
            return
        self._call_off_move()
        self._states.lost()
        self._tell_states()
        if link.leave is not None:
            self._route.prefer(link.leave.url)
        self._primary = self._start(self._route.after_failure(now_s))

    def _begin_move(self) -> None:
        """The server drains: once everything is held here, a successor is opened at the time it named."""
        link = self._primary
        if link is None or link.leave is None or not self.live or self._successor is not None:
            return
        now_s = asyncio.get_running_loop().time()
        self._route.prefer(link.leave.url)
        self._successor = self._start(self._route.moving(max(0.0, link.leave.at_s - now_s), now_s))

    def _call_off_move(self) -> None:
        """Catch-up on the connection that counts comes first; its `live` begins the move anew."""
        if self._successor is not None:
            self._stop(self._successor)
            self._successor = None

    def _promote(self, link: Link) -> None:
        """The successor is the connection that counts from here; the former one is closed, and not heard any more."""
        assert self._primary is not None
        self._stop(self._primary)
        self._primary, self._successor = link, None
        self._states.connected()
        self._notify(Notice("moved", link.url))

    def _tell_states(self) -> None:
        for topic, state in self._states.turned():
            self._tell_state(topic, state)

    def _forget_left(self) -> None:
        self.replica.forget(self._leaving, set(self._topics))
        self._leaving.clear()

    def _start(self, attempt: Attempt) -> Link:
        link = self._make_link(attempt.url, self._limits)
        pump = asyncio.create_task(self._pump(link, attempt.delay_s), name=f"pump {attempt.url}")
        self._pumps[link] = pump
        pump.add_done_callback(functools.partial(self._pump_ended, link))
        return link

    def _stop(self, link: Link) -> None:
        pump = self._pumps.get(link)
        if pump is not None:
            pump.cancel()

    async def _pump(self, link: Link, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        try:
            link.ticket = await self._ticket()
            await link.open(functools.partial(self._wish, link))
            await self._came.put(_Came(link, None))
            while True:
                await self._came.put(_Came(link, await link.receive()))
        except (LinkLost, StreamRefused) as end:
            await self._came.put(_Came(link, end))
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

    def _pump_ended(self, link: Link, pump: asyncio.Task[None]) -> None:
        del self._pumps[link]
        if not pump.cancelled() and (fault := pump.exception()) is not None:
            self._fault = fault
            self._wake(link)

    def _wake(self, link: Link) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # who iterates is awake then
            self._came.put_nowait(_Came(link, None))


def _another_epoch(message: Message, replica: Replica) -> bool:
    return message.get("t") == "subscribed" and message["epoch"] != replica.epoch
