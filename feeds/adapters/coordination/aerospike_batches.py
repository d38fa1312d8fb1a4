"""The operations that come in numbers, as batches of the `aerospike` client: writes, reads and counts of keys.

Every record has a value and a token of its own, drawn at random: the token tells whose write it was, and is the version
of a record. A claim has both in one bin, which is a tenth cheaper: nobody asks the server for its token. All of this is
run by threads, and knows no event loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

import aerospike
from aerospike import exception
from aerospike_helpers import expressions as exp
from aerospike_helpers.batch.records import BatchRecord, BatchRecords, Write

from feeds.adapters.coordination.aerospike_client import (
    EXISTS,
    FILTERED_OUT,
    NO_RESPONSE,
    NOT_FOUND,
    OK,
    AerospikeClient,
    unavailable,
    unavailable_of,
)
from feeds.adapters.coordination.coalescer import Key
from feeds.contract.coordination import ABSENT

VALUE, TOKEN, KIND, NAME, COUNT = "v", "t", "k", "n", "c"
"""Bins. KIND and NAME only stand in records that are scanned."""

_TOKEN_BYTES = 8

Bins: TypeAlias = dict[str, Any]
"""What is stored, as the client gives it: `value_of` and `token_of` read it."""

_NO_NODE = "the cluster has no node that answers"


class Wish(NamedTuple):
    """A write. `expected`: the token of what is there, ABSENT for nothing, None for whatever it is."""

    value: bytes
    token: int
    ttl_s: int | None
    expected: int | None
    labels: tuple[str, str] | None = None
    """Kind and name of a record that is scanned."""


class Addition(NamedTuple):
    """So much is added to a counter, which is forgotten `ttl_s` after it last moved."""

    amount: int
    ttl_s: int


class Writes:
    """Wish to whether it was written: False where something else is there than was expected. A Kind (coalescer.py)."""

    name = "aerospike writes"
    changes = True

    def __init__(self, client: AerospikeClient) -> None:
        self._client = client

    def joins(self, first: Wish, later: Wish) -> bool:
        """See Kind. Of those that all expect nothing the first is written, so that no other is."""
        return first.expected == later.expected == ABSENT

    def joined(self, asked: Sequence[Wish]) -> Wish:
        """See Kind."""
        return asked[0]

    def shares(self, asked: Sequence[Wish], answer: bool) -> Iterable[bool]:
        """See Kind."""
        return [answer, *[False] * (len(asked) - 1)]

    def execute(self, keys: list[Key], asked: list[Wish]) -> Sequence[bool | Exception]:
        """See Kind."""
        records = [Write(key, _write_ops(wish), policy=_write_policy(wish)) for key, wish in zip(keys, asked)]
        errors = write_batch(self._client, records)
        return [error or record.result == OK for record, error in zip(records, errors)]


class Reads:
    """A key's bins, or None."""

    name = "aerospike reads"
    changes = False

    def __init__(self, client: AerospikeClient) -> None:
        self._client = client

    def joins(self, first: None, later: None) -> bool:
        """See Kind."""
        return first is later

    def joined(self, asked: Sequence[None]) -> None:
        """See Kind."""

    def shares(self, asked: Sequence[None], answer: Bins | None) -> Iterable[Bins | None]:
        """See Kind."""
        return [answer] * len(asked)

    def execute(self, keys: list[Key], asked: list[None]) -> Sequence[Bins | None | Exception]:  # noqa: ARG002
        """See Kind."""
        try:
            read = self._client.client.batch_read(keys, [VALUE, TOKEN])
        except exception.AerospikeError as error:
            return [unavailable_of(error)] * len(keys)
        if len(read.batch_records) != len(keys):  # without any node the client gives none, and raises nothing
            return [unavailable(read.result, text=_NO_NODE, in_doubt=False)] * len(keys)
        return [_bins_of(record) for record in read.batch_records]


