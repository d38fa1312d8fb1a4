"""Each fault on real sockets: a server that echoes lines, the proxy before it, and what its client sees."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

import msgspec
import pytest
import trustme

from bench.faults.plan import Fates, Faults, Phase, Schedule, pieces
from bench.faults.proxy import FaultProxy
from tests.tcp import listening

LONG_S = 30.0
"""What has to happen happens within this."""

LINE = b"x" * 999 + b"\n"


class Echo:
    """Answers each line with itself; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.cut_off = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            try:
                while line := await reader.readuntil(b"\n"):
                    self.asked.append(line)
                    writer.write(line)
            except asyncio.IncompleteReadError:
                self.cut_off += 1
        writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, tuple[str, int]]]:
    echo = Echo()
    async with listening(echo.serve) as port:
        yield echo, ("127.0.0.1", port)


async def connect(proxy: FaultProxy) -> socket.socket:
    """A bare socket, that sees every segment and every reset as it comes."""
    bare = socket.socket()
    bare.setblocking(False)
    await asyncio.get_running_loop().sock_connect(bare, ("127.0.0.1", proxy.port))
    return bare


async def heard(bare: socket.socket, *, bytes_max: int = 1 << 20) -> list[bytes]:
    """What comes until EOF, or until so much has come. Raises ConnectionResetError."""
    got: list[bytes] = []
    async with asyncio.timeout(LONG_S):
        while sum(map(len, got)) < bytes_max:
            data = await asyncio.get_running_loop().sock_recv(bare, 65_536)
            if not data:
                break
            got.append(data)
    return got


async def ask(bare: socket.socket, line: bytes = LINE) -> bytes:
    """Sends a line; gives the answer of the same length."""
    await asyncio.get_running_loop().sock_sendall(bare, line)
    return b"".join(await heard(bare, bytes_max=len(line)))


async def test_a_line_without_faults_passes_everything_and_both_ends(echo: tuple[Echo, tuple[str, int]]) -> None:
    async with FaultProxy(echo[1], Faults(), seed=1) as proxy:
        with await connect(proxy) as bare:
            for number in range(3):
                assert await ask(bare, b"%d\n" % number) == b"%d\n" % number
            bare.shutdown(socket.SHUT_WR)
            assert await heard(bare) == []
        assert (proxy.counters.connections, proxy.counters.requests, proxy.counters.answers) == (1, 3, 3)
    assert echo[0].asked == [b"0\n", b"1\n", b"2\n"]
    assert (proxy.counters.bytes_up, proxy.counters.bytes_down) == (6, 6)


async def test_delay_and_jitter_hold_back_and_keep_the_order(echo: tuple[Echo, tuple[str, int]]) -> None:
    loop = asyncio.get_running_loop()
    async with FaultProxy(echo[1], Faults(delay_ms=100, jitter_ms=50), seed=1) as proxy:
        with await connect(proxy) as bare:
            began_s = loop.time()
            sent = [b"%d\n" % number for number in range(20)]
            for line in sent:
                await loop.sock_sendall(bare, line)
                await asyncio.sleep(0.001)
            assert b"".join(await heard(bare, bytes_max=len(b"".join(sent)))) == b"".join(sent)
            assert loop.time() - began_s >= 0.2  # there and back


async def test_a_throttled_line_takes_its_time(echo: tuple[Echo, tuple[str, int]]) -> None:
    loop = asyncio.get_running_loop()
    async with FaultProxy(echo[1], Faults(bytes_per_s=5_000, split_bytes=250), seed=1) as proxy:
        with await connect(proxy) as bare:
            began_s = loop.time()
            assert await ask(bare) == LINE
            assert loop.time() - began_s >= 0.15


