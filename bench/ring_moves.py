"""What moves, and how even the load is, when nodes of the rendezvous ring (fanout/contract/ring.py) come and go. Pure.

Every node has the same weight and so has every key. The least that can move when nodes join n that are there is the
part of all keys that they have to have afterwards; when nodes leave, the part that they had. Both assume an even load.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fanout.contract.ring import Ring, RingShard

NODES_MAX = 20
NODES_FEW = 6


class Step(NamedTuple):
    """A change of who is there: keys that moved, the least that had to, the largest load over the mean afterwards."""

    moved: int
    least: float
    skew: float


class Summary(NamedTuple):
    """Of several steps: all that moved over the least, and the worst skew."""

    moved_ratio: float
    skew: float


class Ranked:
    """So many keys on so many nodes: for each key the nodes in the order in which it would go to them."""

    def __init__(self, keys: int, nodes: int = NODES_MAX) -> None:
        shards = [RingShard(f"node-{n}", "", 1.0, frozenset(), serving=True, ends_ms=1) for n in range(nodes)]
        ring = Ring(shards, 0)
        numbers = {shard.name: number for number, shard in enumerate(shards)}
        self._orders = [bytes(numbers[shard.name] for shard in ring.rank(f"key-{key}")) for key in range(keys)]

    def steps(self, stages: Iterable[Sequence[int]]) -> Iterator[Step]:
        """Of every stage, the nodes that are there, after the one before it."""
        before: set[int] = set()
        homes: list[int] = []
        for stage in stages:
            after = set(stage)
            now = [next(node for node in order if node in after) for order in self._orders]
            if before:
                moved = sum(was != is_ for was, is_ in zip(homes, now))
                joined, left = len(after - before) / len(after), len(before - after) / len(before)
                largest = max(Counter(now).values())
                yield Step(moved, max(joined, left) * len(now), largest * len(after) / len(now))
            before, homes = after, now


def summary(steps: Iterable[Step]) -> Summary:
    """What is held against the bounds."""
    made = list(steps)
    return Summary(sum(step.moved for step in made) / sum(step.least for step in made), max(step.skew for step in made))


def there_and_back() -> list[Sequence[int]]:
    """From few nodes to many at once, and back."""
    return [range(NODES_FEW), range(NODES_MAX), range(NODES_FEW)]


def one_by_one() -> list[Sequence[int]]:
    """The same by single nodes."""
    counts = [*range(NODES_FEW, NODES_MAX + 1), *range(NODES_MAX - 1, NODES_FEW - 1, -1)]
    return [range(count) for count in counts]


def spike() -> list[Sequence[int]]:
    """A spike: nodes join two at a time, and of those that are there one after the other is lost and comes back."""
    stages: list[Sequence[int]] = []
    for count in [*range(NODES_FEW, NODES_MAX + 1, 2), *range(NODES_MAX - 2, NODES_FEW - 1, -2)]:
        lost = count % NODES_FEW
        stages += [range(count), [node for node in range(count) if node != lost], range(count)]
    return stages
