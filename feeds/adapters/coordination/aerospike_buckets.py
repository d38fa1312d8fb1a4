"""Token buckets on Aerospike: one operation of a batch takes, by the clock of the key's master.

    full    when the bucket is full again (buckets.py)
    got     what the last taking got

The three writes of an operation are made one after the other, and nobody else's between them. The clock is read twice
among them: it may have gone on by then, so that what is given is held to the bucket's size once more. All of this is
run by threads, and knows no event loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from aerospike_helpers import expressions as exp
from aerospike_helpers.batch.records import Write
from aerospike_helpers.operations import expression_operations, operations

from feeds.adapters.coordination.aerospike_batches import write_batch
from feeds.adapters.coordination.aerospike_client import AerospikeClient
from feeds.adapters.coordination.aerospike_leases import now_ms
from feeds.adapters.coordination.buckets import MS_PER_S, refilled_s
from feeds.adapters.coordination.coalescer import Key

_FULL, _GOT = "f", "g"


class Taking(NamedTuple):
    """So many are asked of a bucket."""

    tokens: int
    per_s: int
    burst: int


class Takings:
    """A taking to what it got. A Kind (coalescer.py)."""

    name = "aerospike takings"
    changes = True

    def __init__(self, client: AerospikeClient) -> None:
        self._client = client

    def joins(self, first: Taking, later: Taking) -> bool:
        """See Kind. Whoever asks for the same key asks for the same bucket."""
        return (first.per_s, first.burst) == (later.per_s, later.burst)

    def joined(self, asked: Sequence[Taking]) -> Taking:
        """See Kind."""
        return asked[0]._replace(tokens=sum(taking.tokens for taking in asked))

    def shares(self, asked: Sequence[Taking], answer: int) -> Iterable[int]:
        """See Kind."""
        for taking in asked:
            share = min(taking.tokens, answer)
            answer -= share
            yield share

    def execute(self, keys: list[Key], asked: list[Taking]) -> Sequence[int | Exception]:
        """See Kind."""
        records = [
            Write(key, _ops(taking), policy={"ttl": refilled_s(taking.per_s, taking.burst)})
            for key, taking in zip(keys, asked)
        ]
        errors = write_batch(self._client, records)
        return [error or int(record.record[2][_GOT]) for record, error in zip(records, errors)]


def _ops(taking: Taking) -> list[dict[str, Any]]:
    now = exp.Mul(now_ms(), taking.per_s)
    full = exp.Cond(exp.BinExists(_FULL), exp.Max(exp.IntBin(_FULL), now), now)
    left = exp.Sub(exp.Add(now, taking.burst * MS_PER_S), exp.IntBin(_FULL))
    got = exp.Max(0, exp.Min(exp.Div(left, MS_PER_S), taking.tokens, taking.burst))
    after = exp.Add(exp.IntBin(_FULL), exp.Mul(exp.IntBin(_GOT), MS_PER_S))
    return [
        expression_operations.expression_write(_FULL, full.compile()),
        expression_operations.expression_write(_GOT, got.compile()),
        expression_operations.expression_write(_FULL, after.compile()),
        operations.read(_GOT),
    ]
