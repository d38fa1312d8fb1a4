"""The `aerospike` client as coordination needs it: explicit policies, a connection that is retried, errors with types.

The client is synchronous: everything here that speaks to a server is run by a thread. It is imported only by who has
chosen Aerospike. A policy that the client does not know is refused by it (`validate_keys`), not passed over.

Why the policies are as they are: a write is never retried by the client, since only the caller can tell whose write a
record is; a read may be. Reads go to the master, and to every copy while data moves, as a replica may lag. A node that
fails many times within a tend is left alone for the rest of it, so that calls for it fail at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, TypeVar

import aerospike
import structlog
from aerospike import exception

from feeds.adapters.coordination.urgent import UrgentPool
from feeds.contract.coordination import InDoubt, Unavailable
from feeds.contract.coordination_address import CoordinationAddress

log = structlog.get_logger(__name__)

CALL_TIMEOUT_MS = 1_000
"""Of one call of the client, whatever it does in it."""

CONNECT_TIMEOUT_MS = 1_000
TEND_INTERVAL_MS = 250
"""How often the client asks who is in the cluster; the least it takes."""

CONNECTIONS_PER_NODE_MAX = 64
ERRORS_PER_TEND_MAX = 100
RECONNECT_WAIT_S = (0.2, 1.0)
"""Between two attempts to connect: at random from this range, so that a fleet does not come back in step."""

READ_RETRIES = 2
URGENT_THREADS = 4

OK, NOT_FOUND, EXISTS, FILTERED_OUT = 0, 2, 5, 27
NO_RESPONSE = -15
"""Status codes (as_status.h of the C client) that are an answer, and that of an operation whose answer did not come."""

T = TypeVar("T")


class NodeLost(Unavailable):
    """No node of the cluster answers for the key: it was lost, or froze, or there is no new master for the key yet."""


class KeyBusy(Unavailable):
    """Too many operations on one key at once, from all processes. Trying again helps."""


class Overloaded(Unavailable):
    """A node's storage is full, or does not keep up."""


class Misconfigured(Unavailable):
    """The cluster refuses what coordination needs: times to live (`nsup-period` is 0), or the namespace."""


class IndexAbsent(Unavailable):
    """The secondary index of records is not there, or not built yet."""


_ERRORS: dict[int, type[Unavailable]] = {
    # the client's own: no response, breaker open, connection failed, no such node, no connection free
    **dict.fromkeys((NO_RESPONSE, -14, -10, -8, -7), NodeLost),
    9: NodeLost,  # timeout
    1: NodeLost,  # the cluster is empty
    11: NodeLost,  # partition unavailable
    14: KeyBusy,
    8: Overloaded,  # storage full
    18: Overloaded,  # device overload
    4: Misconfigured,  # invalid parameter: a time to live beyond the server's
    20: Misconfigured,  # namespace not found
    22: Misconfigured,  # forbidden: a time to live while nsup-period is 0
    201: IndexAbsent,
    203: IndexAbsent,  # index not readable yet
}


def unavailable(code: int, *, text: str, in_doubt: bool) -> Unavailable:
    """The error for a status that the client gives."""
    words = f"{text or 'aerospike'} ({code})"
    if in_doubt:
        return InDoubt(words)
    kind = _ERRORS.get(code, Unavailable)
    if kind is Misconfigured:
        words += ": the namespace must exist and take times to live, with an nsup-period above 0"
    return kind(words)


def unavailable_of(error: exception.AerospikeError) -> Unavailable:
    """The same for an exception of the client."""
    return unavailable(error.code or 0, text=_first_line(error), in_doubt=bool(error.in_doubt))


def _first_line(error: exception.AerospikeError) -> str:
    return str(error.msg or type(error).__name__).partition("\n")[0]


