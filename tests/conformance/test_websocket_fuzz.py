"""Whatever a device sends, the shard's WebSocket answers or ends properly. Seeded: the same examples in every run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import EXTERNAL_CLOSE_CODES, Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from fanout.contract import closing
from fanout.ws import WebSocketConnection
from tests.conformance import saying
from tests.conformance.saying import Message, Wire
from tests.conformance.transport import Line, Stage, cut, frames_in, stage

seeded = settings(
    max_examples=400, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
_OF_THE_MOMENT = ("ts", "session")
"""Fields of an answer that are another each time."""


class Theatre:
    """A stage and the loop it lives on: Hypothesis calls from outside of it."""

    def __init__(self, runner: asyncio.Runner, on: Stage) -> None:
        self.stage = on
        self._runner = runner
        self._troubles: list[dict[str, Any]] = []
        runner.get_loop().set_exception_handler(lambda _loop, context: self._troubles.append(context))

    def says(self, chunks: Sequence[bytes]) -> tuple[Line, WebSocketConnection]:
        """A device that says this, and has been answered."""

        async def say() -> tuple[Line, WebSocketConnection]:
            self.stage.clear()
            line, connection = self.stage.upgraded()
            line.deliver(chunks)
            await self.stage.settled()
            return line, connection

        said = self._runner.run(say())
        assert not self._troubles
        return said

    def leaves(self, line: Line) -> None:
        """The device has gone, and nothing of it stays."""

        async def leave() -> None:
            line.lost()
            await self.stage.settled()

        self._runner.run(leave())
        assert len(self.stage.server.front.connections) == 1
        assert len(self.stage.server.shard.sessions.devices) == 1


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    with asyncio.Runner() as runner:
        entered: contextlib.AsyncExitStack = contextlib.AsyncExitStack()
        made: Stage = runner.run(entered.enter_async_context(stage()))
        yield Theatre(runner, made)
        runner.run(entered.aclose())


@seeded
@given(said=saying.anything, places=saying.places)
def test_whatever_is_said_ends_open_or_properly_closed(theatre: Theatre, said: bytes, places: list[int]) -> None:
    line, _ = theatre.says(cut(said, places))
    frames = frames_in(line.written)
    closes = [frame for frame in frames if frame.opcode is Opcode.CLOSE]
    if line.closed:
        assert closes == frames[-1:]
        assert is_proper(bytes(closes[0].data))
    else:
        assert closes == []
    assert all(isinstance(orjson.loads(frame.data), dict) for frame in frames if frame.opcode is Opcode.TEXT)
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
    client = ClientProtocol(parse_uri("ws://x/"), state=State.OPEN)
    client.receive_data(bytes(line.written))
    assert client.parser_exc is None
    assert [event for event in client.events_received() if isinstance(event, Frame)] == frames_in(line.written)
    assert (client.state is State.OPEN) == (not line.closed)
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
        line.deliver([chunk])
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
    line.deliver(cut(stream[place:], data.draw(saying.places)))
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
    line.deliver([Wire(saying.CONTINUATION, b"", fin=False).serialize() * 10_000])
    assert connection._message is not None
    assert len(connection._message) == 0
    assert not line.closed
    theatre.leaves(line)


def is_proper(data: bytes) -> bool:
    """Whether a close frame may say this: nothing, or a code of RFC 6455 section 7.4 and a reason in UTF-8."""
    code = int.from_bytes(data[:2])
    data[2:].decode()
    return not data or code in EXTERNAL_CLOSE_CODES or 3000 <= code < 5000


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
