"""Messages by direction: `ClientIn` is what a device says, the functions are what a shard says. PROTOCOL.md section 2.

Frames that many devices share are joined from encoded parts (`delta_frame`, `image_frame`); the rest is plain JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import orjson

from fanout.contract.closing import RETRY, ErrorCode
from feeds.contract.errors import Refused
from feeds.contract.freshness import SourceState

SCHEMA = 1

OpId = Annotated[int, msgspec.Meta(ge=-(2**53) + 1, le=2**53 - 1)] | str
"""A device's own name for what it asks: the integers every JSON reader can hold (RFC 8259 section 6), or text."""


class Subscribe(msgspec.Struct, frozen=True, tag_field="op", tag="subscribe"):
    """Adds topics, and moves the whole connection to the tier `conflate_ms` (None: as it is)."""

    id: OpId
    topics: list[str]
    conflate_ms: int | None = None
    cursor: str | None = None


class Unsubscribe(msgspec.Struct, frozen=True, tag_field="op", tag="unsubscribe"):
    """Removes topics."""

    id: OpId
    topics: list[str]


class Ping(msgspec.Struct, frozen=True, tag_field="op", tag="ping"):
    """Asks for a pong."""

    id: OpId


ClientIn = Subscribe | Unsubscribe | Ping


class _Identified(msgspec.Struct):
    id: OpId | None = None


_decoder: msgspec.json.Decoder[ClientIn] = msgspec.json.Decoder(ClientIn)
_id_decoder = msgspec.json.Decoder(_Identified)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode_client(text: bytes) -> ClientIn:
    """What a device said. Raises Refused("bad_json" | "bad_op")."""
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise Refused("bad_op", str(error)) from error
    except _UNREADABLE as error:
        raise Refused("bad_json", str(error)) from error


def op_id(text: bytes) -> OpId | None:
    """The id of a message that could not be understood, where it has one."""
    try:
        return _id_decoder.decode(text).id
    except _UNREADABLE:
        return None


def welcome(*, session: str, shard: str, hb_ms: int, tiers_ms: Sequence[int], limits: Mapping[str, int]) -> bytes:
    """First message of a connection."""
    return orjson.dumps(
        {
            "t": "welcome",
            "schema": SCHEMA,
            "session": session,
            "shard": shard,
            "hb_ms": hb_ms,
            "conflate_ms": list(tiers_ms),
            "limits": dict(limits),
        }
    )


def subscribed(
    *, op: OpId | None, epoch: str, tier_ms: int, topics: Mapping[str, str], why: Mapping[str, str]
) -> bytes:
    """Answer to subscribe; without an id, the shard's own word that `topics` start anew."""
    body: dict[str, Any] = {"t": "subscribed"}
    if op is not None:
        body["id"] = op
    body |= {"epoch": epoch, "conflate_ms": tier_ms, "topics": dict(topics)}
    if why:
        body["why"] = dict(why)
    return orjson.dumps(body)


def unsubscribed(op: OpId, topics: Sequence[str]) -> bytes:
    """Answer to unsubscribe."""
    return orjson.dumps({"t": "unsubscribed", "id": op, "topics": list(topics)})


def pong(op: OpId, ts: int) -> bytes:
    """Answer to ping."""
    return orjson.dumps({"t": "pong", "id": op, "ts": ts})


def live(*, topics: Sequence[str], src: Mapping[str, SourceState], cursor: str) -> bytes:
    """End of a catch-up: from here shared frames follow."""
    return orjson.dumps({"t": "live", "topics": list(topics), "src": dict(src), "cursor": cursor})


def source(source_id: str, state: SourceState, ts: int) -> bytes:
    """A source turned."""
    return orjson.dumps({"t": "src", "id": source_id, "state": state, "ts": ts})


def heartbeat(
    *, ts: int, src: Mapping[str, SourceState], age_ms: Mapping[str, int], lag_ms: Mapping[str, int], cursor: str
) -> bytes:
    """Every `hb_ms` to every device that is live: freshness, lag and a cursor that also moves quiet topics on."""
    return orjson.dumps(
        {"t": "hb", "ts": ts, "src": dict(src), "age_ms": dict(age_ms), "lag_ms": dict(lag_ms), "cursor": cursor}
    )


def private_heartbeat(ts: int) -> bytes:
    """Likewise to a device that hears of its account alone: there is no cursor."""
    return orjson.dumps({"t": "hb", "ts": ts, "src": {}, "age_ms": {}, "lag_ms": {}})


def account(seq: int, ts: int, kind: str, data: bytes) -> bytes:
    """News of the device's account, or its `state`; `data` is JSON already."""
    return b'{"t":"account","seq":%d,"ts":%d,"kind":"%b","data":%b}' % (seq, ts, kind.encode(), data)


def waiting(topic: str, retry_ms: int) -> bytes:
    """This topic cannot be told at the moment; it is tried again within `retry_ms`, and begins anew then."""
    return orjson.dumps({"t": "waiting", "topic": topic, "code": "unavailable", "retry_ms": retry_ms})


def slow(behind_ms: int, close_at_ms: int) -> bytes:
    """The device did not keep up for `behind_ms`; not draining for `close_at_ms` closes 4008."""
    return orjson.dumps({"t": "slow", "behind_ms": behind_ms, "close_at_ms": close_at_ms})


def drain(*, after_ms: int, deadline_ms: int, url: str | None) -> bytes:
    """Move to `url` in `after_ms`; this connection ends at `deadline_ms`."""
    body: dict[str, Any] = {"t": "drain", "after_ms": after_ms, "deadline_ms": deadline_ms}
    if url is not None:
        body["url"] = url
    return orjson.dumps(body)


def error(
    code: ErrorCode, message: str, *, op: OpId | None = None, topic: str | None = None, fatal: bool = False
) -> bytes:
    """A refusal. `fatal`: the connection closes next."""
    body: dict[str, Any] = {"t": "error", "id": op, "code": code, "message": message}
    if topic is not None:
        body["topic"] = topic
    body |= {"retry": RETRY[code], "fatal": fatal}
    return orjson.dumps(body)


def image_frame(markets: Sequence[bytes], events: Sequence[bytes], why: str) -> bytes:
    """`img`: whole markets and events of a catch-up, never with a cursor."""
    return b'{"t":"img","m":[%b]%b,"why":"%b"}' % (b",".join(markets), _events(events), why.encode())


def delta_frame(
    ts: int, markets: Sequence[bytes], events: Sequence[bytes], *, cursor: str | None = None, why: str | None = None
) -> bytes:
    """`d`: what changed. `cursor` only after a flush; `why` only in a catch-up."""
    tail = b""
    if why is not None:
        tail = b',"why":"%b"' % why.encode()
    if cursor is not None:
        tail += b',"cursor":"%b"' % cursor.encode()
    return b'{"t":"d","ts":%d,"m":[%b]%b%b}' % (ts, b",".join(markets), _events(events), tail)


def _events(events: Sequence[bytes]) -> bytes:
    return b',"e":[%b]' % b",".join(events) if events else b""
