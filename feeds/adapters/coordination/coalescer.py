"""Turns many small operations into few calls: what is asked within one turn of the event loop is one batch.

For clients that block. A batch runs in a thread; meanwhile the next one gathers. An operation waits where another on
its key is under way, since a server refuses a key that is asked for too often at once; those that wait for the same key
become one operation where the kind of operation allows it. It must never block the loop, and it never asks twice.

What a caller is told is exact. An operation that was not handed over yet can be cancelled, or end at its deadline, and
was then never made: Unavailable. One that is under way at its deadline may have been made: InDoubt.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from feeds.contract.coordination import InDoubt, Unavailable

Key: TypeAlias = tuple[str, ...]

Q = TypeVar("Q")
A = TypeVar("A")


class Kind(Protocol[Q, A]):
    """One kind of operation: how those of one key become one, and how a batch of them is made."""

    name: str
    changes: bool
    """Whether it changes anything: only then it can be in doubt."""

    def joins(self, first: Q, later: Q) -> bool:
        """Whether one operation can answer both, on one key; `first` is the first of those that it answers so far."""

    def joined(self, asked: Sequence[Q]) -> Q:
        """That operation, for two or more. They are in the order in which they were asked."""

    def shares(self, asked: Sequence[Q], answer: A) -> Iterable[A]:
        """Its answer as each would have got it, had they been made one after the other."""

    def execute(self, keys: list[Key], asked: list[Q]) -> Sequence[A | Exception]:
        """Makes one operation on each of the keys, which differ; gives the answers in order. Blocks, and is run by a
        thread."""


class Limits(NamedTuple):
    """What a coalescer bears. Beyond `waiting` operations it refuses (Unavailable); beyond `batch` keys, or while
    `in_flight` batches are under way, they wait; after `deadline_s` each has an answer or an error.

    Batches are small enough that under load a server is busy with one while the loop makes the next: in one large batch
    each waits for the other."""

    waiting: int = 20_000
    batch: int = 256
    in_flight: int = 2
    deadline_s: float = 2.0


DEFAULT_LIMITS = Limits()


class _Waiter(Generic[Q, A]):
    __slots__ = ("answer", "ends_s", "question", "under_way")

    def __init__(self, question: Q, answer: asyncio.Future[A], ends_s: float) -> None:
        self.question = question
        self.answer = answer
        self.ends_s = ends_s
        self.under_way = False

    def tell(self, answer: A | BaseException) -> None:
        """Unless it has gone, or was told already."""
        if self.answer.done():
            return
        if isinstance(answer, BaseException):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class Coalescer(Generic[Q, A]):
    """One kind of operation, for one event loop. `pool` runs its batches."""

    def __init__(self, kind: Kind[Q, A], pool: Executor, limits: Limits = DEFAULT_LIMITS) -> None:
        self._kind = kind
        self._pool = pool
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._lines: dict[Key, list[_Waiter[Q, A]]] = {}
        self._ready: deque[Key] = deque()
        """Keys with a line and no operation under way."""
        self._in_order: deque[_Waiter[Q, A]] = deque()
        self._waiting = 0
        self._in_flight = 0
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def ask(self, key: Key, question: Q) -> asyncio.Future[A]:
        """The answer, to be awaited. Raises Unavailable where too many wait already; else the future does, or InDoubt,
        or what `execute` gave."""
        if self._closed:
            raise Unavailable(f"{self._kind.name}: closed")
        if self._waiting >= self._limits.waiting:
            raise Unavailable(f"{self._kind.name}: {self._waiting} operations wait already")
        ends_s = self._loop.time() + self._limits.deadline_s
        waiter: _Waiter[Q, A] = _Waiter(question, self._loop.create_future(), ends_s)
        line = self._lines.get(key)
        if line is None:
            self._lines[key] = [waiter]
            self._ready.append(key)
        else:
            line.append(waiter)
        self._waiting += 1
        self._in_order.append(waiter)
        if self._timer is None:
            self._timer = self._loop.call_at(ends_s, self._expire)
        self._schedule()
        return waiter.answer

    def close(self) -> None:
        """Whoever waits gets Unavailable, or InDoubt where the operation is under way."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for waiter in self._in_order:
            self._fail(waiter, "closed")
        self._in_order.clear()

    def _schedule(self) -> None:
        if not self._scheduled and self._ready and self._in_flight < self._limits.in_flight:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        while not self._closed and self._in_flight < self._limits.in_flight and (batch := self._next_batch()):
            self._in_flight += 1
            asked = [self._question_of(waiters) for waiters in batch.values()]
            made = self._loop.run_in_executor(self._pool, self._kind.execute, list(batch), asked)
            made.add_done_callback(partial(self._landed, batch))

    def _question_of(self, waiters: list[_Waiter[Q, A]]) -> Q:
        if len(waiters) == 1:
            return waiters[0].question
        return self._kind.joined([waiter.question for waiter in waiters])

    def _next_batch(self) -> dict[Key, list[_Waiter[Q, A]]]:
        batch: dict[Key, list[_Waiter[Q, A]]] = {}
        while self._ready and len(batch) < self._limits.batch:
            key = self._ready.popleft()
            waiters = self._next_of(self._lines[key])
            if waiters:
                batch[key] = waiters
            else:
                del self._lines[key]
        return batch

    def _next_of(self, line: list[_Waiter[Q, A]]) -> list[_Waiter[Q, A]]:
        """Those whom the next operation on a key answers; none where all have gone, who were then never asked for."""
        taken: list[_Waiter[Q, A]] = []
        left = 0
        for waiter in line:
            if not waiter.answer.done():
                if taken and not self._kind.joins(taken[0].question, waiter.question):
                    break
                waiter.under_way = True
                taken.append(waiter)
            left += 1
        del line[:left]
        self._waiting -= left
        return taken

    def _landed(self, batch: dict[Key, list[_Waiter[Q, A]]], made: asyncio.Future[Sequence[A | Exception]]) -> None:
        self._in_flight -= 1
        error = None if made.cancelled() else made.exception()
        if made.cancelled():
            error = Unavailable(f"{self._kind.name}: closed")
        answers = [error] * len(batch) if error is not None else made.result()
        for (key, waiters), answer in zip(batch.items(), answers, strict=True):
            self._answer(waiters, answer)
            if self._lines[key]:
                self._ready.append(key)
            else:
                del self._lines[key]
        while self._in_order and self._in_order[0].answer.done():
            self._in_order.popleft()
        self._schedule()

    def _answer(self, waiters: list[_Waiter[Q, A]], answer: A | BaseException) -> None:
        if len(waiters) == 1 or isinstance(answer, BaseException):
            for waiter in waiters:
                waiter.tell(answer)
            return
        shares = self._kind.shares([waiter.question for waiter in waiters], answer)
        for waiter, share in zip(waiters, shares, strict=True):
            waiter.tell(share)

    def _expire(self) -> None:
        now_s = self._loop.time()
        while self._in_order and (self._in_order[0].answer.done() or self._in_order[0].ends_s <= now_s):
            self._fail(self._in_order.popleft(), f"no answer within {self._limits.deadline_s:g} s")
        self._timer = self._loop.call_at(self._in_order[0].ends_s, self._expire) if self._in_order else None

    def _fail(self, waiter: _Waiter[Q, A], why: str) -> None:
        if not waiter.answer.done():
            kind = InDoubt if waiter.under_way and self._kind.changes else Unavailable
            waiter.answer.set_exception(kind(f"{self._kind.name}: {why}"))