async def test_a_dropped_answer_was_asked_and_is_never_heard(echo: tuple[Echo, tuple[str, int]]) -> None:
    async with FaultProxy(echo[1], Faults(drop_answers=1, hold_s=0.1), seed=1) as proxy:
        with await connect(proxy) as bare:
            await asyncio.get_running_loop().sock_sendall(bare, LINE)
            assert await heard(bare) == []
    assert echo[0].asked == [LINE]
    assert (proxy.counters.answers_dropped, proxy.counters.bytes_down) == (1, 0)


async def test_a_reset_answer_breaks_in_the_middle(echo: tuple[Echo, tuple[str, int]]) -> None:
    parts = []
    async with FaultProxy(echo[1], Faults(reset_answers=1), seed=3) as proxy:
        for _ in range(5):
            with await connect(proxy) as bare:
                await asyncio.get_running_loop().sock_sendall(bare, LINE)
                got: list[bytes] = []
                with contextlib.suppress(ConnectionResetError):
                    while data := await heard(bare, bytes_max=1):
                        got += data
                    pytest.fail("the line was closed, not reset")
                parts.append(b"".join(got))
    assert proxy.counters.answers_reset == 5
    assert all(LINE.startswith(part) and part != LINE for part in parts)
    assert any(parts)
    assert echo[0].asked == [LINE] * 5


async def test_a_reset_request_never_arrives_whole(echo: tuple[Echo, tuple[str, int]]) -> None:
    async with FaultProxy(echo[1], Faults(reset_requests=1), seed=1) as proxy:
        with await connect(proxy) as bare:
            await asyncio.get_running_loop().sock_sendall(bare, LINE)
            with pytest.raises(ConnectionResetError):
                await heard(bare)
    assert (echo[0].asked, proxy.counters.requests_reset) == ([], 1)


async def test_a_half_open_connection_acknowledges_and_the_server_never_hears_of_it(
    echo: tuple[Echo, tuple[str, int]],
) -> None:
    async with FaultProxy(echo[1], Faults(half_open=1, hold_s=0.1), seed=1) as proxy:
        with await connect(proxy) as bare:
            await asyncio.get_running_loop().sock_sendall(bare, LINE * 100)
            assert await heard(bare) == []
    assert (echo[0].asked, proxy.counters.half_open, proxy.counters.bytes_up) == ([], 1, 0)


async def test_segments_are_split_and_merged(echo: tuple[Echo, tuple[str, int]]) -> None:
    loop = asyncio.get_running_loop()
    async with FaultProxy(echo[1], Faults(split_bytes=100), seed=1) as proxy:
        with await connect(proxy) as bare:
            assert await ask(bare) == LINE
    assert min(proxy.counters.writes_up, proxy.counters.writes_down) >= 10
    async with FaultProxy(echo[1], Faults(merge_ms=200), seed=1) as proxy:
        with await connect(proxy) as bare:
            for _ in range(10):
                await loop.sock_sendall(bare, b"y\n")
                await asyncio.sleep(0.001)
            assert b"".join(await heard(bare, bytes_max=20)) == b"y\n" * 10
    assert proxy.counters.writes_up < 10


async def test_the_line_changes_by_schedule_and_by_hand(echo: tuple[Echo, tuple[str, int]]) -> None:
    well, dead = Faults(), Faults(half_open=1, hold_s=0.01)
    async with FaultProxy(echo[1], Schedule((Phase(0.0, well), Phase(3_600.0, dead))), seed=1) as proxy:
        with await connect(proxy) as bare:
            assert await ask(bare) == LINE
            proxy.reset_all()
            with pytest.raises(ConnectionResetError):
                await heard(bare)
        proxy.become(dead)
        with await connect(proxy) as bare:
            assert await heard(bare) == []


async def test_lost_segments_come_late_and_in_order(echo: tuple[Echo, tuple[str, int]]) -> None:
    loop = asyncio.get_running_loop()
    async with FaultProxy(echo[1], Faults(stalls=1, stall_ms=100), seed=1) as proxy:
        with await connect(proxy) as bare:
            began_s = loop.time()
            assert await ask(bare) == LINE
            assert loop.time() - began_s >= 0.2  # there and back