class Counts:
    """An addition to the count with it."""

    name = "aerospike counts"
    changes = True

    def __init__(self, client: AerospikeClient) -> None:
        self._client = client

    def joins(self, first: Addition, later: Addition) -> bool:
        """See Kind."""
        return first.ttl_s == later.ttl_s

    def joined(self, asked: Sequence[Addition]) -> Addition:
        """See Kind."""
        return Addition(sum(addition.amount for addition in asked), asked[0].ttl_s)

    def shares(self, asked: Sequence[Addition], answer: int) -> Iterable[int]:
        """See Kind."""
        before = answer - sum(addition.amount for addition in asked)
        return accumulate((addition.amount for addition in asked[1:]), initial=before + asked[0].amount)

    def execute(self, keys: list[Key], asked: list[Addition]) -> Sequence[int | Exception]:
        """See Kind."""
        records = [
            Write(key, _count_ops(addition), policy={"ttl": addition.ttl_s}) for key, addition in zip(keys, asked)
        ]
        errors = write_batch(self._client, records)
        return [error or int(record.record[2][COUNT]) for record, error in zip(records, errors)]


def value_of(found: Bins) -> bytes:
    """The value, which follows the token where that has no bin of its own."""
    value: bytes = found[VALUE]
    return value if TOKEN in found else value[_TOKEN_BYTES:]


def token_of(found: Bins) -> int:
    """The token of the write that made the record."""
    token: int = found[TOKEN] if TOKEN in found else int.from_bytes(found[VALUE][:_TOKEN_BYTES])
    return token


def token_is(token: int) -> Any:
    """A filter: the record has this token."""
    return exp.Eq(exp.IntBin(TOKEN), token).compile()


def _write_ops(wish: Wish) -> list[dict[str, Any]]:
    if wish.labels is None:
        joined = wish.token.to_bytes(_TOKEN_BYTES) + wish.value
        return [{"op": aerospike.OPERATOR_WRITE, "bin": VALUE, "val": joined}]
    ops: list[dict[str, Any]] = [
        {"op": aerospike.OPERATOR_WRITE, "bin": VALUE, "val": wish.value},
        {"op": aerospike.OPERATOR_WRITE, "bin": TOKEN, "val": wish.token},
    ]
    labels = zip((KIND, NAME), wish.labels)
    return ops + [{"op": aerospike.OPERATOR_WRITE, "bin": name, "val": label} for name, label in labels]


def _write_policy(wish: Wish) -> dict[str, Any]:
    ttl = aerospike.TTL_NEVER_EXPIRE if wish.ttl_s is None else wish.ttl_s
    if wish.expected is None:
        return {"ttl": ttl, "exists": aerospike.POLICY_EXISTS_IGNORE}
    if wish.expected == ABSENT:
        return {"ttl": ttl, "exists": aerospike.POLICY_EXISTS_CREATE}
    # a filter is not evaluated where there is no record: without UPDATE one would be made
    return {"ttl": ttl, "exists": aerospike.POLICY_EXISTS_UPDATE, "expressions": token_is(wish.expected)}


def _count_ops(addition: Addition) -> list[dict[str, Any]]:
    return [
        {"op": aerospike.OPERATOR_INCR, "bin": COUNT, "val": addition.amount},
        {"op": aerospike.OPERATOR_READ, "bin": COUNT},
    ]


def write_batch(client: AerospikeClient, records: list[Write]) -> list[Exception | None]:
    """Makes the writes, which then have their results. Gives what became of each, None for one that the server has
    decided: done, or refused since something else is there."""
    batch = BatchRecords(records)
    try:
        client.client.batch_write(batch)
    except exception.AerospikeError as error:
        return [unavailable_of(error)] * len(records)
    return [_error(record, batch.result) for record in records]


def _error(record: BatchRecord, batch_result: int) -> Exception | None:
    """A write is done where the record has a generation, too: while the cluster has no node the client sends nothing,
    raises nothing, and gives each record the result 0 (client 19.3; aerospike_batch.c of its C client)."""
    if record.result in (NOT_FOUND, EXISTS, FILTERED_OUT):
        return None
    if record.result == OK:
        if record.record is not None and record.record[1]["gen"] > 0:
            return None
        return unavailable(batch_result, text=_NO_NODE, in_doubt=False)
    in_doubt = record.in_doubt or record.result == NO_RESPONSE
    return unavailable(record.result, text=record.message or "aerospike", in_doubt=in_doubt)


def _bins_of(record: BatchRecord) -> Bins | None | Exception:
    if record.result == OK:
        bins: Bins = record.record[2]
        return bins
    if record.result in (NOT_FOUND, FILTERED_OUT, EXISTS):
        return None
    return unavailable(record.result, text=record.message or "aerospike", in_doubt=False)
