"""Whether this process leads a feed or stands by for it. Pure: told how the lease was answered and that the log refused
it, asked what is to be done next. It never awaits, and never decides who may write.

The lease only decides who tries; the log's lead records decide who writes. From that follows:

- One lease a feed, for all lanes at once. A provider's connection serves every lane, so a process that led some lanes
  would need the connection all the same, and two would need two. The truth stays a lane's own: each has its lead
  record, and who is refused in one lane stands down in all of them.
- Who leads goes on leading when its lease cannot be renewed, be it that the coordination is away, has forgotten, or
  that another has the lease. If another does take over, the log says so within a beat.
- A standby takes over by a lease it was granted and by nothing else. While the coordination is away, a leader that dies
  is replaced by nobody; devices are shown its feed as stale in time, as they are for any silence.
- Once the coordination is back after it was away for so long that a lease may have ended, standbys let one time to live
  pass before they ask: the leader, which asks all the time, has its lease back by then, and no outage moves a feed.
- Who leads and has not heard of the log for long lets its lease end: others may be nearer to it. It tries on all the
  same, so that where nobody reaches the log the first who does leads.
- Who was refused by the log waits a time to live before it asks again. If it still had the lease, that goes to who has
  the log; two who disagree change places no more often than that.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

UNHEARD_S_MAX = 10.0
"""A lane whose stream loses its leader by power is silent for some 5 s, to everybody: no reason to move a feed."""

Role = Literal["standby", "leading", "ending"]

Question = Literal["lease", "look"]
"""What to ask the coordination: for the lease, or anything at all, to see whether it answers."""


class Mandate(NamedTuple):
    """By what a term is led. `owner` is unique to the term, also within a process, so that what one term left on its
    way is never taken for the next one's. `epoch` 0: no lease was asked for, and the feed is taken from anybody."""

    owner: str
    epoch: int = 0


class LeaseTimes(NamedTuple):
    """How long a lease lasts, and how often it is asked for or renewed: at most half of that."""

    ttl_s: int
    interval_s: float


class Candidacy:
    """One process and one feed. `owner` is unique to the life of the process. Times are of a monotonic clock."""

    def __init__(self, owner: str, times: LeaseTimes) -> None:
        self._owner = owner
        self._ttl_s = times.ttl_s
        self._patience_s = times.ttl_s - 2 * times.interval_s
        """A lease renewed an interval before the coordination was last heard of lasts so long, and an interval more."""
        self._away_since_s = 0.0
        self._terms = 0
        self._wait_until_s = 0.0
        self._epoch_seen = 0
        self.role: Role = "standby"
        self.epoch = 0
        """Of the lease as it was last granted."""
        self.holds = False
        """Whether the lease was ours when it was last asked for."""
        self.away = False
        """Whether the coordination did not answer when it was last asked."""

    def question(self, now_s: float, heard_s: float) -> Question | None:
        """What to ask now; one of the calls below then tells the answer. `heard_s`: when the log last answered."""
        if self.role == "standby":
            if self.away and now_s - self._away_since_s > self._patience_s:
                return "look"
            if now_s < self._wait_until_s:
                return None
        return "lease" if now_s - heard_s <= UNHEARD_S_MAX else None

    def granted(self, epoch: int, asked_s: float) -> Mandate | None:
        """The lease is ours. Gives the mandate of a term that begins by it. An answer to what was asked before we were
        deposed begins none: who was frozen finds that answer and the log's refusal at the same time."""
        self.away = False
        self.holds = True
        self.epoch = epoch
        if self.role != "standby" or asked_s < self._wait_until_s:
            return None
        self.role = "leading"
        self._terms += 1
        return Mandate(f"{self._owner}-{self._terms}", max(epoch, self._epoch_seen + 1))

    def refused(self) -> None:
        """The lease is another's."""
        self.away = False
        self.holds = False

    def looked(self, now_s: float) -> None:
        """The coordination answers again."""
        self.away = False
        self._wait_until_s = now_s + self._ttl_s

    def unreachable(self, asked_s: float) -> None:
        """The coordination did not answer what it was asked then."""
        if not self.away:
            self.away = True
            self._away_since_s = asked_s

    def deposed(self, epoch: int, now_s: float) -> None:
        """The log refused this term, whose provider has stopped by now, for a lead record of this epoch.

        A lease that is granted after this is newer than that record, whatever its own epoch: the coordination may have
        forgotten how far it had counted.
        """
        self._epoch_seen = max(self._epoch_seen, epoch)
        self._wait_until_s = now_s + self._ttl_s
        if self.role == "leading":
            self.role = "standby"

    def ends(self) -> None:
        """The process was told to end: no term begins any more."""
        self.role = "ending"
