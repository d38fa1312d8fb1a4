"""Every record of a kind, by a secondary index. Run by threads.

The index stands in each node's memory and is built anew when a node starts, which the server says: until then a scan is
Unavailable, rather than short.
"""

from __future__ import annotations

import contextlib

import aerospike
from aerospike import exception, predicates

from feeds.adapters.coordination.aerospike_batches import KIND, NAME, TOKEN, VALUE
from feeds.contract.coordination import SCAN_RECORDS_MAX, Record

RECORDS = "record"
"""The set."""

INDEX = "oddswire_record_kind"

_NO_KIND = ""

_MAKING_TIMEOUT_MS = 5_000
"""Making it takes two seconds."""


def scan_kind(client: aerospike.Client, namespace: str, kind: str) -> list[Record]:
    """All of them by name, or SCAN_RECORDS_MAX + 1 where they are more. Raises AerospikeError."""
    found: dict[str, Record] = {}

    def take(stored: tuple[object, object, dict[str, object]]) -> bool:
        bins = stored[2]
        name, value, token = bins[NAME], bins[VALUE], bins[TOKEN]
        assert isinstance(name, str)
        assert isinstance(value, bytes)
        assert isinstance(token, int)
        found[name] = Record(name, value, token)
        return len(found) <= SCAN_RECORDS_MAX

    query = client.query(namespace, RECORDS)
    query.select(NAME, VALUE, TOKEN)
    query.where(predicates.equals(KIND, kind))
    query.foreach(take)
    return sorted(found.values())


def make_index(client: aerospike.Client, namespace: str) -> None:
    """Makes the index where there is none yet. Raises AerospikeError."""
    try:
        scan_kind(client, namespace, _NO_KIND)
    except exception.IndexNotFound:
        with contextlib.suppress(exception.IndexFoundError):  # another process makes it, too
            client.index_single_value_create(
                namespace, RECORDS, KIND, aerospike.INDEX_STRING, INDEX, {"timeout": _MAKING_TIMEOUT_MS}
            )
