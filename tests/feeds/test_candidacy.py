"""Who leads and who stands by, decided without a clock, a lease or a log of its own."""

from __future__ import annotations

import random

import pytest

from feeds.candidacy import UNHEARD_S_MAX, Candidacy, LeaseTimes, Mandate, Question
from feeds.contract.errors import NotLeader
from feeds.lane_log import Message
from feeds.writer import LaneWriter
from tests.feeds.test_writer import LEAD, Log, answer, leads

TTL_S = 2
TIMES = LeaseTimes(ttl_s=TTL_S, interval_s=0.25)


def candidacy() -> Candidacy:
    return Candidacy("me", TIMES)


def asked(one: Candidacy, now_s: float) -> Question | None:
    """What it asks while the log answers."""
    return one.question(now_s, now_s)


def test_a_granted_lease_begins_a_term_and_a_renewal_does_not() -> None:
    one = candidacy()
    assert asked(one, 0) == "lease"
    assert one.granted(7, 0) == Mandate("me-1", 7)
    assert one.role == "leading"
    assert one.granted(7, 0) is None
    assert one.granted(9, 0) is None  # the lease had ended unnoticed, and nobody else took it


def test_a_standby_asks_on_while_the_lease_is_anothers() -> None:
    one = candidacy()
    one.refused()
    assert (one.role, asked(one, 0)) == ("standby", "lease")
    assert one.granted(8, 0) is not None


@pytest.mark.parametrize("bad", ["away", "taken"])
def test_who_leads_goes_on_without_its_lease_and_asks_for_it(bad: str) -> None:
    one = candidacy()
    one.granted(7, 0)
    one.unreachable(0) if bad == "away" else one.refused()
    assert (one.role, asked(one, 0)) == ("leading", "lease")


def test_a_standby_takes_nothing_over_until_the_coordination_was_back_for_a_time_to_live() -> None:
    one = candidacy()
    one.refused()
    one.unreachable(0)
    assert asked(one, 1.5) == "lease"  # no lease can have ended by this
    one.unreachable(1.5)
    assert asked(one, 1.6) == "look"
    one.unreachable(5)
    assert asked(one, 5) == "look"
    one.looked(10)
    assert asked(one, 10) is None
    assert asked(one, 10 + TTL_S - 0.01) is None
    assert asked(one, 10 + TTL_S) == "lease"


def test_who_was_deposed_stands_by_for_a_time_to_live_and_then_leads_above_what_it_saw() -> None:
    one = candidacy()
    one.granted(7, 0)
    one.deposed(12, 100)
    assert (one.role, asked(one, 100)) == ("standby", None)
    assert asked(one, 100 + TTL_S) == "lease"
    assert one.granted(9, 100 + TTL_S) == Mandate("me-2", 13)  # the coordination had forgotten how far it had counted


def test_an_answer_from_before_it_was_deposed_begins_no_term() -> None:
    one = candidacy()
    one.granted(7, 0)
    one.deposed(12, 100)
    assert one.granted(7, 99) is None
    assert one.role == "standby"


def test_who_leads_and_hears_nothing_of_the_log_for_long_lets_its_lease_end() -> None:
    one = candidacy()
    one.granted(7, 0)
    assert one.question(UNHEARD_S_MAX, 0) == "lease"
    assert one.question(UNHEARD_S_MAX + 0.1, 0) is None
    assert one.role == "leading"
    assert one.question(UNHEARD_S_MAX + 0.2, UNHEARD_S_MAX + 0.2) == "lease"


def test_who_ends_begins_no_term() -> None:
    one = candidacy()
    one.ends()
    assert one.granted(7, 0) is None
    one.deposed(9, 1)
    assert one.role == "ending"


class Lease:
    """A lease on a coordination that goes away, forgets, and lets leases end too early or too late."""

    def __init__(self) -> None:
        self.owner: str | None = None
        self.epoch = 0
        self.away = False

    def ask(self, one: Candidate, now_s: float) -> None:
        question = one.candidacy.question(now_s, now_s)
        if question is None:
            return
        if self.away:
            one.candidacy.unreachable(now_s)
        elif question == "look":
            one.candidacy.looked(now_s)
        elif self.owner in (None, one.name):
            if self.owner is None:
                self.owner = one.name
                self.epoch += 1
            if (mandate := one.candidacy.granted(self.epoch, now_s)) is not None:
                one.begin(mandate)
        else:
            one.candidacy.refused()


class Candidate:
    """A candidacy with a writer that runs while it leads, one step whenever it is its turn."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.candidacy = Candidacy(name, TIMES)
        self.writer: LaneWriter | None = None

    def begin(self, mandate: Mandate) -> None:
        assert self.writer is None
        self.writer = LaneWriter(feed="alpha", lane=0, mandate=mandate)

    def turn(self, log: Log, now_s: float) -> None:
        """Writes the turn's number, if it leads."""
        if self.writer is None:
            return
        self.writer.put(Message("m", f"{now_s} {self.name}".encode()))
        step = self.writer.step()
        assert step is not None
        try:
            answer(self.writer, log, step)
        except NotLeader as error:
            self.writer = None
            self.candidacy.deposed(error.epoch, now_s)


@pytest.mark.parametrize("seed", range(100))
def test_whatever_becomes_of_the_lease_the_log_has_one_writer_and_ends_with_one_leader(seed: int) -> None:
    chance = random.Random(seed)
    lease, log = Lease(), Log()
    all_of_them = [Candidate(name) for name in "abc"]
    now_s = 0.0
    for _ in range(600):
        now_s += 0.05
        fault = chance.random()
        if fault < 0.02:
            lease.owner = None  # it ended, or was forgotten
        elif fault < 0.03:
            lease.owner, lease.epoch = None, 0  # everything was forgotten
        elif fault < 0.05:
            lease.away = not lease.away
        for one in all_of_them:
            match chance.choice(("ask", "write", "frozen")):
                case "ask":
                    lease.ask(one, now_s)
                case "write":
                    one.turn(log, now_s)
    lease.away = False
    for _ in range(200):
        now_s += 0.05
        for one in all_of_them:
            lease.ask(one, now_s)
            one.turn(log, now_s)
    assert len([one for one in all_of_them if one.writer is not None]) == 1
    epochs = [lead.epoch for lead in leads(log)]
    assert epochs == sorted(epochs)
    assert len({(lead.owner, lead.epoch) for lead in leads(log)}) == len(set(epochs))
    owner = ""
    for record in log.stored:
        if record.subject == LEAD:
            owner = record.data.decode()
        elif record.subject == "m":
            assert f'"{record.data.decode().split()[1]}-' in owner
