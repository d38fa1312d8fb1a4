"""What goes wrong in one run, as data, drawn by a seed. Pure.

A fault is laid on at `from_s` and taken off at `to_s`. No target has two at a time, so that each can be told apart and
taken off by itself; and all are over at the end of the plan, after which everything has to come back.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from bench.faults.plan import Faults

FAULTS_MIN, FAULTS_MAX = 3, 7
"""Of one plan."""

FAULT_S_MIN = 0.5
QUIET_SHARE = 0.08
"""Of a plan's time: nothing is laid on before it, and all is off at as much before the end."""

CORRUPTED = 0.5
"""Share of the faults of a line on which that is a fault of its own."""

SKEWS_S = (-30.0, -2.0, 2.0, 30.0)
"""Within what clocks of a fleet differ by, and far beyond it."""

Kill = Literal["kill", "freeze", "restart"]


class LineFault(msgspec.Struct, frozen=True, tag="line"):
    """A line is so. `cut`: its connections are reset when that begins; `cut_after`: when it ends, as if TCP gave up."""

    link: str
    faults: Faults = Faults()
    cut: bool = False
    cut_after: bool = False

    @property
    def target(self) -> str:
        """What it happens to."""
        return f"line {self.link}"


class ProcessFault(msgspec.Struct, frozen=True, tag="process"):
    """A process is killed (SIGKILL) and started again at the end; frozen (SIGSTOP) until then; or ended as for a new
    version (SIGTERM), and started again at once."""

    process: str
    how: Kill

    @property
    def target(self) -> str:
        """What it happens to."""
        return f"process {self.process}"


class ClockFault(msgspec.Struct, frozen=True, tag="clock"):
    """A process's clock is wrong by so much. Its sense of how time passes is not."""

    process: str
    by_s: float

    @property
    def target(self) -> str:
        """What it happens to."""
        return f"clock {self.process}"


class DiskFault(msgspec.Struct, frozen=True, tag="disk"):
    """The disk of a server is full."""

    of: str

    @property
    def target(self) -> str:
        """What it happens to: a process that is killed as its disk fills would hide what that does."""
        return f"process {self.of}"


class Repetition(msgspec.Struct, frozen=True, tag="results"):
    """At the end results are said again that were said before, so many, in any order."""

    results: int

    @property
    def target(self) -> str:
        """What it happens to."""
        return "results"


Fault = LineFault | ProcessFault | ClockFault | DiskFault | Repetition


class Laid(msgspec.Struct, frozen=True):
    """A fault and its time, seconds after the load began."""

    from_s: float
    to_s: float
    fault: Fault


class Plan(msgspec.Struct, frozen=True):
    """One run. `laid` in the order in which they begin."""

    seed: int
    seconds: float
    laid: tuple[Laid, ...]


class Ground(NamedTuple):
    """What there is for faults: names of links, processes, and of those whose clocks and disks can be had. `sealed`:
    the links whose ends find what is corrupted on the way."""

    links: Sequence[str]
    processes: Sequence[str]
    clocks: Sequence[str] = ()
    disks: Sequence[str] = ()
    sealed: Sequence[str] = ()


def drawn(seed: int, seconds: float, ground: Ground) -> Plan:
    """The plan of a seed on this ground, the same each time."""
    dice = random.Random(f"chaos/{seed}")
    kinds: list[Callable[[random.Random, Ground], Fault]] = [_line, _line, _line, _process, _process]
    kinds += [_clock] if ground.clocks else []
    kinds += [_disk] if ground.disks else []
    begins_s, ends_s = seconds * QUIET_SHARE, seconds * (1 - QUIET_SHARE)
    laid = [Laid(begins_s, ends_s, Repetition(dice.randint(5, 50)))]
    for _ in range(dice.randint(FAULTS_MIN, FAULTS_MAX)):
        fault = dice.choice(kinds)(dice, ground)
        length_s = dice.uniform(FAULT_S_MIN, max(FAULT_S_MIN, seconds / 3))
        from_s = dice.uniform(begins_s, max(begins_s, ends_s - length_s))
        one = Laid(round(from_s, 3), round(min(from_s + length_s, ends_s), 3), fault)
        if not any(_meet(one, other) for other in laid):
            laid.append(one)
    return Plan(seed, seconds, tuple(sorted(laid, key=lambda each: (each.from_s, each.fault.target))))


def _meet(one: Laid, other: Laid) -> bool:
    return one.fault.target == other.fault.target and one.from_s <= other.to_s and other.from_s <= one.to_s


def _line(dice: random.Random, ground: Ground) -> Fault:
    link = dice.choice(ground.links)
    if link in ground.sealed and dice.random() < CORRUPTED:
        return LineFault(link, Faults(corrupt=dice.choice((0.01, 0.2))))
    cut, cut_after = False, False
    match dice.randrange(7):
        case 0:
            faults = Faults(delay_ms=dice.choice((5, 50, 300)), jitter_ms=dice.choice((0, 20, 200)))
        case 1:
            faults = Faults(stalls=dice.choice((0.01, 0.1)), stall_ms=dice.choice((200, 1_000)))
        case 2:
            faults = Faults(bytes_per_s=dice.choice((20_000, 100_000)), split_bytes=1_400)
        case 3:
            faults, cut_after = Faults(held_up=True, held_down=True), dice.random() < 0.5
        case 4:
            up, cut_after = dice.random() < 0.5, dice.random() < 0.5
            faults = Faults(held_up=up, held_down=not up)
        case 5:
            faults, cut = Faults(half_open=0.5, hold_s=5.0), True
        case _:
            answers = dice.choice((0.05, 0.3))
            faults = Faults(reset_answers=answers, reset_requests=0.05, drop_answers=0.05, hold_s=3.0)
    return LineFault(link, faults, cut, cut_after)


def _process(dice: random.Random, ground: Ground) -> Fault:
    how: Sequence[Kill] = ("kill", "freeze", "restart")
    return ProcessFault(dice.choice(ground.processes), dice.choice(how))


def _clock(dice: random.Random, ground: Ground) -> Fault:
    return ClockFault(dice.choice(ground.clocks), dice.choice(SKEWS_S))


def _disk(dice: random.Random, ground: Ground) -> Fault:
    return DiskFault(dice.choice(ground.disks))
