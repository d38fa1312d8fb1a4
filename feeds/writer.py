"""What the writer of one feed in one lane does next. Pure: asked for a step, told how it ended, it never awaits.

One write is in flight at a time. Newer states replace waiting ones meanwhile, so overload conflates here, and what
waits is bounded by the number of markets. Every write is fenced by the feed's own lead record, only ever written
expecting its own position. Whatever is not known to be stored is answered in one way: write the lead record anew, so
that a lost batch is refused if it still comes, then send the current states.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from feeds.candidacy import Mandate
from feeds.contract.errors import NotLeader, Refused
from feeds.contract.lane import Stored
from feeds.contract.model import FeedState
from feeds.contract.records import Beat, Lead, decode_record, encode_record
from feeds.contract.subjects import beat_subject, lead_subject
from feeds.lane_log import Fence, Message
from feeds.waiting import Waiting

BATCH_STATES_MAX = 500
"""States in one atomic batch; the server's limit is 1,000 messages."""


class WriteLead(NamedTuple):
    """Write the lead record, expecting its own position."""

    message: Message
    fence: Fence


class WriteStates(NamedTuple):
    """Write states, and perhaps a beat after them (`beat_state`)."""

    messages: list[Message]
    fence: Fence
    beat_state: FeedState | None


@dataclass(frozen=True)
class ReadLead:
    """Read the last lead record, as the stream's leader has it."""


@dataclass(frozen=True)
class RemakeLog:
    """Make the lane's stream where it is missing, and anew if it is still the one `created` then and ends below `s`."""

    created: str
    s: int


Step = WriteLead | WriteStates | ReadLead | RemakeLog


