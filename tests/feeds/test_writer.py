"""The writer's decisions, against a log in memory that keeps the rules of JetStream's fences."""

from __future__ import annotations

import random

import pytest

from feeds.candidacy import Mandate
from feeds.contract.errors import NotLeader
from feeds.contract.lane import Stored
from feeds.contract.records import Beat, Lead, decode_record, encode_record
from feeds.contract.subjects import beat_subject, lead_subject
from feeds.lane_log import Fence, Message
from feeds.writer import BATCH_STATES_MAX, LaneWriter, ReadLead, RemakeLog, Step, WriteLead, WriteStates

LEAD = lead_subject(0, "alpha")
BEAT = beat_subject(0, "alpha")


class Log:
    """One lane in memory: positions, fences, and its stream's creation."""

    def __init__(self) -> None:
        self.created = 1
        self.stored: list[Stored] = []
        self.end = 0

    def last(self, subject: str) -> Stored | None:
        return next((record for record in reversed(self.stored) if record.subject == subject), None)

    def write(self, messages: list[Message], fence: Fence) -> int | None:
        """Position of the last message; None where the fence does not hold."""
        last = self.last(fence.subject)
        if (0 if last is None else last.s) != fence.s:
            return None
        for subject, data in messages:
            self.end += 1
            self.stored.append(Stored(subject, self.end, data))
        return self.end

    def remake(self, created: str, s: int) -> str:
        if str(self.created) == created and self.end < s:
            self.lose()
        return str(self.created)

    def lose(self) -> None:
        self.created += 1
        self.stored.clear()
        self.end = 0

    def fall_back(self, end: int) -> None:
        self.stored = [record for record in self.stored if record.s <= end]
        self.end = end

    def states(self) -> dict[str, bytes]:
        return {record.subject: record.data for record in self.stored if record.subject not in (LEAD, BEAT)}


def writer(owner: str = "me") -> LaneWriter:
    return LaneWriter(feed="alpha", lane=0, mandate=Mandate(owner))


def answer(writer: LaneWriter, log: Log, step: Step) -> None:
    """What the shell does when the log answers."""
    match step:
        case WriteStates(messages, fence, _):
            s = log.write(messages, fence)
            writer.refused() if s is None else writer.states_written(s)
        case WriteLead(message, fence):
            s = log.write([message], fence)
            writer.refused() if s is None else writer.lead_written(s)
        case ReadLead():
            writer.lead_read(log.last(LEAD), 0)
        case RemakeLog(created, s):
            writer.made(log.remake(created, s))


def settle(writer: LaneWriter, log: Log, current: dict[str, bytes] | None = None) -> None:
    """Until there is nothing to do."""
    while (step := writer.step()) is not None:
        answer(writer, log, step)
        if writer.lost:
            writer.restore(Message(subject, data) for subject, data in (current or {}).items())


def put(writer: LaneWriter, subject: str, data: str) -> None:
    writer.put(Message(subject, data.encode()))


def flying(writer: LaneWriter) -> WriteStates:
    step = writer.step()
    assert isinstance(step, WriteStates)
    return step


def leads(log: Log) -> list[Lead]:
    records = [decode_record(LEAD, record.data) for record in log.stored if record.subject == LEAD]
    return [record for record in records if isinstance(record, Lead)]


def test_takes_over_before_it_writes() -> None:
    log, old = Log(), writer("old")
    settle(old, log)
    new = writer("new")
    put(new, "m", "1")
    settle(new, log)
    assert [(lead.owner, lead.epoch) for lead in leads(log)] == [("old", 1), ("new", 2)]
    assert [record.subject for record in log.stored] == [LEAD, LEAD, "m"]


def test_who_was_taken_over_stands_down_and_stores_nothing() -> None:
    log, old, new = Log(), writer("old"), writer("new")
    settle(old, log)
    settle(new, log)
    put(old, "m", "stale")
    with pytest.raises(NotLeader):
        settle(old, log)
    assert log.states() == {}