def _config(address: CoordinationAddress) -> dict[str, Any]:
    once = {
        "total_timeout": CALL_TIMEOUT_MS,
        "socket_timeout": CALL_TIMEOUT_MS,
        "connect_timeout": CONNECT_TIMEOUT_MS,
        "timeout_delay": 0,
        "max_retries": 0,
        "sleep_between_retries": 0,
    }
    again = once | {"max_retries": READ_RETRIES, "sleep_between_retries": 10, "socket_timeout": CALL_TIMEOUT_MS // 2}
    exact = {"replica": aerospike.POLICY_REPLICA_MASTER, "read_mode_ap": aerospike.POLICY_READ_MODE_AP_ALL}
    key = {"key": aerospike.POLICY_KEY_DIGEST}
    written = key | {"commit_level": aerospike.POLICY_COMMIT_LEVEL_ALL}
    whole = {"concurrent": True, "respond_all_keys": True, "allow_inline": True}
    return {
        "hosts": list(address.hosts),
        "validate_keys": True,
        "tend_interval": TEND_INTERVAL_MS,
        "connect_timeout": CONNECT_TIMEOUT_MS,
        "max_conns_per_node": CONNECTIONS_PER_NODE_MAX,
        "max_error_rate": ERRORS_PER_TEND_MAX,
        "error_rate_window": 1,
        "policies": {
            "read": again | exact | key,
            "batch": again | exact | whole,
            "batch_parent_write": once | exact | whole,
            "batch_write": written,
            "write": once | written,
            "operate": once | exact | written,
            "remove": once | written,
            "query": again,
        },
    }


class AerospikeClient:
    """One cluster, for one process. While none of its nodes was reached yet every call ends at once: Unavailable.

    `prepare` makes, in a thread, what the cluster has to have: once connected, and again when it was found missing."""

    def __init__(self, address: CoordinationAddress, prepare: Callable[[aerospike.Client], None]) -> None:
        self.namespace = address.namespace
        self.urgent = UrgentPool("aerospike-urgent", threads=URGENT_THREADS)
        self._config = _config(address)
        self._where = ",".join(f"{host}:{port}" for host, port in address.hosts)
        self._prepare = prepare
        self._client: aerospike.Client | None = None
        self._starting: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._ready = asyncio.Event()

    def start(self) -> None:
        """Connects in the background, again and again until it succeeds; from there the client keeps to the cluster."""
        self._starting = asyncio.get_running_loop().create_task(self._start(), name="aerospike")

    def prepare_again(self) -> None:
        """Something that the cluster has to have was missing."""
        if self._ready.is_set():
            self._ready.clear()
            self.start()

    async def connected(self) -> None:
        """Waits until a node was reached."""
        await self._connected.wait()

    async def ready(self) -> None:
        """Waits until a node was reached, and the cluster has what it has to have."""
        await self._ready.wait()

    @property
    def client(self) -> aerospike.Client:
        """For a thread. Raises Unavailable before there was a connection."""
        if self._client is None:
            raise NodeLost(f"no node of aerospike at {self._where} was reached yet")
        return self._client

    async def ask(self, function: Callable[[aerospike.Client], T], *, changes: bool) -> T:
        """One call that must not wait for a batch. Raises aerospike.exception.AerospikeError, Unavailable, InDoubt."""
        client = self.client
        return await self.urgent.call(lambda: function(client), changes=changes)

    async def close(self) -> None:
        """Waits for the calls that are under way: a client must not be closed under them."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        await asyncio.to_thread(self.urgent.close)
        if self._client is not None:
            await asyncio.to_thread(self._client.close)

    async def _start(self) -> None:
        await self._until_done(self._connect)
        self._connected.set()
        await self._until_done(self._prepare_cluster)
        self._ready.set()
        log.info("aerospike_ready", hosts=self._where, namespace=self.namespace)

    async def _until_done(self, step: Callable[[], None]) -> None:
        told = False
        while True:
            try:
                return await _to_its_end(step)
            except exception.ParamError:  # a policy of ours that this client does not know
                log.exception("aerospike_refused_its_configuration")
                raise
            except exception.AerospikeError as error:
                if not told:
                    log.warning("aerospike_unavailable", hosts=self._where, error=str(unavailable_of(error)))
                told = True
            await asyncio.sleep(random.uniform(*RECONNECT_WAIT_S))

    def _connect(self) -> None:
        if self._client is None:
            self._client = aerospike.client(self._config)

    def _prepare_cluster(self) -> None:
        self._prepare(self.client)


async def _to_its_end(step: Callable[[], None]) -> None:
    """Runs it in a thread. Who is cancelled waits for its end: what it opened must not be left behind."""
    running = asyncio.ensure_future(asyncio.to_thread(step))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        running.exception()
        raise
