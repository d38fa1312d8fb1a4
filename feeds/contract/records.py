"""Bus messages and their bytes. JSON, versioned by `v`; unknown fields are ignored, a newer version is refused.

A record of a lane is one of Market, Event (model.py), Lead, Beat (below); which one follows from its subject
(subjects.kind_of). So does an Overlay (desk.py), which is no state and is asked for by those who want it. A Settlement
(results.py) has a stream and subjects of its own, and so has a desk's Change.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from feeds.contract.desk import Change, Overlay
from feeds.contract.errors import Refused
from feeds.contract.model import Event, FeedState, Market
from feeds.contract.results import Settlement
from feeds.contract.subjects import RecordKind, kind_of

VERSION = 1
"""Version of the bus format this code writes, and the newest it reads."""


class Lead(msgspec.Struct, frozen=True):
    """Who writes a feed's states in a lane. `owner` is unique to a term of leading; `epoch` rises with every lease."""

    feed: str
    owner: str
    epoch: int
    ts: int


class Beat(msgspec.Struct, frozen=True):
    """How a feed is in a lane, by its leader. `ts` is the leader's clock, Unix ms."""

    feed: str
    state: FeedState
    ts: int


Record = Market | Event | Lead | Beat

_Kind = TypeVar("_Kind")


class _Versioned(msgspec.Struct):
    v: int


_encoder = msgspec.json.Encoder()
_version_decoder = msgspec.json.Decoder(_Versioned)
_PREFIX = b'{"v":%d,' % VERSION

_decoders: dict[
    RecordKind,
    msgspec.json.Decoder[Market]
    | msgspec.json.Decoder[Event]
    | msgspec.json.Decoder[Lead]
    | msgspec.json.Decoder[Beat],
] = {
    "market": msgspec.json.Decoder(Market),
    "event": msgspec.json.Decoder(Event),
    "lead": msgspec.json.Decoder(Lead),
    "beat": msgspec.json.Decoder(Beat),
}
_settlement_decoder = msgspec.json.Decoder(Settlement)
_overlay_decoder = msgspec.json.Decoder(Overlay)
_change_decoder = msgspec.json.Decoder(Change)


def encode_record(record: Record) -> bytes:
    """The bytes of a record on the bus; they begin with the version."""
    return _PREFIX + _encoder.encode(record)[1:]


def decode_record(subject: str, data: bytes) -> Record | None:
    """The record of a stored message, or None for an overlay and a kind this version does not know.

    Raises Refused("bus_malformed" | "bus_version").
    """
    decoder = _decoders.get(kind_of(subject))
    if decoder is None:
        return None
    try:
        if not data.startswith(_PREFIX):
            _check_version(subject, data)
        return decoder.decode(data)
    except msgspec.DecodeError as error:
        raise Refused("bus_malformed", f"{subject}: {error}") from error


def encode_settlement(settlement: Settlement) -> bytes:
    """The bytes of a result on the bus; they begin with the version."""
    return _PREFIX + _encoder.encode(settlement)[1:]


def decode_settlement(subject: str, data: bytes) -> Settlement:
    """The result in a stored message of `settle.>`. Raises Refused("bus_malformed" | "bus_version")."""
    return _decode(_settlement_decoder, subject, data)


def encode_overlay(overlay: Overlay) -> bytes:
    """The bytes of an overlay on the bus; they begin with the version."""
    return _PREFIX + _encoder.encode(overlay)[1:]


def decode_overlay(subject: str, data: bytes) -> Overlay:
    """The overlay in a stored message of kind `desk`. Raises Refused("bus_malformed" | "bus_version")."""
    return _decode(_overlay_decoder, subject, data)


def encode_change(change: Change) -> bytes:
    """The bytes of a desk's change in its audit; they begin with the version."""
    return _PREFIX + _encoder.encode(change)[1:]


def decode_change(subject: str, data: bytes) -> Change:
    """The change in a stored message of `desk.audit.>`. Raises Refused("bus_malformed" | "bus_version")."""
    return _decode(_change_decoder, subject, data)


def _decode(decoder: msgspec.json.Decoder[_Kind], subject: str, data: bytes) -> _Kind:
    try:
        if not data.startswith(_PREFIX):
            _check_version(subject, data)
        return decoder.decode(data)
    except msgspec.DecodeError as error:
        raise Refused("bus_malformed", f"{subject}: {error}") from error


def _check_version(subject: str, data: bytes) -> None:
    version = _version_decoder.decode(data).v
    if not 1 <= version <= VERSION:
        raise Refused("bus_version", f"{subject}: bus format {version}, this program reads up to {VERSION}")
