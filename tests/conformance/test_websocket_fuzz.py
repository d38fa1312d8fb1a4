"""Whatever a device sends, the shard's WebSocket answers or ends properly. Seeded: the same examples in every run."""

from __future__ import annotations

from itertools import accumulate

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.frames import Opcode

from fanout.contract import closing
from tests.conformance import saying
from tests.conformance.saying import Message, Wire
from tests.conformance.theatre import Theatre, assert_open_or_properly_closed, assert_understood
from tests.conformance.transport import Line, cut, frames_in

seeded = settings(
    max_examples=400, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
_OF_THE_MOMENT = ("ts", "session")
"""Fields of an answer that are another each time."""


@seeded
@given(said=saying.anything, places=saying.places)
def test_whatever_is_said_ends_open_or_properly_closed(theatre: Theatre, said: bytes, places: list[int]) -> None:
    line, _ = theatre.says(cut(said, places))
    assert_open_or_properly_closed(line)
    theatre.leaves(line)


@seeded
@given(said=saying.anything, places=saying.places, others=saying.places)
def test_how_it_is_cut_into_reads_changes_nothing(
    theatre: Theatre, said: bytes, places: list[int], others: list[int]
) -> None:
    one, _ = theatre.says(cut(said, places))
    theatre.leaves(one)
    other, _ = theatre.says(cut(said, others))
    theatre.leaves(other)
    assert one.aborted == other.aborted
    assert spoken(one) == spoken(other)


@seeded
@given(said=saying.anything, places=saying.places)
def test_a_websockets_client_understands_what_it_is_told(theatre: Theatre, said: bytes, places: list[int]) -> None:
    line, _ = theatre.says(cut(said, places))
    assert_understood(line)
    theatre.leaves(line)


@seeded
@given(said=saying.obedient, places=saying.places, behind=saying.messages())
def test_the_parser_is_there_only_while_something_is_pending(
    theatre: Theatre, said: list[Message], places: list[int], behind: Message
) -> None:
    whole = b"".join(message.serialize() for message in said)
    ends = {0, *accumulate(len(message.serialize()) for message in said)}
    begun = behind.serialize()[:-1]
    read = 0
    line, connection = theatre.says([])
    for chunk in cut(whole + begun, places):
        theatre.goes_on(line, [chunk])
        read += len(chunk)
        assert (connection._parser is None) == (read in ends)
    assert not line.closed
    theatre.leaves(line)


@seeded
@given(said=saying.obedient, data=st.data())
def test_a_shard_that_says_goodbye_in_between_says_it_once_and_last(
    theatre: Theatre, said: list[Message], data: st.DataObject
) -> None:
    stream = b"".join(message.serialize() for message in said) + Wire(saying.CLOSE, b"\x03\xe8").serialize()
    place = data.draw(st.integers(0, len(stream) - 1))
    line, connection = theatre.says(cut(stream[:place], data.draw(saying.places)))
    theatre.stage.server.shard.sessions.close(connection._device, closing.DRAINED, 0)
    theatre.goes_on(line, cut(stream[place:], data.draw(saying.places)))
    frames = frames_in(line.written)
    closes = [place for place, frame in enumerate(frames) if frame.opcode is Opcode.CLOSE]
    assert len(closes) == 1
    assert frames[closes[0]].data[:2] == closing.DRAINED.code.to_bytes(2)
    assert {frame.opcode for frame in frames[closes[0] + 1 :]} <= {Opcode.PONG}
    assert line.closed
    theatre.leaves(line)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        pytest.param(b'{"op":"ping","id":1,"x":' + b"[" * 2000 + b"]" * 2000 + b"}", "bad_json", id="deep"),
        pytest.param(b'{"op":"ping","id":' + b"9" * 40 + b"}", "bad_op", id="an id beyond JSON's integers"),
        pytest.param(b'{"op":"ping","id":"\\ud800"}', "bad_json", id="half a character"),
    ],
)
def test_json_that_cannot_be_taken_is_refused_by_its_code(theatre: Theatre, said: bytes, code: str) -> None:
    line, _ = theatre.says([Wire(saying.TEXT, said).serialize()])
    answer = orjson.loads(frames_in(line.written)[0].data)
    assert (answer["t"], answer["code"]) == ("error", code)
    theatre.leaves(line)


def test_empty_fragments_take_no_memory(theatre: Theatre) -> None:
    line, connection = theatre.says([Wire(saying.TEXT, b"", fin=False).serialize()])
    theatre.goes_on(line, [Wire(saying.CONTINUATION, b"", fin=False).serialize() * 10_000])
    assert connection._message is not None
    assert len(connection._message) == 0
    assert not line.closed
    theatre.leaves(line)


def spoken(line: Line) -> list[object]:
    """What the device was told, without what is another each time; and whether that was all."""
    told: list[object] = [line.closed]
    for frame in frames_in(line.written):
        content: object = bytes(frame.data)
        if frame.opcode is Opcode.TEXT:
            answer = orjson.loads(frame.data)
            content = {name: value for name, value in answer.items() if name not in _OF_THE_MOMENT}
        told.append((frame.opcode, content))
    return told
