"""Leases on Aerospike: one operation takes or renews one, by the server's clock.

    owner ""                nobody has it; the record stays when a lease is given up, so that its epoch rises on
    ends                    when it ends, Unix ms by the clock of the key's master
    epoch                   the moment at which its holder took it, Unix ms, at least one above the epoch before

So an epoch also rises where everything was forgotten. A filter is not evaluated on a record that is not there, hence
`exists=UPDATE`; one that is missing is made first, free. Whoever has an expression ask for the time since the last
update within an operation gets 0, as the record counts as updated by then: last update plus that is now, in any phase.
All of this is run by threads.
"""

from __future__ import annotations

import contextlib
from typing import Any

import aerospike
from aerospike import exception
from aerospike_helpers import expressions as exp
from aerospike_helpers.operations import expression_operations, operations

from feeds.adapters.coordination.coalescer import Key
from feeds.contract.coordination import TTL_S_MAX, Conflict

KEPT_S = TTL_S_MAX
"""A lease's record is forgotten so long after it was last renewed."""

ATTEMPTS_MAX = 3

_OWNER, _ENDS, _EPOCH = "o", "x", "e"
_NS_PER_MS = 1_000_000


def take(client: aerospike.Client, key: Key, owner: str, ttl_s: int) -> int:
    """Takes or renews the lease; gives its epoch. Raises Conflict, aerospike.exception.AerospikeError."""
    mine = exp.Eq(exp.StrBin(_OWNER), owner)
    ended = exp.Or(exp.Eq(exp.StrBin(_OWNER), ""), exp.GE(now_ms(), exp.IntBin(_ENDS)))
    above = exp.Max(exp.Add(exp.IntBin(_EPOCH), 1), now_ms())
    epoch = exp.Cond(exp.And(mine, exp.Not(ended)), exp.IntBin(_EPOCH), above)
    ops: list[dict[str, Any]] = [
        expression_operations.expression_write(_EPOCH, epoch.compile()),  # first: it reads what the others change
        operations.write(_OWNER, owner),
        expression_operations.expression_write(_ENDS, exp.Add(now_ms(), ttl_s * 1_000).compile()),
        operations.read(_EPOCH),
    ]
    may = exp.Or(mine, ended).compile()
    for _ in range(ATTEMPTS_MAX):
        try:
            _, _, bins = client.operate(key, ops, policy=_update(may))
        except exception.RecordNotFound:
            _make_free(client, key)
        except exception.FilteredOut:
            if (holder := _holder(client, key)) not in ("", owner):
                raise Conflict(f"lease {_name(key)} is held by {holder}") from None
        else:
            return int(bins[_EPOCH])
    raise Conflict(f"lease {_name(key)} changes too often")


def give_up(client: aerospike.Client, key: Key, owner: str) -> None:
    """Frees the lease, where it is this owner's. Raises aerospike.exception.AerospikeError."""
    mine = exp.Eq(exp.StrBin(_OWNER), owner).compile()
    with contextlib.suppress(exception.RecordNotFound, exception.FilteredOut):
        client.operate(key, [operations.write(_OWNER, "")], policy=_update(mine))


def now_ms() -> Any:
    """The moment by the clock of the key's master, Unix ms, in an operation that updates the record."""
    return exp.Add(exp.Div(exp.LastUpdateTime(), _NS_PER_MS), exp.SinceUpdateTime())


def _update(may: Any) -> dict[str, Any]:
    return {"exists": aerospike.POLICY_EXISTS_UPDATE, "expressions": may, "ttl": KEPT_S}


def _make_free(client: aerospike.Client, key: Key) -> None:
    policy = {"exists": aerospike.POLICY_EXISTS_CREATE, "ttl": KEPT_S}
    with contextlib.suppress(exception.RecordExistsError):
        client.put(key, {_OWNER: "", _ENDS: 0, _EPOCH: 0}, policy=policy)


def _holder(client: aerospike.Client, key: Key) -> str:
    try:
        _, _, bins = client.select(key, [_OWNER])
    except exception.RecordNotFound:
        return ""
    return str(bins[_OWNER])


def _name(key: Key) -> str:
    """As its user calls it, without the installation."""
    return key[-1].rpartition(".")[2]