class LaneWriter:
    """The writer of `feed` in `lane`, by a mandate (feeds/candidacy.py).

    Begins with RemakeLog, then takes over: whoever led before is refused from then on. A lead record whose epoch is not
    below the mandate's is newer than its lease: that is not taken over.
    """

    def __init__(self, *, feed: str, lane: int, mandate: Mandate) -> None:
        self._feed = feed
        self._owner = mandate.owner
        self._epoch_granted = mandate.epoch
        self.lead_subject = lead_subject(lane, feed)
        self._beat_subject = beat_subject(lane, feed)
        self._queue = Waiting()
        self._next: RemakeLog | ReadLead | WriteLead | None = RemakeLog("", 0)
        self._flying: WriteStates | None = None
        self._created = ""
        self._led = False
        self._epoch = mandate.epoch
        self._lead_s = 0
        self._last_s = 0
        self._beat: Beat | None = None
        self._before_beat = 0
        self.lost = False
        """Whether the log was lost: whoever owns this writer then calls `restore`."""

    @property
    def leading(self) -> bool:
        """Whether the lead record is ours, as far as is known."""
        return self._led and self._next is None

    @property
    def lead_s(self) -> int:
        """Position of our lead record."""
        return self._lead_s

    @property
    def waiting(self) -> int:
        """States that wait to be sent."""
        return len(self._queue)

    @property
    def busy(self) -> bool:
        """Whether states wait, or are on their way."""
        return bool(self._queue) or self._flying is not None

    @property
    def conflated(self) -> int:
        """States that were replaced by newer ones before they were sent."""
        return self._queue.replaced

    def pending(self, subject: str) -> bool:
        """Whether a state of this subject waits, or is on its way and not acknowledged."""
        flying = self._flying
        if subject in self._queue:
            return True
        return flying is not None and any(message.subject == subject for message in flying.messages)

    def put(self, message: Message, *, ends_event: bool = False) -> None:
        """A state to send. An event's `ended` goes behind all that waits, so that it precedes no market's `gone`."""
        self._queue.put(message, last=ends_event)
        if ends_event and self._before_beat > 0:
            self._before_beat = len(self._queue)

    def beat(self, state: FeedState, now_ms: int) -> None:
        """A beat is due. `live` goes after everything that waits now: it says that all of that was written."""
        if self._beat is None or self._beat.state != state:
            self._beat = Beat(self._feed, state, now_ms)
            self._before_beat = len(self._queue) if state == "live" else 0

    def renew_lead(self, now_ms: int) -> None:
        """The lead record is to be written anew, before it ages."""
        if self._next is None:
            self._next = self._write_lead(now_ms)

    def restore(self, current: Iterable[Message]) -> None:
        """The log was lost: everything that counts now is sent again, where nothing newer waits."""
        self.lost = False
        self._queue.put_under(current)

    def step(self) -> Step | None:
        """What to do next, None for nothing. One of the calls below then tells how it ended."""
        assert self._flying is None
        if self._next is not None:
            return self._next
        if not self._queue and (self._beat is None or self._before_beat > 0):
            return None
        self._flying = self._take()
        return self._flying

    def _take(self) -> WriteStates:
        messages = self._queue.take(BATCH_STATES_MAX)
        self._before_beat = max(0, self._before_beat - len(messages))
        beat, beat_state = self._beat, None
        if beat is not None and self._before_beat == 0:
            messages.append(Message(self._beat_subject, encode_record(beat)))
            self._beat, beat_state = None, beat.state
        return WriteStates(messages, Fence(self.lead_subject, self._lead_s), beat_state)

    def made(self, created: str) -> None:
        """RemakeLog was done: the stream that is there now was `created` then."""
        if created != self._created:
            self.lost = self._created != ""
            self._created = created
            self._led = False
            self._lead_s = self._last_s = 0
        self._next = ReadLead()

    def lead_read(self, found: Stored | None, now_ms: int) -> None:
        """ReadLead gave the last lead record. Raises NotLeader if another process has taken over."""
        lead = None if found is None else _lead(found)
        s = 0 if found is None else found.s
        if lead is not None and lead.owner == self._owner and s > self._lead_s:
            self._led = True  # written by us, though we were not told; or refreshed by another feed's leader
            self._epoch = lead.epoch
            self.lead_written(s)
        elif not self._led or s == self._lead_s:
            if not self._led:
                self._take_over(lead)
            self._lead_s = s
            self._next = self._write_lead(now_ms)
        elif lead is not None and lead.owner != self._owner and lead.epoch >= self._epoch:
            raise self._not_leader(lead)
        else:
            self._lose()  # what we had written has disappeared

    def _take_over(self, lead: Lead | None) -> None:
        """Decides the epoch of our first lead record. Raises NotLeader where the last one is newer than our lease."""
        if not self._epoch_granted:
            self._epoch = max(self._epoch, 0 if lead is None else lead.epoch) + 1
        elif lead is not None and lead.owner != self._owner and lead.epoch >= self._epoch:
            raise self._not_leader(lead)

    def _not_leader(self, lead: Lead) -> NotLeader:
        return NotLeader(f"{self.lead_subject} belongs to {lead.owner} since its epoch {lead.epoch}", epoch=lead.epoch)

    def lead_written(self, s: int) -> None:
        """WriteLead was stored at `s`."""
        self._led = True
        self._lead_s = s
        self._next = None
        self._reached(s)

    def states_written(self, s: int) -> None:
        """WriteStates was stored, its last message at `s`."""
        flying = self._flying
        assert flying is not None
        self._flying = None
        self._queue.written(flying.messages)
        self._reached(s)

    def refused(self) -> None:
        """The fence did not hold and nothing was stored."""
        self._put_back()
        self._next = ReadLead()

    def unknown(self, now_ms: int) -> None:
        """Nobody knows whether the step was done, or still will be."""
        self._put_back()
        if self._next is None:
            self._next = self._write_lead(now_ms)

    def missing(self) -> None:
        """The lane has no stream, or it has no leader now."""
        self._put_back()
        self._next = RemakeLog(self._created, self._last_s)

    def _put_back(self) -> None:
        flying, self._flying = self._flying, None
        if flying is None:
            return
        self._queue.put_under(message for message in flying.messages if message.subject != self._beat_subject)
        if self._beat is not None and self._beat.state == "live":
            self._before_beat = len(self._queue)

    def _reached(self, s: int) -> None:
        if s <= self._last_s:
            self._lose()  # the log numbers anew, behind what it had acknowledged
        else:
            self._last_s = s

    def _lose(self) -> None:
        self.lost = True
        self._led = False
        self._next = RemakeLog(self._created, self._last_s)

    def _write_lead(self, now_ms: int) -> WriteLead:
        lead = Lead(self._feed, self._owner, self._epoch, now_ms)
        return WriteLead(Message(self.lead_subject, encode_record(lead)), Fence(self.lead_subject, self._lead_s))


def _lead(found: Stored) -> Lead | None:
    """The lead record; one nobody can read counts as nobody's."""
    try:
        record = decode_record(found.subject, found.data)
    except Refused:
        return None
    return record if isinstance(record, Lead) else None
