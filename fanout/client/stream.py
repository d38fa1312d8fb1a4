"""One stream of odds over as many connections as it takes: connect, resume, answer gaps, move when the server drains.

At most two connections are open: the one that counts, and during a move its successor, which catches up while the
first one still delivers. The replica is fed only by whoever iterates, so it never moves between two messages; a user
who does not read holds up the socket, and the server then conflates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Literal, NamedTuple, Self

import orjson

from fanout.client.account import AccountNews, AskEvents
from fanout.client.errors import LinkLost, StreamRefused
from fanout.client.limits import ClientLimits
from fanout.client.link import Link
from fanout.client.pumps import Authorize, Pumps
from fanout.client.route import Attempt, Route
from fanout.client.sse import SseLink
from fanout.client.states import TopicState, TopicStates
from fanout.client.websocket import WebSocketLink
from fanout.contract.account import AccountReplica
from fanout.contract.messages import ClientIn, Subscribe, Unsubscribe
from fanout.contract.replica import Message, Replica
from fanout.contract.topics import ACCOUNT

NoticeKind = Literal["connected", "moved", "unreachable", "reconnecting"]


class Notice(NamedTuple):
    """What becomes of the connections: `connected` to `url`; `moved` there while the former still delivered;
    `unreachable`: it could not be connected to; `reconnecting`: it was connected and is lost. `reason` says why."""

    kind: NoticeKind
    url: str
    reason: str = ""


class OddsStream:
    """Messages of `topics`, in order, from any of `urls`; `replica` holds what they amount to.

    `urls` are stream addresses (`ws://HOST:PORT/v1/stream`), also for `sse`. `conflate_ms` is the tier, None for the
    server's default. `on_notice` hears of connections in order with the messages. Iterating raises StreamRefused where
    the server will not serve; everything else is healed. Use it as an async context manager.

    Where the stream is not public, `authorize` gives a fresh ticket before every connection; it raises StreamRefused
    where there will never be one, and OSError, TimeoutError or LinkLost where there may be one later.

    `on_state` hears of every topic's state as it turns (`live`, `stale`, `rebuilding`, `closed`: see states.py), in
    order with the messages; `state` and `states` tell it at any time.

    Where `account` is one of the topics, the news of the ticket's account are messages, too, in order and each once;
    what is missing is asked for by `events` (a page of `GET /v1/account/events?after=`), without which it is passed
    over. `account` holds what they amount to; tell it `hold(seq)` before connecting to begin where a session ended.

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
        events: AskEvents | None = None,
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
        self._notify = on_notice
        self._route = Route(urls, limits)
        self._ops = 0
        self._leaving: set[str] = set()
        self._pumps = Pumps(SseLink if sse else WebSocketLink, limits, authorize)
        self._news = AccountNews(events, limits, self._pumps.wake)
        self._primary: Link | None = None
        self._successor: Link | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        """What is subscribed to, or will be once connected."""
        return tuple(self._topics)

    @property
    def account(self) -> AccountReplica:
        """What the news of the account amount to."""
        return self._news.replica

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
            if (news := self._next_news()) is not None:
                return news
            link, what = await self._pumps.next()
            if link is None or link not in (self._primary, self._successor):
                continue
            if isinstance(what, bytes):
                message: Message = orjson.loads(what)
                await self._take(link, message)
                if message.get("t") != ACCOUNT:
                    return message
            elif what is None:
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
        self._pumps.wake()
        self._news.close()
        self._primary = self._successor = None
        await self._pumps.close()
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
            case "account":
                self._account_said(link, message)
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

    def _account_said(self, link: Link, message: Message) -> None:
        """Where no odds are heard, the state is what `live` is to them."""
        if message["kind"] == "state" and not self._odds:
            if link is self._successor:
                self._promote(link)
            link.live = True
            self._route.succeeded()
            self._begin_move()
        self._news.take(message)

    def _next_news(self) -> Message | None:
        try:
            return self._news.next()
        except StreamRefused:
            self._primary = None
            raise

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
        answer = self._subscription(held or self._odds, cursor)
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
        self._pumps.stop(link)
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
        self._pumps.stop(link)
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
            self._pumps.stop(self._successor)
            self._successor = None

    def _promote(self, link: Link) -> None:
        """The successor is the connection that counts from here; the former one is closed, and not heard any more."""
        assert self._primary is not None
        self._pumps.stop(self._primary)
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
        return self._pumps.start(attempt.url, attempt.delay_s, self._wish)

    @property
    def _odds(self) -> list[str]:
        return [topic for topic in self._topics if topic != ACCOUNT]


def _another_epoch(message: Message, replica: Replica) -> bool:
    return message.get("t") == "subscribed" and message["epoch"] != replica.epoch
