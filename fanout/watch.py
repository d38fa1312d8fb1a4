"""`watch`: live prices in a terminal, or line by line where stdout is none. The thin side: it reads the stream and the
clock and writes text; what the text says is decided in watch_view.py and watch_table.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

import orjson

from fanout.client import Notice, OddsStream, StreamRefused
from fanout.client.rest import StreamApi
from fanout.contract.replica import Message
from fanout.contract.topics import ACCOUNT
from fanout.watch_table import Piece, Row, render, table
from fanout.watch_view import Change, Latency, Movements, account_line, change_line, clock, line

EXIT_OK, EXIT_FAILED = 0, 1
REDRAW_INTERVAL_S = 0.25
MOVED_S = 5.0
"""How long an arrow stands beside a price."""

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _TO_LINE_END, _TO_END = "\x1b[H", "\x1b[K", "\x1b[J"


class WatchOptions(NamedTuple):
    """What to watch and how. `seconds` None: until interrupted. `token`: of the account, for tickets of the API at
    `api`; empty: the stream is public."""

    topics: tuple[str, ...]
    conflate_ms: int
    sse: bool
    as_json: bool
    urls: tuple[str, ...]
    seconds: float | None
    token: str = ""
    api: str = ""


class View(Protocol):
    """A way of showing the stream."""

    def notice(self, notice: Notice) -> None:
        """What became of a connection."""

    def message(self, message: Message, stream: OddsStream) -> None:
        """A message that the stream's replica took."""


async def watch(options: WatchOptions) -> int:
    """Shows the stream until interrupted or `seconds` are over. Gives the exit status: 1 if nothing ever came."""
    view: View
    if options.as_json:
        view = JsonView()
    elif sys.stdout.isatty() and ACCOUNT not in options.topics:
        view = TableView(colour="NO_COLOR" not in os.environ)
    else:
        view = LineView()
    api = StreamApi(options.api, options.token, options.topics) if options.token else None
    stream = OddsStream(
        options.topics,
        urls=options.urls,
        conflate_ms=options.conflate_ms,
        sse=options.sse,
        authorize=None if api is None else api.authorize,
        events=None if api is None else api.events,
        on_notice=view.notice,
    )
    heard = asyncio.Event()
    try:
        async with asyncio.timeout(options.seconds) as limit:
            _end_on_sigterm(limit)
            async with _on_screen(view, stream):
                refused = await _follow(stream, view, heard)
    except TimeoutError:
        return EXIT_OK if heard.is_set() else EXIT_FAILED
    finally:
        if api is not None:
            await api.close()
    if refused is not None:
        _complain(f"refused: {refused.code}, {refused}" + (f" ({refused.topic})" if refused.topic else ""))
    return EXIT_FAILED if refused is not None else EXIT_OK


async def _follow(stream: OddsStream, view: View, heard: asyncio.Event) -> StreamRefused | None:
    try:
        async with stream:
            async for message in stream:
                heard.set()
                view.message(message, stream)
    except StreamRefused as refused:
        return refused
    return None