def test_newer_states_replace_waiting_ones_while_one_write_flies() -> None:
    log, w = Log(), writer()
    settle(w, log)
    put(w, "a", "1")
    first = flying(w)
    for number in range(2, 9):
        put(w, "a", str(number))
    answer(w, log, first)
    settle(w, log)
    assert [record.data for record in log.stored if record.subject == "a"] == [b"1", b"8"]
    assert w.conflated == 6


def test_batches_are_bounded() -> None:
    log, w = Log(), writer()
    settle(w, log)
    for number in range(BATCH_STATES_MAX + 1):
        put(w, f"m{number}", "1")
    assert len(flying(w).messages) == BATCH_STATES_MAX


def test_a_live_beat_comes_after_all_that_waited_and_a_down_beat_at_once() -> None:
    log, w = Log(), writer()
    settle(w, log)
    for number in range(2 * BATCH_STATES_MAX):
        put(w, f"m{number}", "1")
    w.beat("live", 5)
    first = flying(w)
    assert first.beat_state is None
    answer(w, log, first)
    put(w, "later", "1")
    second = flying(w)
    assert second.beat_state == "live"
    assert len(second.messages) == BATCH_STATES_MAX + 1
    answer(w, log, second)
    for number in range(2 * BATCH_STATES_MAX):
        put(w, f"m{number}", "2")
    w.beat("down", 6)
    assert flying(w).beat_state == "down"


def test_a_beat_that_waits_keeps_its_time() -> None:
    log, w = Log(), writer()
    settle(w, log)
    w.beat("live", 5)
    w.beat("live", 255)
    beat = decode_record(BEAT, flying(w).messages[-1].data)
    assert isinstance(beat, Beat)
    assert beat.ts == 5


def test_a_lost_batch_that_still_comes_is_refused() -> None:
    log, w = Log(), writer()
    settle(w, log)
    put(w, "a", "1")
    put(w, "b", "1")
    late = flying(w)
    put(w, "a", "2")
    w.unknown(0)
    settle(w, log)
    assert log.write(late.messages, late.fence) is None
    assert log.states() == {"a": b"2", "b": b"1"}


def test_a_lost_batch_that_had_been_stored_is_followed_by_the_current_states() -> None:
    log, w = Log(), writer()
    settle(w, log)
    put(w, "a", "1")
    stored = flying(w)
    log.write(stored.messages, stored.fence)
    put(w, "a", "2")
    w.unknown(0)
    settle(w, log)
    assert log.states() == {"a": b"2"}


def test_a_lead_record_that_was_written_though_nobody_said_so_is_ours() -> None:
    log, w = Log(), writer()
    settle(w, log)
    put(w, "a", "1")
    flying(w)
    w.unknown(0)
    step = w.step()
    assert isinstance(step, WriteLead)
    log.write([step.message], step.fence)
    w.unknown(0)
    settle(w, log)
    assert log.states() == {"a": b"1"}
    assert len({lead.epoch for lead in leads(log)}) == 1


def test_a_lead_record_moved_by_a_refresh_is_still_ours() -> None:
    log, w = Log(), writer()
    settle(w, log)
    lead = log.last(LEAD)
    assert lead is not None
    log.write([Message(LEAD, lead.data)], Fence(LEAD, lead.s))
    put(w, "a", "1")
    settle(w, log)
    assert log.states() == {"a": b"1"}


@pytest.mark.parametrize("how", ["lost", "fell back", "missing"])
def test_after_the_log_was_lost_everything_current_is_sent_again(how: str) -> None:
    log, w = Log(), writer()
    settle(w, log)
    current = {f"m{number}": b"1" for number in range(20)}
    for subject in current:
        put(w, subject, "1")
        settle(w, log)
    created = log.created
    if how == "fell back":
        log.fall_back(5)
    else:
        log.lose()
    current["m0"] = b"2"
    put(w, "m0", "2")
    if how == "missing":
        flying(w)
        w.missing()
    settle(w, log, current)
    assert log.states() == current
    assert log.created == created + 1


