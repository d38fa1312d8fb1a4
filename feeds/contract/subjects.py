"""Every NATS subject and stream name, in one place.

odds.{lane}.{sport}.{league}.{event}.{market}   whole state of a market      stream ODDS_{lane}
odds.{lane}.{sport}.{league}.{event}._event     whole state of an event
odds.{lane}.lead.{feed}                         who writes this feed's states in this lane
odds.{lane}.beat.{feed}                         how that feed is, four times a second
odds.{lane}.desk.{scope}                        the trader's overlay of football, football~nfl or football~nfl~E1
live.{lane}.>                                   the same, republished by the log with its sequence
settle.{lane}.{event}.{market}                  how a market ended           stream SETTLE
desk.audit.{sport}.{league}.{event}             every change of an overlay       stream DESK
fleet.{shard}                                   orders to one fan-out shard; not stored
revoked                                         tickets of an account are worth nothing; to every shard, not stored
account.told  account.began  account.asked      private news, and questions of shards about them; not stored
"""

from __future__ import annotations

from typing import Literal
from zlib import crc32

RecordKind = Literal["market", "event", "lead", "beat", "desk"]

_EVENT_TOKEN = "_event"  # noqa: S105 a subject token; no market id may be this, see market_subject()

_SCOPE_JOIN = "~"
"""Joins a scope into one token: it stands in no sport, league or event id."""


def lane_of(event_id: str, lanes: int) -> int:
    """The lane of an event, 0 to lanes - 1. All changes of one event share a lane and have one total order."""
    return crc32(event_id.encode()) % lanes


def stream_name(lane: int) -> str:
    """The JetStream stream of a lane."""
    return f"ODDS_{lane}"


def lane_subjects(lane: int) -> str:
    """Everything a lane's stream stores."""
    return f"odds.{lane}.>"


def live_subjects(lane: int) -> str:
    """Everything the lane's stream republishes to plain subscribers, each message with its sequence."""
    return f"live.{lane}.>"


def market_subject(lane: int, topic: str, market_id: str) -> str:
    """Where a market's states go. `topic` is its event's topic."""
    assert market_id != _EVENT_TOKEN
    return f"odds.{lane}.{topic}.{market_id}"


def event_subject(lane: int, topic: str) -> str:
    """Where an event's states go."""
    return f"odds.{lane}.{topic}.{_EVENT_TOKEN}"


def lead_subject(lane: int, feed: str) -> str:
    """The record that fences the writers of one feed in one lane."""
    return f"odds.{lane}.lead.{feed}"


def beat_subject(lane: int, feed: str) -> str:
    """Where the leader of one feed in one lane says how it is."""
    return f"odds.{lane}.beat.{feed}"


def desk_subject(lane: int, scope: str) -> str:
    """Where the overlay of a scope is. `scope` is the topic of a sport, league or event."""
    return f"odds.{lane}.desk.{scope.replace('.', _SCOPE_JOIN)}"


def desk_subjects(lane: int) -> str:
    """Every overlay of a lane."""
    return f"odds.{lane}.desk.*"


def desk_scope(subject: str) -> str:
    """The scope of an overlay, by its subject."""
    return subject.rsplit(".", 1)[1].replace(_SCOPE_JOIN, ".")


DESK_STREAM = "DESK"
"""The JetStream stream of what desks did, durable, kept long, de-duplicated by message id."""

DESK_SUBJECTS = "desk.audit.>"
"""Everything it stores."""


def audit_subject(scope: str) -> str:
    """Where changes of the overlay of a scope go."""
    return f"desk.audit.{scope}"


SETTLE_STREAM = "SETTLE"
"""The JetStream stream of results, durable, de-duplicated by message id."""

SETTLE_SUBJECTS = "settle.>"
"""Everything it stores."""


def settle_subject(lane: int, event_id: str, market_id: str) -> str:
    """Where results of a market go."""
    return f"settle.{lane}.{event_id}.{market_id}"


def fleet_subject(shard: str) -> str:
    """Where one fan-out shard takes orders."""
    return f"fleet.{shard}"


REVOKED_SUBJECT = "revoked"
"""Where every fan-out shard hears that an account's tickets were revoked."""

NEWS_TOLD_SUBJECT = "account.told"
"""Where every fan-out shard hears news of accounts, and takes those of its own devices."""

NEWS_BEGAN_SUBJECT = "account.began"
"""Where it hears that some may have been told to nobody."""

NEWS_ASKED_SUBJECT = "account.asked"
"""Where shards ask what an account's news are; one of those who listen answers."""


def source_id(feed: str, lane: int) -> str:
    """`src`: one feed in one lane, the unit of freshness."""
    return f"{feed}-{lane}"


def kind_of(subject: str) -> RecordKind:
    """What a stored or republished subject carries."""
    first = subject.split(".", 3)[2]
    if first in ("lead", "beat", "desk"):
        return first  # type: ignore[return-value]
    return "event" if is_event(subject) else "market"


def is_event(subject: str) -> bool:
    """Whether the subject of a state is an event's, and not a market's."""
    return subject.endswith("." + _EVENT_TOKEN)
