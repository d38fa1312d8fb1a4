"""Every update is heard once, however TCP cuts the stream; updates for peers and for the shard are of one form."""

import itertools
import socket

import orjson
from hypothesis import given
from hypothesis import strategies as st

from bench import steady
from bench.audience import Heard, Listener, Speech
from bench.peers.intake import joined

UPDATES = tuple(steady.delta(number, 3, s=2000 + number, ts=1_790_000_000_000 + number) for number in range(5))
STREAM = b"\x81\x7e\x02\x00" + joined(UPDATES)


class Pausing:
    def write(self, data: bytes) -> None: ...

    def pause_reading(self) -> None: ...


def listener(heard: Heard, own: socket.socket, *, timed: bool) -> Listener:
    one = Listener(own, Speech(b"", b"", b""), heard, lambda: None, timed=timed)
    one.connection_made(Pausing())  # type: ignore[arg-type]
    one.data_received(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    return one


@given(st.lists(st.integers(1, 90), max_size=60))
def test_a_timed_listener_hears_every_update_once(cuts: list[int]) -> None:
    heard, stream = Heard(), STREAM
    with socket.socket() as own:
        one = listener(heard, own, timed=True)
        for cut in [*cuts, len(STREAM)]:
            if stream:
                one.data_received(stream[:cut])
                stream = stream[cut:]
    assert heard.updates == len(heard.latency) == len(UPDATES)


@given(st.lists(st.integers(1, 90), max_size=60))
def test_a_counting_listener_hears_every_update_once(cuts: list[int]) -> None:
    heard, stream = Heard(), STREAM
    with socket.socket() as own:
        one = listener(heard, own, timed=False)
        for cut in [*cuts, len(STREAM)]:
            if stream:
                one.data_received(stream[:cut])
                stream = stream[cut:]
    assert heard.updates == len(UPDATES)


def test_an_update_is_about_150_bytes_and_changes_both_sides() -> None:
    assert all(130 <= len(update) <= 170 for update in UPDATES)
    assert [set(side) for side in orjson.loads(UPDATES[0])["x"]] == [{"id", "a", "d"}] * 2


def test_every_turn_of_a_market_moves_both_prices() -> None:
    states = [steady.market(7, turn, lanes=4, ts=0) for turn in range(30)]
    for before, after in itertools.pairwise(states):
        assert all(a.price != b.price for a, b in zip(before.selections, after.selections))
