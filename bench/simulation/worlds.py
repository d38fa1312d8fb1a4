"""The worlds, in one place, and seeds that once failed: data, each with a word why (seeds.toml)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Protocol, get_args

import msgspec

from bench.simulation.delivery import world as delivery
from bench.simulation.money import world as money
from bench.simulation.settlement import world as settlement
from bench.simulation.words import world as words

_KEPT = Path(__file__).parent / "seeds.toml"

Name = Literal["delivery", "money", "settlement", "words"]
NAMES: tuple[Name, ...] = get_args(Name)


class World(Protocol):
    """One random run. `trace`: the last lines of what happened."""

    trace: deque[str]

    def run(self) -> None:
        """Raises Violation where a rule does not hold, and anything where the product fails."""


WORLDS: Mapping[Name, Callable[[int], World]] = {
    "delivery": delivery.World,
    "money": money.World,
    "settlement": settlement.World,
    "words": words.World,
}


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A seed that once failed, or that shows something rare."""

    world: Name
    seed: Annotated[int, msgspec.Meta(ge=0)]
    why: Annotated[str, msgspec.Meta(min_length=1)]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seed: tuple[Kept, ...]


@cache
def kept_seeds() -> tuple[Kept, ...]:
    """The file."""
    return msgspec.toml.decode(_KEPT.read_bytes(), type=_File).seed


class Failed(AssertionError):
    """A seed failed; the text is how to see it again, why, and what went before."""

    def __init__(self, name: Name, seed: int, why: BaseException, trace: deque[str]) -> None:
        again = f"oddswire bench simulate --world {name} --seed {seed}"
        super().__init__("\n".join((f"{again}: {why!r}", *trace)))
        self.name, self.seed = name, seed


def run(name: Name, seed: int) -> World:
    """One seed of one world. Raises Failed."""
    world = WORLDS[name](seed)
    try:
        world.run()
    except Exception as why:
        raise Failed(name, seed, why, world.trace) from why
    return world
