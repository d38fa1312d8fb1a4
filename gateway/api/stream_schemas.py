"""What a shard says on the stream, as types, for AsyncAPI. fanout/contract/messages.py and codec.py write the messages;
tests hold theirs against these types. PROTOCOL.md, sections 2 to 4, says what they mean."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from fanout.contract.closing import ErrorCode, Retry
from feeds.contract.freshness import SourceState
from feeds.contract.model import Status
from gateway.api.schemas import American, Decimal, Event, Id, Market, Milliseconds, Position, Size

Cursor = Annotated[str, msgspec.Meta(description="opaque: everything up to here was written to this device")]
OpId = int | str

_MARKET_OR_DELTA = [{"$ref": f"#/components/schemas/{name}"} for name in ("Market", "Delta")]


class SelectionDelta(msgspec.Struct):
    """What changed of one selection. null: withdrawn."""

    id: Id
    a: American | None | UnsetType = UNSET
    d: Decimal | None | UnsetType = UNSET
    lay: Decimal | None | UnsetType = UNSET
    size: Size | None | UnsetType = UNSET
    ltp: Decimal | None | UnsetType = UNSET
    st: Status | UnsetType = UNSET


class Delta(msgspec.Struct):
    """What changed of a market, absolutely, since the state at position `p`."""

    id: Id
    p: Position
    s: Position
    ts: Milliseconds
    st: Status | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    live: bool | UnsetType = UNSET
    src: str | UnsetType = UNSET
    gone: bool | UnsetType = UNSET
    replaced_by: Id | UnsetType = UNSET
    x: list[SelectionDelta] | UnsetType = UNSET


class Welcome(msgspec.Struct, tag_field="t", tag="welcome"):
    """First message of a connection."""

    schema: int
    session: str
    shard: str
    hb_ms: int
    conflate_ms: list[int]
    limits: dict[str, int]


class Subscribed(msgspec.Struct, tag_field="t", tag="subscribed"):
    """Answer to subscribe; without `id` the shard's own word that these topics start anew."""

    epoch: str
    conflate_ms: int
    topics: dict[str, Literal["image", "delta", "current"]]
    id: OpId | UnsetType = UNSET
    why: dict[str, Literal["epoch_changed", "bad_cursor", "not_covered"]] | UnsetType = UNSET


class Image(msgspec.Struct, tag_field="t", tag="img"):
    """Whole markets and events of a catch-up."""

    m: list[Market]
    e: list[Event] | UnsetType = UNSET
    why: str | UnsetType = UNSET


class Changes(msgspec.Struct, tag_field="t", tag="d"):
    """What changed. A market may come whole."""

    ts: Milliseconds
    m: Annotated[list[Any], msgspec.Meta(extra_json_schema={"items": {"anyOf": _MARKET_OR_DELTA}})]
    e: list[Event] | UnsetType = UNSET
    cursor: Cursor | UnsetType = UNSET
    why: Literal["resume", "slow", "tier", "topics"] | UnsetType = UNSET


class Live(msgspec.Struct, tag_field="t", tag="live"):
    """End of a catch-up."""

    topics: list[str]
    src: dict[str, SourceState]
    cursor: Cursor


class SourceTurned(msgspec.Struct, tag_field="t", tag="src"):
    """A source turned."""

    id: str
    state: SourceState
    ts: Milliseconds


class Heartbeat(msgspec.Struct, tag_field="t", tag="hb"):
    """Freshness and lag, every `hb_ms`. Without a cursor where the account alone is heard."""

    ts: Milliseconds
    src: dict[str, SourceState]
    age_ms: dict[str, int]
    lag_ms: dict[str, int]
    cursor: Cursor | UnsetType = UNSET


class Unsubscribed(msgspec.Struct, tag_field="t", tag="unsubscribed"):
    """Answer to unsubscribe."""

    id: OpId
    topics: list[str]


class Pong(msgspec.Struct, tag_field="t", tag="pong"):
    """Answer to ping."""

    id: OpId
    ts: Milliseconds


class Slow(msgspec.Struct, tag_field="t", tag="slow"):
    """The device does not keep up."""

    behind_ms: int
    close_at_ms: int


class Drain(msgspec.Struct, tag_field="t", tag="drain"):
    """Move elsewhere."""

    after_ms: int
    deadline_ms: int
    url: str | UnsetType = UNSET


class AccountNews(msgspec.Struct, tag_field="t", tag="account"):
    """News of the ticket's own account, dense by `seq`; first comes its `state`. What `data` holds depends on `kind`;
    amounts are decimal strings, `wallet` is what the account had then."""

    seq: int
    ts: Milliseconds
    kind: Annotated[str, msgspec.Meta(examples=["state", "balance", "bet_placed", "bet_settled"])]
    data: dict[str, Any]


class Waiting(msgspec.Struct, tag_field="t", tag="waiting"):
    """A topic cannot be told at the moment. It begins anew as soon as it can."""

    topic: str
    code: Literal["unavailable"]
    retry_ms: int


class Refusal(msgspec.Struct, tag_field="t", tag="error"):
    """What was asked is refused."""

    id: OpId | None
    code: ErrorCode
    message: str
    retry: Retry
    fatal: bool
    topic: str | UnsetType = UNSET


SERVER_MESSAGES = (
    Welcome,
    Subscribed,
    Image,
    Changes,
    Live,
    SourceTurned,
    Heartbeat,
    Unsubscribed,
    Pong,
    Slow,
    Drain,
    AccountNews,
    Waiting,
    Refusal,
)
"""Every message a shard says. Adding one is one line here."""