def _end_on_sigterm(limit: asyncio.Timeout) -> None:
    """SIGTERM is the end of the time: the terminal is given back."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        if not limit.expired():
            limit.reschedule(loop.time())

    loop.add_signal_handler(signal.SIGTERM, end)


class JsonView:
    """Every message as one line; what becomes of connections goes to stderr."""

    def __init__(self) -> None:
        self._unreachable: set[str] = set()

    def notice(self, notice: Notice) -> None:
        """See View."""
        text = _notice_text(notice, self._unreachable)
        if text:
            _complain(text)

    def message(self, message: Message, stream: OddsStream) -> None:
        """See View."""
        del stream
        _say(orjson.dumps(message).decode())


class LineView:
    """One line for each change, without colour."""

    def __init__(self) -> None:
        self._movements = Movements()
        self._unreachable: set[str] = set()

    def notice(self, notice: Notice) -> None:
        """See View."""
        text = _notice_text(notice, self._unreachable)
        if text and notice.kind == "unreachable":
            _complain(text)
        elif text:
            _say(f"{clock(_now_ms())}  {text}")

    def message(self, message: Message, stream: OddsStream) -> None:
        """See View."""
        now_ms, replica = _now_ms(), stream.replica
        if message["t"] == "live":
            markets, events = len(replica.markets), len(replica.events)
            _say(line([clock(now_ms), "live", *message["topics"], f"{markets} markets", f"{events} events"]))
        if message["t"] == ACCOUNT:
            _say(account_line(message, now_ms=now_ms))
        for change in self._movements.of_message(message, replica):
            latency_ms = _latency_ms(message, change, now_ms)
            _say(change_line(change, replica.events, now_ms=now_ms, latency_ms=latency_ms))
        for source, state in self._movements.of_sources(replica):
            _say(line([clock(now_ms), state, source]))


class TableView:
    """A table that is drawn anew a few times a second, on the terminal's alternate screen."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._movements = Movements()
        self._latency = Latency()
        self._moved: dict[str, tuple[int, float]] = {}
        self._state = "connecting"

    def notice(self, notice: Notice) -> None:
        """See View."""
        self._state = _notice_text(notice, set())

    def message(self, message: Message, stream: OddsStream) -> None:
        """See View."""
        now_ms, now_s = _now_ms(), time.monotonic()
        for change in self._movements.of_message(message, stream.replica):
            latency_ms = _latency_ms(message, change, now_ms)
            if latency_ms is not None:
                self._latency.note(latency_ms, now_s)
            if change.moved:
                self._note_move(change, now_s)

    async def draw(self, stream: OddsStream) -> None:
        """Draws until cancelled."""
        while True:
            columns, lines = shutil.get_terminal_size()
            now_s = time.monotonic()
            self._moved = {key: move for key, move in self._moved.items() if now_s - move[1] < MOVED_S}
            moved = {key: direction for key, (direction, _) in self._moved.items()}
            rows = table(stream.replica, moved, head=self._head(stream, now_s), lines=lines)
            text = "\r\n".join(render(row, columns=columns, colour=self._colour) + _TO_LINE_END for row in rows)
            sys.stdout.write(_HOME + text + _TO_END)
            sys.stdout.flush()
            await asyncio.sleep(REDRAW_INTERVAL_S)

    def _note_move(self, change: Change, now_s: float) -> None:
        for selection in change.market["x"]:
            if selection["name"] == change.selection:
                self._moved[selection["id"]] = (change.moved, now_s)

    def _head(self, stream: OddsStream, now_s: float) -> list[Row]:
        quantiles = self._latency.quantiles_ms(now_s)
        latency = "" if quantiles is None else f"  latency p50 {quantiles[0]} ms, p99 {quantiles[1]} ms"
        replica = stream.replica
        shut = sum(replica.status(market) != "open" for market in replica.markets.values())
        counts = f"  {len(replica.events)} events, {len(replica.markets)} markets, {shut} not open"
        state = Piece("live", "up") if stream.live else Piece(self._state, "alarm")
        head: list[Row] = [[Piece(" ".join(stream.topics), "bold"), Piece("  "), state, Piece(counts), Piece(latency)]]
        if replica.not_live:
            sources = ", ".join(f"{source} {state}" for source, state in sorted(replica.not_live.items()))
            head.append([Piece(f"not live: {sources}", "alarm")])
        return head


@contextlib.asynccontextmanager
async def _on_screen(view: View, stream: OddsStream) -> AsyncIterator[None]:
    """The terminal belongs to the table meanwhile, and is given back however this ends."""
    if not isinstance(view, TableView):
        yield
        return
    sys.stdout.write(_ENTER)
    try:
        async with asyncio.TaskGroup() as group:
            drawing = group.create_task(view.draw(stream), name="draw")
            yield
            drawing.cancel()
    finally:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()


def _notice_text(notice: Notice, unreachable: set[str]) -> str:
    """In words; nothing where it was said before. `unreachable` keeps what could not be reached since connecting."""
    if notice.kind != "unreachable":
        unreachable.clear()
        return line([notice.kind, notice.url, notice.reason])
    if notice.url in unreachable:
        return ""
    unreachable.add(notice.url)
    return f"cannot reach {notice.url}: {notice.reason}; trying again"


def _latency_ms(message: Message, change: Change, now_ms: int) -> int | None:
    """From the ingestor's receipt to here. What catch-up brings was not on its way all that time."""
    return None if "why" in message else max(0, now_ms - int(change.market["ts"]))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
