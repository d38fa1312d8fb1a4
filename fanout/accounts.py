"""The private topic `account`: news of each device's own account, in order and without a hole. Pure.

A device follows from its own number: what comes next is written to it, and to nobody else. Where it lacks something (it
is new, a piece of news did not fit, its socket was full) it gets nothing until an answer to a question has brought it
up to date: the news after its number, or the state where it has none or there are too many. Nothing is kept for a slow
device: once its socket drains, what it lacks is asked for. So memory per account is a few numbers, and the news that
came while a question is under way.

News that nobody missed may still be lost, if they are the last: every account is asked about now and then, and all of
them at once where something may have been told to nobody (`doubt`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from fanout.contract import messages
from fanout.contract.news import QUESTIONS_MAX, Answer, News, Question
from fanout.contract.topics import ACCOUNT
from fanout.device import Device

AUDIT_MS = 15_000
"""An account that nobody asked about for so long is asked about."""

HELD_MAX = 100
"""News of an account kept while a question is under way; more: it is asked again."""

WAITING_MS = 3_000
"""Nobody answers for so long: its devices are told, and get the state as soon as somebody does."""

LAGS_KEPT = 1_000


class Ear:
    """A device that listens. `last`: the number of the newest it was told, None for nothing; `lacks`: it is told
    nothing until an answer to a question comes."""

    __slots__ = ("beat_ms", "device", "gone", "lacks", "last")

    def __init__(self, device: Device, now_ms: int) -> None:
        self.device = device
        self.last: int | None = None
        self.lacks = True
        self.gone = False
        self.beat_ms = now_ms

    def take(self, news: News) -> bool:
        """Whether it was news to the device, and was told. What does not fit, or finds the socket full, is lacking."""
        if self.last is not None and news.seq <= self.last:
            return False
        if self.last is None or news.seq != self.last + 1 or self.device.is_full():
            self.lacks = True
            return False
        self.device.send(messages.account(news.seq, news.ts, news.kind, bytes(news.data)))
        self.last = news.seq
        return True


class Account:
    """One account's devices here. `asked_ms`: when it was asked about last; `failing_ms`: since when nobody answers."""

    __slots__ = ("asked_ms", "asking", "ears", "failing_ms", "held", "name", "warned")

    def __init__(self, name: str, now_ms: int) -> None:
        self.name = name
        self.ears: dict[Device, Ear] = {}
        self.held: deque[News] = deque(maxlen=HELD_MAX)
        self.asking = False
        self.asked_ms = now_ms
        self.failing_ms: int | None = None
        self.warned = False

    def lacking(self) -> list[Ear]:
        """Those that lack something and have room for it."""
        return [ear for ear in self.ears.values() if ear.lacks and not ear.device.is_full()]

    def question(self) -> Question | None:
        """What has to be asked so that nobody lacks anything; None where nobody has room for an answer."""
        ears = self.lacking() or [ear for ear in self.ears.values() if not ear.lacks]
        if not ears:
            return None
        lasts = [ear.last for ear in ears]
        known = [last for last in lasts if last is not None]
        return Question(self.name, min(known) if len(known) == len(lasts) else None)


