"""News of accounts on a shard, against a bus that loses and repeats, answers that come late or never, slow devices."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import msgspec
import orjson
import pytest

from fanout.accounts import AUDIT_MS, HELD_MAX, WAITING_MS, Accounts
from fanout.contract.account import AccountReplica, Message
from fanout.contract.news import NEWS_MAX, QUESTIONS_MAX, Answer, News, Question
from fanout.contract.tickets import Grant
from fanout.device import Device
from fanout.ports import Wire
from fanout.ws import WIRE

SEEDS = 60
HB_MS = 5_000


class Socket:
    """An outlet that keeps what is written. `device` is full while the test says so."""

    wire: Wire = WIRE
    place = 0

    def __init__(self) -> None:
        self.said: list[Message] = []

    def send(self, frame: bytes, /) -> int:
        self.write(frame)
        return len(frame)

    def write(self, data: bytes) -> None:
        self.said.append(orjson.loads(data[data.index(b"{") :]))

    def close(self, close: object) -> None:
        raise AssertionError(close)


class Phone:
    """A device that listens, and its replica."""

    def __init__(self, accounts: Accounts, account: str, number: int = 1, now_ms: int = 0) -> None:
        self.socket = Socket()
        grant = Grant(account, ("account",), 0, 2**40)
        self.device = Device(number, self.socket, now_ms=now_ms, tokens=10, grant=grant)
        self.accounts = accounts
        accounts.join(self.device, now_ms)

    @property
    def said(self) -> list[Message]:
        return [one for one in self.socket.said if one["t"] == "account"]

    def full(self, *, full: bool) -> None:
        self.device.blocked_ms = 1 if full else None


class Outbox:
    """What is committed, and the answers a gateway would give."""

    def __init__(self) -> None:
        self.of: dict[str, list[News]] = {}

    def commit(self, account: str, ts: int = 0) -> News:
        own = self.of.setdefault(account, [])
        own.append(News(account, len(own) + 1, ts, "balance", msgspec.Raw(b'{"n":%d}' % (len(own) + 1))))
        return own[-1]

    def answers(self, questions: Iterable[Question]) -> list[Answer]:
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Answer:
        own = self.of.get(question.account, [])
        if question.after is None or len(own) - question.after > NEWS_MAX:
            return Answer(question.account, len(own), 0, data=msgspec.Raw(b'{"wallet":null,"bets":[]}'))
        return Answer(question.account, len(own), 0, tuple(own[question.after :]))


def ask(accounts: Accounts, outbox: Outbox, now_ms: int = 0) -> int:
    """Every question answered; gives how many there were."""
    asked = 0
    while questions := accounts.questions(now_ms):
        accounts.answered(outbox.answers(questions), now_ms)
        asked += len(questions)
    return asked


def seqs(phone: Phone) -> list[tuple[str, int]]:
    return [(one["kind"], one["seq"]) for one in phone.said]


def test_the_state_first_then_news_and_of_nobody_else() -> None:
    accounts, outbox = Accounts(HB_MS), Outbox()
    outbox.commit("a")
    mine, others = Phone(accounts, "a"), Phone(accounts, "b", 2)
    accounts.hear([outbox.commit("a")], 0)
    assert seqs(mine) == []
    ask(accounts, outbox)
    accounts.hear([outbox.commit("a"), outbox.commit("c")], 0)
    assert seqs(mine) == [("state", 2), ("balance", 3)]
    assert seqs(others) == [("state", 0)]
    assert accounts.told == 1


def test_news_that_come_while_the_state_is_asked_for_follow_it() -> None:
    accounts, outbox = Accounts(HB_MS), Outbox()
    phone = Phone(accounts, "a")
    questions = accounts.questions(0)
    answers = outbox.answers(questions)
    accounts.hear([outbox.commit("a"), outbox.commit("a")], 0)
    accounts.answered(answers, 0)
    assert seqs(phone) == [("state", 0), ("balance", 1), ("balance", 2)]


def test_a_hole_is_asked_for_and_filled_in_order() -> None:
    accounts, outbox = Accounts(HB_MS), Outbox()
    phone = Phone(accounts, "a")
    ask(accounts, outbox)
    outbox.commit("a")
    accounts.hear([outbox.commit("a")], 0)
    assert seqs(phone) == [("state", 0)]
    assert ask(accounts, outbox) == 1
    assert seqs(phone) == [("state", 0), ("balance", 1), ("balance", 2)]


def test_the_last_news_may_be_lost_too_so_accounts_are_asked_about_now_and_then() -> None:
    accounts, outbox = Accounts(HB_MS), Outbox()
    phone = Phone(accounts, "a")
    ask(accounts, outbox)
    outbox.commit("a")
    accounts.sweep(AUDIT_MS - 1)
    assert accounts.questions(AUDIT_MS - 1) == []
    accounts.sweep(AUDIT_MS)
    ask(accounts, outbox, AUDIT_MS)
    assert seqs(phone) == [("state", 0), ("balance", 1)]
    outbox.commit("a")
    accounts.doubt()
    ask(accounts, outbox)
    assert seqs(phone)[-1] == ("balance", 2)


def test_a_slow_device_is_sent_nothing_and_caught_up_once_it_drains() -> None:
    accounts, outbox = Accounts(HB_MS), Outbox()
    slow, quick = Phone(accounts, "a"), Phone(accounts, "a", 2)
    ask(accounts, outbox)
    slow.full(full=True)
    for _ in range(3):
        accounts.hear([outbox.commit("a")], 0)
        assert ask(accounts, outbox) == 0, "there is no room for an answer"
    accounts.sweep(100)
    assert seqs(slow) == [("state", 0)]
    assert seqs(quick)[-1] == ("balance", 3)
    slow.full(full=False)
    accounts.sweep(200)
    ask(accounts, outbox, 200)
    assert seqs(slow) == seqs(quick)


def test_more_than_an_answer_holds_becomes_the_state() -> None:
    accounts, outbox = Accounts(HB_MS), Outbox()
    phone = Phone(accounts, "a")
    ask(accounts, outbox)
    phone.full(full=True)
    for _ in range(NEWS_MAX + 1):
        accounts.hear([outbox.commit("a")], 0)
    phone.full(full=False)
    accounts.sweep(0)
    ask(accounts, outbox)
    assert seqs(phone) == [("state", 0), ("state", NEWS_MAX + 1)]


def test_while_nobody_answers_devices_are_told_once_and_then_get_the_state() -> None:
    accounts, outbox = Accounts(HB_MS), Outbox()
    phone = Phone(accounts, "a")
    for now_ms in (0, 1_000, WAITING_MS, WAITING_MS + 1_000):
        questions = accounts.questions(now_ms)
        assert len(questions) == 1
        accounts.unanswered(questions, now_ms, retry_ms=500)
    assert [one for one in phone.socket.said if one["t"] == "waiting"] == [
        {"t": "waiting", "topic": "account", "code": "unavailable", "retry_ms": 500}
    ]
    ask(accounts, outbox)
    assert seqs(phone) == [("state", 0)]


def test_who_left_is_told_nothing_and_nothing_is_kept() -> None:
    accounts, outbox = Accounts(HB_MS), Outbox()
    phone = Phone(accounts, "a")
    questions = accounts.questions(0)
    accounts.leave(phone.device)
    accounts.answered(outbox.answers(questions), 0)
    accounts.hear([outbox.commit("a")], 0)
    accounts.sweep(HB_MS)
    assert (phone.socket.said, len(accounts), accounts.devices, len(accounts._beats)) == ([], 0, 0, 0)


def test_questions_come_in_messages_of_bounded_size_and_what_is_held_is_bounded() -> None:
    accounts, outbox = Accounts(HB_MS), Outbox()
    for number in range(QUESTIONS_MAX + 1):
        Phone(accounts, f"a{number}", number)
    assert [len(accounts.questions(0)) for _ in range(3)] == [QUESTIONS_MAX, 1, 0]
    accounts.hear([outbox.commit("a1") for _ in range(2 * HELD_MAX)], 0)
    assert len(accounts._accounts["a1"].held) == HELD_MAX


def test_a_device_without_odds_gets_heartbeats() -> None:
    accounts = Accounts(HB_MS)
    phone = Phone(accounts, "a")
    for now_ms in (HB_MS - 1, HB_MS, HB_MS + 1, 2 * HB_MS):
        accounts.sweep(now_ms)
    assert [one["ts"] for one in phone.socket.said if one["t"] == "hb"] == [HB_MS, 2 * HB_MS]


class World:
    """Random losses, repetitions, late answers, slow devices; then quiet."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.accounts, self.outbox = Accounts(HB_MS), Outbox()
        self.names = ["a", "b"]
        self.phones = [Phone(self.accounts, self.random.choice(self.names), number) for number in range(4)]
        self.asked: list[list[Question]] = []
        self.given: list[list[Answer]] = []
        self.now_ms = 0

    def step(self) -> None:
        self.now_ms += self.random.randrange(400)
        match self.random.randrange(9):
            case 0 | 1 | 2:
                news = [self.outbox.commit(self.random.choice(self.names)) for _ in range(self.random.randrange(1, 4))]
                if self.random.random() < 0.7:
                    self.accounts.hear(news * self.random.randrange(1, 3), self.now_ms)
            case 3 | 4:
                questions = self.accounts.questions(self.now_ms)
                if questions:
                    self.given.append(self.outbox.answers(questions))
                    self.asked.append(questions)
            case 5 | 6:
                if self.given:
                    answers, questions = self.given.pop(0), self.asked.pop(0)
                    if self.random.random() < 0.3:
                        self.accounts.unanswered(questions, self.now_ms, retry_ms=1)
                    else:
                        self.accounts.answered(answers, self.now_ms)
            case 7:
                phone = self.random.choice(self.phones)
                phone.full(full=not phone.device.is_full())
            case 8:
                self.accounts.sweep(self.now_ms)

    def settle(self) -> None:
        for answers in self.given:
            self.accounts.answered(answers, self.now_ms)
        for phone in self.phones:
            phone.full(full=False)
        self.now_ms += AUDIT_MS
        self.accounts.sweep(self.now_ms)
        ask(self.accounts, self.outbox, self.now_ms)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_each_device_has_all_of_its_own_in_order_and_once(seed: int) -> None:
    world = World(seed)
    for _ in range(150):
        world.step()
    world.settle()
    for phone in world.phones:
        assert phone.device.grant is not None
        own = world.outbox.of.get(phone.device.grant.account, [])
        replica, shown = AccountReplica(), []
        for message in phone.said:
            shown += replica.receive(message)
            if replica.missing is not None:  # after a state that stands for news that were too many, or for an outage
                after = replica.missing
                shown += replica.recovered(
                    {"seq": one.seq, "ts": 0, "kind": one.kind, "data": orjson.loads(bytes(one.data))}
                    for one in own[after:]
                )
        assert replica.seq == len(own)
        first = phone.said[0]
        assert first["kind"] == "state"
        assert [one["seq"] for one in shown if one["kind"] != "state"] == list(range(first["seq"] + 1, len(own) + 1))
