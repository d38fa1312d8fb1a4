"""What devices may say, as Hypothesis draws it: operations, messages in fragments, and frames that break every rule."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import NamedTuple

from hypothesis import strategies as st

MASK = b"\x37\xfa\x21\x3d"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
CLOSE_CODES = (1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 999, 2999, 3000, 4000, 4999, 5000, 0, 65535)
TOPICS = ("football", "football.nfl", "football.nfl.E1", "football.nfl:main", "tennis", "", "a b", "*", "x" * 300)


class Wire(NamedTuple):
    """A frame, right or wrong. `length_bytes` 0: its length as short as can be, as RFC 6455 section 5.2 has it."""

    opcode: int
    payload: bytes
    fin: bool = True
    reserved: int = 0
    is_masked: bool = True
    length_bytes: int = 0

    def serialize(self) -> bytes:
        """The bytes on the socket."""
        size, mask_bit = len(self.payload), 0x80 if self.is_masked else 0
        first = bytes([(0x80 if self.fin else 0) | self.reserved << 4 | self.opcode])
        if self.length_bytes == 8 or size > 65_535:
            head = first + bytes([mask_bit | 127]) + size.to_bytes(8)
        elif self.length_bytes == 2 or size > 125:
            head = first + bytes([mask_bit | 126]) + size.to_bytes(2)
        else:
            head = first + bytes([mask_bit | size])
        if not self.is_masked:
            return head + self.payload
        return head + MASK + bytes(byte ^ MASK[place % 4] for place, byte in enumerate(self.payload))


class Message(NamedTuple):
    """A message, or a control frame alone: whole frames, in order."""

    frames: tuple[Wire, ...]

    def serialize(self) -> bytes:
        """The bytes on the socket."""
        return b"".join(frame.serialize() for frame in self.frames)


ids = st.integers() | st.text(max_size=8) | st.none()
topics = st.lists(st.sampled_from(TOPICS) | st.text(max_size=12), max_size=5)
cursors = st.none() | st.text(max_size=12) | st.sampled_from(["1.a.0-1", "1.a.0-1.0-2", "1.a.zz-zzzzzzzzzzzzz"])

operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["subscribe", "unsubscribe", "ping", "bet"])},
    optional={"id": ids, "topics": topics, "conflate_ms": st.none() | st.integers(), "cursor": cursors},
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
deep = st.integers(0, 1900).map(lambda depth: b'{"op":"ping","id":1,"x":' + b"[" * depth + b"]" * depth + b"}")
texts = (
    (operations | json_values).map(lambda value: json.dumps(value, ensure_ascii=False).encode())
    | st.text(max_size=300).map(str.encode)
    | deep
)

controls = st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125)).map(lambda drawn: Wire(*drawn))
closes = st.builds(
    lambda code, reason: Wire(CLOSE, code.to_bytes(2) + reason),
    st.sampled_from([1000, 1001, 3000, 4000]),
    st.text(max_size=20).map(str.encode),
)


@st.composite
def messages(draw: st.DrawFn, payloads: st.SearchStrategy[bytes] = texts) -> Message:
    """A text in one frame or several, with control frames between them."""
    payload = draw(payloads)
    places = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=4)))
    edges = [0, *places, len(payload)]
    frames: list[Wire] = []
    for number, (begin, end) in enumerate(pairwise(edges)):
        if number:
            frames += draw(st.lists(controls, max_size=2))
        frames.append(Wire(TEXT if number == 0 else CONTINUATION, payload[begin:end], fin=number == len(places)))
    return Message(tuple(frames))


obedient = st.lists(messages() | controls.map(lambda frame: Message((frame,))), max_size=8)
"""What breaks no rule of RFC 6455, and may be nonsense otherwise."""

wrong_frames = st.builds(
    Wire,
    opcode=st.sampled_from([TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG]) | st.integers(0, 15),
    payload=st.binary(max_size=200) | st.binary(min_size=4000, max_size=4200) | texts,
    fin=st.booleans(),
    reserved=st.sampled_from([0, 0, 0, 1, 2, 4, 7]),
    is_masked=st.sampled_from([True, True, True, False]),
    length_bytes=st.sampled_from([0, 0, 2, 8]),
)
wrong_closes = st.builds(
    lambda code, reason: Wire(CLOSE, code.to_bytes(2) + reason), st.sampled_from(CLOSE_CODES), st.binary(max_size=130)
)
huge = st.integers(4097, 2**64 - 1).map(lambda size: b"\x81\xff" + size.to_bytes(8) + MASK)
"""The head of a frame that claims to be larger than any message may be."""

anything = st.lists(
    messages().map(Message.serialize)
    | messages(st.binary(max_size=60)).map(Message.serialize)
    | controls.map(Wire.serialize)
    | closes.map(Wire.serialize)
    | wrong_frames.map(Wire.serialize)
    | wrong_closes.map(Wire.serialize)
    | huge
    | st.binary(max_size=20),
    max_size=8,
).map(b"".join)
"""Bytes of a device that does as it likes."""

places = st.lists(st.integers(1, 2000), max_size=12)
"""Where the bytes are cut into reads."""
