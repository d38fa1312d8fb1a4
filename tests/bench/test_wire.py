"""Frames are counted the same however TCP cuts them, and what a device says is what RFC 6455 wants of a client."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from bench import wire
from fanout.contract.messages import Subscribe, decode_client

SIZES = st.sampled_from((0, 1, 124, 125, 126, 127, 300, 65_535, 65_536))
FRAMES = st.lists(
    st.tuples(st.just(Opcode.TEXT), SIZES)
    | st.tuples(st.sampled_from((Opcode.PING, Opcode.CLOSE)), st.sampled_from((0, 2, 125))),
    max_size=6,
)


@given(FRAMES, st.lists(st.integers(1, 2_000), max_size=30))
def test_frames_are_found_however_they_are_cut(kinds: list[tuple[Opcode, int]], cuts: list[int]) -> None:
    frames = [(opcode, bytes(number % 251 for number in range(size))) for opcode, size in kinds]
    stream = b"".join(Frame(opcode, payload).serialize(mask=False) for opcode, payload in frames)
    walker, found = wire.FrameWalker(), []
    for cut in [*cuts, len(stream)]:
        if stream:
            found += walker.walk(stream[:cut])
            stream = stream[cut:]
    assert found == [(int(opcode), payload[:125]) for opcode, payload in frames]


def test_frames_are_found_byte_by_byte() -> None:
    stream = b"".join(Frame(Opcode.TEXT, b"x" * size).serialize(mask=False) for size in (3, 0, 200, 70_000))
    walker = wire.FrameWalker()
    found = [frame for byte in stream for frame in walker.walk(bytes([byte]))]
    assert [len(start) for _, start in found] == [3, 0, 125, 125]


def test_a_server_upgrades_and_understands_the_subscribe() -> None:
    server = ServerProtocol()
    server.receive_data(wire.handshake("ws://127.0.0.1:8100/v1/stream"))
    [request] = server.events_received()
    assert isinstance(request, Request)
    assert request.path == "/v1/stream"
    server.send_response(server.accept(request))
    server.receive_data(wire.subscribe(("football.nfl.E1",), 100))
    [frame] = server.events_received()
    assert isinstance(frame, Frame)
    assert decode_client(bytes(frame.data)) == Subscribe(id=1, topics=["football.nfl.E1"], conflate_ms=100)