@pytest.mark.parametrize(("held", "heard_by_server"), [(Faults(held_up=True), []), (Faults(held_down=True), [LINE])])
async def test_a_way_that_is_held_lets_nothing_pass_until_it_is_let_go(
    echo: tuple[Echo, tuple[str, int]], held: Faults, heard_by_server: list[bytes]
) -> None:
    async with FaultProxy(echo[1], held, seed=1) as proxy:
        with await connect(proxy) as bare:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await ask(bare)
            assert echo[0].asked == heard_by_server
            proxy.become(Faults())
            assert b"".join(await heard(bare, bytes_max=len(LINE))) == LINE
    assert echo[0].asked == [LINE]


async def test_tls_finds_a_bit_that_was_turned() -> None:
    authority = trustme.CA()
    serving, asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    authority.configure_trust(asking)
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0, ssl=serving)
    async with server, FaultProxy(server.sockets[0].getsockname(), Faults(), seed=1) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, ssl=asking)
        writer.write(LINE)
        assert await reader.readuntil(b"\n") == LINE
        proxy.become(Faults(corrupt=1))
        writer.write(LINE)
        async with asyncio.timeout(LONG_S):
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await reader.readuntil(b"\n")
        writer.transport.abort()
        assert echo.asked == [LINE]


async def test_a_server_that_is_away_resets(echo: tuple[Echo, tuple[str, int]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        nowhere = gone.getsockname()
    async with FaultProxy(nowhere, Faults(), seed=1) as proxy:
        with await connect(proxy) as bare, pytest.raises(ConnectionResetError):
            await heard(bare)
    assert proxy.counters.unreachable == 1


async def test_the_same_seed_meets_the_same_requests(echo: tuple[Echo, tuple[str, int]]) -> None:
    async def run(seed: int) -> list[bool]:
        answered = []
        async with FaultProxy(echo[1], Faults(drop_answers=0.3, reset_answers=0.2, hold_s=0.01), seed=seed) as proxy:
            for _ in range(30):
                with await connect(proxy) as bare:
                    try:
                        answered.append(await ask(bare) == LINE)
                    except ConnectionResetError:
                        answered.append(False)
        return answered

    first = await run(7)
    assert first == await run(7) != await run(8)
    assert 5 <= first.count(True) <= 25


def test_fates_are_as_frequent_as_said_and_do_not_depend_on_each_other() -> None:
    faults = Faults(drop_answers=0.3, reset_answers=0.1, reset_requests=0.5)
    fates, mixed = Fates(1, 1), Fates(1, 1)
    answers = [fates.answer(faults) for _ in range(2_000)]
    for answer in answers:
        mixed.request(faults)  # must not move what answers meet
        assert mixed.answer(faults) == answer
    ends = [fate.end for fate in answers]
    assert 520 <= ends.count("drop") <= 680
    assert 140 <= ends.count("reset") <= 260


def test_faults_are_data_and_nonsense_is_refused() -> None:
    schedule = Schedule((Phase(0.0, Faults(delay_ms=5)), Phase(2.5, Faults(drop_answers=0.3))))
    assert msgspec.json.decode(msgspec.json.encode(schedule), type=Schedule) == schedule
    assert [schedule.at(at_s).delay_ms for at_s in (-1, 0, 2.4, 2.5)] == [0, 5, 5, 0]
    for bad in (
        b'{"drop_answers":1.1}',
        b'{"drop_answers":0.6,"reset_answers":0.6}',
        b'{"delay_ms":-1}',
        b'{"stalls":2}',
        b'{"x":1}',
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(bad, type=Faults)
    with pytest.raises(ValueError, match="in order"):
        Schedule((Phase(1.0, Faults()), Phase(1.0, Faults())))
    cut = pieces(LINE, 10, Fates(1, 1).up)
    assert b"".join(cut) == LINE
    assert {len(piece) <= 10 for piece in cut} == {True}