def test_a_log_that_another_made_anew_is_not_deleted_again() -> None:
    log, w = Log(), writer()
    settle(w, log)
    for number in range(20):
        put(w, f"m{number}", "1")
        settle(w, log)
    log.lose()
    other = LaneWriter(feed="beta", lane=0, mandate=Mandate("other"))
    settle(other, log)
    created = log.created
    put(w, "m0", "2")
    settle(w, log)
    assert log.created == created


def test_an_unreadable_lead_record_is_nobodys() -> None:
    log, w = Log(), writer()
    log.write([Message(LEAD, b"rubbish")], Fence(LEAD, 0))
    settle(w, log)
    assert w.leading


@pytest.mark.parametrize("seed", range(200))
def test_whatever_is_lost_late_or_doubled_the_log_ends_as_the_states(seed: int) -> None:
    """Answers get lost before or after storing, lost writes come later, another takes the lead record's place."""
    chance = random.Random(seed)
    log, w = Log(), writer()
    truth: dict[str, bytes] = {}
    late: list[tuple[list[Message], Fence]] = []
    for number in range(120):
        subject, data = f"m{chance.randrange(8)}", str(number).encode()
        truth[subject] = data
        w.put(Message(subject, data))
        if late and chance.random() < 0.3:
            log.write(*late.pop(chance.randrange(len(late))))
        step = w.step()
        if step is None:
            continue
        fate = chance.random()
        if fate < 0.6 or isinstance(step, (ReadLead, RemakeLog)):
            answer(w, log, step)
        else:
            write = (step.messages if isinstance(step, WriteStates) else [step.message], step.fence)
            if fate < 0.75:
                log.write(*write)
            elif fate < 0.95:
                late.append(write)
            w.unknown(0)
        if w.lost:
            w.restore([])
    settle(w, log)
    for write in late:
        log.write(*write)
    put(w, "end", "1")
    settle(w, log)
    assert log.states() == {**truth, "end": b"1"}
    assert encode_record(leads(log)[-1])


def test_a_lead_record_of_an_older_lease_is_taken_over_and_of_a_newer_one_is_not() -> None:
    log = Log()
    settle(LaneWriter(feed="alpha", lane=0, mandate=Mandate("old", 5)), log)
    settle(LaneWriter(feed="alpha", lane=0, mandate=Mandate("new", 9)), log)
    assert [(lead.owner, lead.epoch) for lead in leads(log)] == [("old", 5), ("new", 9)]
    for epoch in (5, 9):
        late = LaneWriter(feed="alpha", lane=0, mandate=Mandate("late", epoch))
        with pytest.raises(NotLeader) as refusal:
            settle(late, log)
        assert refusal.value.epoch == 9
    assert len(leads(log)) == 2


def test_who_froze_between_reading_the_lead_and_writing_it_gives_way_to_a_newer_lease() -> None:
    log, slow = Log(), LaneWriter(feed="alpha", lane=0, mandate=Mandate("slow", 5))
    for _ in range(2):
        step = slow.step()
        assert step is not None
        answer(slow, log, step)
    settle(LaneWriter(feed="alpha", lane=0, mandate=Mandate("new", 9)), log)
    with pytest.raises(NotLeader):
        settle(slow, log)


def test_a_lost_log_is_led_on_by_the_same_lease() -> None:
    log, w = Log(), LaneWriter(feed="alpha", lane=0, mandate=Mandate("me", 5))
    settle(w, log)
    put(w, "a", "1")
    settle(w, log)
    log.lose()
    put(w, "a", "2")
    settle(w, log, {"a": b"2"})
    assert [lead.epoch for lead in leads(log)] == [5]
    assert log.states() == {"a": b"2"}
