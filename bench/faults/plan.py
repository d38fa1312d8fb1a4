"""What goes wrong, as data, and whom it meets, by a seed. Pure: no socket, no clock.

A request is what a client sends, an answer what the server sends after it: an answer begins with the server's first
bytes since the client last sent some. That holds for every protocol in which one asks and the other answers.

Who is met depends on the seed, the number of the connection and the number of the request or answer in it, never on
timing: the same seed and the same conversation meet the same faults.
"""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Literal, NamedTuple

import msgspec

DELAY_MS_MAX = 60_000.0
BYTES_PER_S_MIN = 64
HOLD_S_MAX = 600.0
PHASES_MAX = 1_000


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is wrong with the line; the default is a line with which nothing is. Raises ValueError beyond a limit.

    Shares are of 1. `reset_*`: a random part of it passes, then both ends are reset. `drop_answers`: the request has
    passed, the answer and all after it is swallowed; the line acknowledges what it is sent for `hold_s` more, then is
    closed. `half_open`: connections that are accepted and acknowledge, and of which the server never hears, likewise
    for `hold_s`. `held_up`, `held_down`: nothing passes this way until the line is another, and then all of it does, as
    after a partition that TCP outlives; nobody hears of it. No fault takes bytes out of the middle of a stream: TCP
    would not. `corrupt` is for lines whose ends check what they get (TLS): on others TCP's checksum finds it, which is
    a stall.
    """

    delay_ms: float = 0.0
    """Of every byte, each way; does not lessen what passes in a second."""

    jitter_ms: float = 0.0
    """Up to so much more, drawn for each segment; order is kept."""

    bytes_per_s: int = 0
    """Each way and connection; 0: as many as come."""

    drop_answers: float = 0.0
    reset_answers: float = 0.0
    reset_requests: float = 0.0
    half_open: float = 0.0
    hold_s: float = 30.0
    split_bytes: int = 0
    """Segments are cut into random pieces of at most so many bytes, each written for itself; 0: not."""

    merge_ms: float = 0.0
    """What comes within so long is written as one."""

    stalls: float = 0.0
    """Segments that are lost and sent again: they, and all behind them, are `stall_ms` late."""

    stall_ms: float = 200.0
    """Linux's shortest retransmission timeout."""

    held_up: bool = False
    held_down: bool = False
    corrupt: float = 0.0
    """Segments in which one bit is another."""

    def __post_init__(self) -> None:
        shares = (self.drop_answers, self.reset_answers, self.reset_requests, self.half_open)
        if not all(0 <= share <= 1 for share in shares) or self.drop_answers + self.reset_answers > 1:
            raise ValueError("a share is 0 to 1, and so is that of all answers which are dropped or reset")
        if not all(0 <= share <= 1 for share in (self.stalls, self.corrupt)):
            raise ValueError("a share of the segments is 0 to 1")
        delays = (self.delay_ms, self.jitter_ms, self.merge_ms, self.stall_ms)
        if not all(0 <= each <= DELAY_MS_MAX for each in delays):
            raise ValueError(f"a delay is 0 to {DELAY_MS_MAX:.0f} ms")
        if not 0 <= self.hold_s <= HOLD_S_MAX:
            raise ValueError(f"a dead line is held 0 to {HOLD_S_MAX:.0f} s")
        if self.bytes_per_s and self.bytes_per_s < BYTES_PER_S_MIN:
            raise ValueError(f"a line carries {BYTES_PER_S_MIN} bytes/s or more")
        if self.split_bytes < 0:
            raise ValueError("a piece has 1 byte or more")


class Phase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From `from_s` seconds after the proxy began, the line is so."""

    from_s: float
    faults: Faults


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Phases in order of time; before the first nothing is wrong. Raises ValueError for any other order."""

    phases: tuple[Phase, ...]

    def __post_init__(self) -> None:
        if len(self.phases) > PHASES_MAX:
            raise ValueError(f"a schedule has at most {PHASES_MAX} phases")
        if any(one.from_s >= other.from_s for one, other in pairwise(self.phases)):
            raise ValueError("phases are given in order of time")

    def at(self, elapsed_s: float) -> Faults:
        """What is wrong then."""
        begun = [phase for phase in self.phases if phase.from_s <= elapsed_s]
        return begun[-1].faults if begun else Faults()


def always(faults: Faults) -> Schedule:
    """The same all the time."""
    return Schedule((Phase(0.0, faults),))


End = Literal["pass", "drop", "reset"]


class Fate(NamedTuple):
    """How a request or answer ends. `part`: of a reset one, what share of its first bytes passes."""

    end: End
    part: float


class Fates:
    """Who is met in one connection, the how manieth of the proxy `number` is. Draws the same however it ends."""

    def __init__(self, seed: int, number: int) -> None:
        self._opening = random.Random(f"{seed}/{number}/opening")
        self._requests = random.Random(f"{seed}/{number}/requests")
        self._answers = random.Random(f"{seed}/{number}/answers")
        self.up = random.Random(f"{seed}/{number}/up")
        """Jitter and pieces of what goes to the server."""

        self.down = random.Random(f"{seed}/{number}/down")
        """And of what comes from it."""

    def half_open(self, faults: Faults) -> bool:
        """Whether the server never hears of this connection. To be asked once."""
        return self._opening.random() < faults.half_open

    def request(self, faults: Faults) -> Fate:
        """Of the next request."""
        drawn, part = self._requests.random(), self._requests.random()
        return Fate("reset" if drawn < faults.reset_requests else "pass", part)

    def answer(self, faults: Faults) -> Fate:
        """Of the next answer."""
        drawn, part = self._answers.random(), self._answers.random()
        if drawn < faults.drop_answers:
            return Fate("drop", part)
        return Fate("reset" if drawn < faults.drop_answers + faults.reset_answers else "pass", part)


def turned(data: bytes, dice: random.Random) -> bytes:
    """The data with one bit that is another."""
    changed = bytearray(data)
    changed[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def pieces(data: bytes, bytes_max: int, dice: random.Random) -> list[bytes]:
    """The data cut into random pieces, whole where `bytes_max` is 0."""
    if not bytes_max:
        return [data]
    cut, start = [], 0
    while start < len(data):
        end = start + dice.randint(1, bytes_max)
        cut.append(data[start:end])
        start = end
    return cut