class Accounts:
    """Every account that a device here listens to. `wake` is called when there is something to ask."""

    def __init__(self, hb_ms: int) -> None:
        self.wake: Callable[[], None] = lambda: None
        self.told = 0
        self.unanswered_times = 0
        self.lags_ms: deque[int] = deque(maxlen=LAGS_KEPT)
        self._hb_ms = hb_ms
        self._accounts: dict[str, Account] = {}
        self._wanted: dict[str, None] = {}
        self._slow: dict[str, None] = {}
        self._beats: deque[Ear] = deque()

    def __len__(self) -> int:
        return len(self._accounts)

    @property
    def devices(self) -> int:
        """Devices that listen."""
        return sum(len(account.ears) for account in self._accounts.values())

    @property
    def lacking(self) -> int:
        """Devices that wait for an answer."""
        return sum(ear.lacks for account in self._accounts.values() for ear in account.ears.values())

    def join(self, device: Device, now_ms: int) -> None:
        """The device listens to its own account, of which it has the right to hear; again: it begins anew."""
        assert device.grant is not None
        assert device.grant.private
        name = device.grant.account
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = Account(name, now_ms)
        _end(account.ears.get(device))
        ear = account.ears[device] = Ear(device, now_ms)
        self._beats.append(ear)
        self._want(account)

    def leave(self, device: Device) -> None:
        """It listens no more. Who does not listen is ignored."""
        account = None if device.grant is None else self._accounts.get(device.grant.account)
        if account is not None:
            _end(account.ears.pop(device, None))
            if not account.ears:
                del self._accounts[account.name]

    # The bus's side

    def hear(self, news: Iterable[News], now_ms: int) -> None:
        """News of all accounts, as they are told; those of our devices are passed on."""
        for one in news:
            account = self._accounts.get(one.account)
            if account is not None:
                self._offer(account, one, now_ms)
                if account.asking:
                    account.held.append(one)

    def doubt(self) -> None:
        """News may have been told to nobody: every account is asked about."""
        for account in self._accounts.values():
            self._want(account)

    # Questions and answers

    def questions(self, now_ms: int) -> list[Question]:
        """What to ask next, a message of it; each is to be ended by `answered` or `unanswered`."""
        asked: list[Question] = []
        while self._wanted and len(asked) < QUESTIONS_MAX:
            name = next(iter(self._wanted))
            del self._wanted[name]
            account = self._accounts.get(name)
            if account is None or account.asking:
                continue
            question = account.question()
            if question is None:
                self._slow[name] = None
                continue
            account.asking = True
            account.asked_ms = now_ms
            account.held.clear()
            self._accounts[name] = self._accounts.pop(name)  # who was asked about first is first in the next round
            asked.append(question)
        return asked

    def answered(self, answers: Iterable[Answer], now_ms: int) -> None:
        """To some of what was asked."""
        for answer in answers:
            account = self._accounts.get(answer.account)
            if account is None or not account.asking:
                continue
            account.asking = account.warned = False
            account.failing_ms = None
            self._bring_up(account, answer, now_ms)
            for news in tuple(account.held):
                self._offer(account, news, now_ms)
            account.held.clear()
            self._go_on(account)

    def unanswered(self, asked: Iterable[Question], now_ms: int, *, retry_ms: int) -> None:
        """Of what was asked these got no answer: they are asked again. `retry_ms`: about when."""
        for question in asked:
            account = self._accounts.get(question.account)
            if account is None or not account.asking:
                continue
            account.asking = False
            self.unanswered_times += 1
            if account.failing_ms is None:
                account.failing_ms = now_ms
            if not account.warned and now_ms - account.failing_ms >= WAITING_MS:
                self._warn(account, retry_ms)
            self._want(account)

    def sweep(self, now_ms: int) -> None:
        """A few times a second: slow devices that drained, accounts that were not asked about, heartbeats."""
        for name in tuple(self._slow):
            account = self._accounts.get(name)
            if account is None or account.lacking():
                del self._slow[name]
                if account is not None:
                    self._want(account)
        for account in self._accounts.values():
            if now_ms - account.asked_ms < AUDIT_MS:
                break
            self._want(account)
        self._beat(now_ms)

    def _offer(self, account: Account, news: News, now_ms: int) -> None:
        """To those who follow; who lacks something gets it with an answer."""
        for ear in account.ears.values():
            if ear.lacks:
                continue
            if ear.take(news):
                self.told += 1
                self.lags_ms.append(now_ms - news.ts)
        self._go_on(account)

    def _bring_up(self, account: Account, answer: Answer, now_ms: int) -> None:
        state = answer.state
        for ear in account.lacking():
            if state is not None:
                if ear.last is None or ear.last < answer.seq:
                    ear.device.send(messages.account(answer.seq, answer.ts, "state", state))
                    ear.last = answer.seq
                ear.lacks = False
            elif ear.last is not None:
                ear.lacks = False
                for news in answer.news:
                    self.told += ear.take(news)
                if ear.last < answer.seq:
                    ear.lacks = True
        for news in answer.news:
            self._offer(account, news, now_ms)

    def _warn(self, account: Account, retry_ms: int) -> None:
        account.warned = True
        for ear in account.ears.values():
            if not ear.device.is_full():
                ear.device.send(messages.waiting(ACCOUNT, retry_ms))
            ear.last = None
            ear.lacks = True

    def _go_on(self, account: Account) -> None:
        """Whoever lacks something is asked for, once there is room."""
        if account.lacking():
            self._want(account)
        elif any(ear.lacks for ear in account.ears.values()):
            self._slow[account.name] = None

    def _want(self, account: Account) -> None:
        if account.name not in self._wanted and not account.asking:
            self._wanted[account.name] = None
            self.wake()

    def _beat(self, now_ms: int) -> None:
        """A device without a topic of odds gets its heartbeats here."""
        while self._beats and (self._beats[0].gone or now_ms - self._beats[0].beat_ms >= self._hb_ms):
            ear = self._beats.popleft()
            if ear.gone:
                continue
            if ear.device.cohort is None and not ear.device.is_full():
                ear.device.send(messages.private_heartbeat(now_ms))
            ear.beat_ms = now_ms
            self._beats.append(ear)


def _end(ear: Ear | None) -> None:
    """It is told nothing more."""
    if ear is not None:
        ear.gone = True
