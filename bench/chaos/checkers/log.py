"""The log, read whole and by itself: every record of every lane, as JSON, with the time at which it was stored.

Bus records are read as they stand there; what they mean on the wire is said once more in `market_form`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy

from bench.chaos.checkers.bus import one_connection

_WITHIN_S = 10.0
_BATCH = 512


class Record(NamedTuple):
    """One record: `form` as a device shows it, `gone` or ended; `body` as it stands."""

    id: str
    kind: str
    s: int
    at_s: float
    form: int
    is_open: bool
    over: bool
    body: dict[str, Any]


@dataclass
class Log:
    """What was read so far. `lanes`: by lane and position; `beats`: times at which a source said that it is live."""

    created: dict[int, str] = field(default_factory=dict)
    read: dict[int, int] = field(default_factory=dict)
    records: dict[tuple[int, int], Record] = field(default_factory=dict)
    last: dict[tuple[int, str], Record] = field(default_factory=dict)
    beats: dict[str, list[float]] = field(default_factory=dict)
    holes: list[str] = field(default_factory=list)

    async def follow(self, nats_url: str, lanes: int) -> None:
        """Reads what came since the last call, up to what there is now. Raises OSError, NatsError."""
        client = await one_connection(nats_url)
        try:
            stream = client.jetstream(timeout=_WITHIN_S)
            for lane in range(lanes):
                await self._read(stream, lane)
        finally:
            await client.close()

    async def _read(self, stream: JetStreamContext, lane: int) -> None:
        info = await stream.stream_info(f"ODDS_{lane}")
        created = str(info.created)
        if self.created.setdefault(lane, created) != created:
            self.holes.append(f"lane {lane} was made anew")
            self.created[lane], self.read[lane] = created, 0
        first, last = self.read.get(lane, 0) + 1, info.state.last_seq
        if last < first:
            return
        begin = ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=first)
        subscription = await stream.subscribe(f"odds.{lane}.>", ordered_consumer=True, config=begin)
        try:
            async with asyncio.timeout(_WITHIN_S * 6):
                while self.read.get(lane, 0) < last:
                    message = await subscription.next_msg(timeout=_WITHIN_S)
                    meta = message.metadata
                    self._take(lane, meta.sequence.stream, meta.timestamp.timestamp(), message.subject, message.data)
        finally:
            await subscription.unsubscribe()

    def _take(self, lane: int, s: int, at_s: float, subject: str, data: bytes) -> None:
        expected = self.read.get(lane, 0) + 1
        if s != expected and expected > 1:
            self.holes.append(f"lane {lane}: {s} follows {expected - 1}")
        self.read[lane] = s
        words, body = subject.split("."), orjson.loads(data)
        if words[2] == "beat":
            if body["state"] == "live":
                self.beats.setdefault(f"{words[3]}-{lane}", []).append(at_s)
        elif words[2] not in ("lead", "desk"):
            record = _record(words[-1], s, at_s, body)
            self.records[lane, s] = record
            self.last[lane, record.id] = record


def _record(last_word: str, s: int, at_s: float, body: dict[str, Any]) -> Record:
    if last_word == "_event":
        return Record(body["id"], "event", s, at_s, hash(_event(body)), False, body["state"] == "ended", body)
    gone = bool(body.get("gone"))
    form = hash(("gone",) if gone else _market(body))
    return Record(body["id"], "market", s, at_s, form, body["st"] == "open" and not gone, gone, body)


def _market(body: dict[str, Any]) -> Any:
    """As bench.chaos.view writes a MARKET of the wire."""
    sides = tuple(_side(side) for side in body["x"])
    names = ("id", "event", "topic", "class", "type", "period", "src", "ts", "st", "line", "group")
    return (*(body.get(name) for name in names), bool(body.get("live")), sides)


def _side(side: dict[str, Any]) -> Any:
    milli, american = side.get("price") or (None, None)
    return side["id"], side.get("st", "open"), american, milli, side.get("line")


def _event(body: dict[str, Any]) -> Any:
    score = body.get("score")
    names = ("id", "topic", "name", "start", "state", "home", "away", "clock")
    return (*(body.get(name) for name in names), None if score is None else (score["home"], score["away"]))
