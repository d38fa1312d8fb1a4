"""Which shard a device goes to: weighted rendezvous hashing. Pure; the same answer wherever it is asked.

Every shard draws a score for the key, and the highest wins (Thaler and Ravishankar 1998); a score of -weight / ln(u),
u uniform in (0, 1) by the hash of key and shard, gives each shard keys in proportion to its weight (Schindelhauer and
Schomaker 2005, the logarithmic method). So a shard that joins takes keys only to itself, and the keys of one that
leaves spread over all others; nobody else's move.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import NamedTuple

WEIGHT_MIN = 0.01
"""Weight of a shard without headroom: full shards still share what would else go nowhere, and refuse it themselves."""

LANES_READ_FACTOR = 8.0
"""How much likelier a shard is that already reads the key's lanes. Not certain: devices of one hot event spread before
its first reader is full, and each that went astray makes another reader."""

_WORD = (1 << 64) - 1
_UNIT = 1.0 / (1 << 52)


class RingShard(NamedTuple):
    """A shard that keys may go to. `ends_ms`: what is known of it is worth nothing from then on, Unix ms."""

    name: str
    url: str
    headroom: float
    lanes: frozenset[int]
    serving: bool
    ends_ms: int


class Ring:
    """The shards that serve at `now_ms`. Those that drain, and those nobody heard of lately, are not part of it."""

    def __init__(self, shards: Iterable[RingShard], now_ms: int) -> None:
        self.shards = tuple(shard for shard in shards if shard.serving and shard.ends_ms > now_ms)
        self._seeds = [_hash(shard.name) for shard in self.shards]

    def choose(self, key: str, lanes: frozenset[int] = frozenset()) -> RingShard | None:
        """The shard of a device's or session's key that needs these lanes; None where no shard serves."""
        scores = self._scores(key, lanes)
        return self.shards[scores.index(max(scores))] if scores else None

    def rank(self, key: str, lanes: frozenset[int] = frozenset()) -> list[RingShard]:
        """All shards, the key's own first, then those it would go to if the ones before were not there."""
        scored = zip(self._scores(key, lanes), range(len(self.shards)))
        return [self.shards[index] for _, index in sorted(scored, reverse=True)]

    def _scores(self, key: str, lanes: frozenset[int]) -> list[float]:
        hashed = _hash(key)
        return [
            _weight(shard, lanes) / -math.log(_uniform(hashed ^ seed)) for shard, seed in zip(self.shards, self._seeds)
        ]


def _weight(shard: RingShard, lanes: frozenset[int]) -> float:
    weight = max(shard.headroom, WEIGHT_MIN)
    return weight * LANES_READ_FACTOR if lanes and lanes <= shard.lanes else weight


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _uniform(word: int) -> float:
    """In (0, 1), from 64 bits mixed by the finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return (((word ^ (word >> 31)) >> 12) + 0.5) * _UNIT
