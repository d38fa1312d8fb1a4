"""Coordination on Aerospike that freezes, dies, comes back or refuses: what is certain, what is in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from aerospike import exception

from feeds.adapters.aerospike_server import AerospikeServer, new_ports
from feeds.adapters.coordination.aerospike_client import (
    KeyBusy,
    Misconfigured,
    NodeLost,
    Overloaded,
    unavailable,
    unavailable_of,
)
from feeds.adapters.coordination.aerospike_kv import AerospikeCoordination
from feeds.contract.coordination import ABSENT, Claim, Conflict, InDoubt, Unavailable
from feeds.contract.coordination_address import parse_coordination
from tests.ports.backends import READY_S, needs_asd, opened

pytestmark = pytest.mark.journey

NODES = 3
KEYS = 300
"""So many that each node of three is the master of some."""

DROPPED_S = 30.0
"""A client has given up a node that does not answer within this."""


class One(NamedTuple):
    server: AerospikeServer
    here: AerospikeCoordination
    there: AerospikeCoordination


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[One]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(AerospikeServer(directory=tmp_path / "asd"))
        address = parse_coordination(server.url)
        here, there = [await stack.enter_async_context(opened(address)) for _ in range(2)]
        yield One(server, here, there)


async def answered(ask: Callable[[], Awaitable[object]], *, within_s: float = READY_S) -> None:
    """Waits until it can be asked."""
    async with asyncio.timeout(within_s):
        while True:
            try:
                await ask()
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return


async def info(coordination: AerospikeCoordination, command: str) -> None:
    """Tells every node."""
    answers = await asyncio.to_thread(coordination.cluster.client.info_all, command)
    assert all("ok" in str(answer).lower() for answer in answers.values()), answers


@needs_asd
async def test_what_may_have_happened_is_in_doubt_and_what_did_is_found(one: One) -> None:
    here = one.here
    version = await here.put("kind", "name", value=b"old")
    await here.put("kind", "other", value=b"old")
    one.server.freeze()
    changes: list[Awaitable[object]] = [
        here.claim("frozen", b"mine", ttl_s=60),
        here.count("frozen", window_s=3_600),
        here.take("frozen", 1, per_s=1, burst=1),
        here.put("kind", "name", value=b"new", version=version),
        here.put("kind", "third", value=b"new"),
        here.lease("frozen", "me", ttl_s=60),
        here.delete("kind", "other"),
    ]
    outcomes = await asyncio.gather(*changes, here.get("kind", "name"), here.scan("kind"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [InDoubt] * len(changes) + [NodeLost] * 2
    one.server.thaw()
    await answered(lambda: here.get("kind", "name"))
    claim = await one.there.claim("frozen", b"theirs", ttl_s=60)
    assert claim in (Claim(won=True, value=b"theirs"), Claim(won=False, value=b"mine"))
    assert await here.answer("frozen") == claim.value


@needs_asd
async def test_a_claim_without_an_answer_is_asked_again_and_won_once(one: One) -> None:
    one.server.freeze()
    claiming = asyncio.ensure_future(one.here.claim("frozen", b"mine", ttl_s=60))
    done, _ = await asyncio.wait([claiming], timeout=1.3)  # the first attempt has no answer by then
    assert not done
    one.server.thaw()
    assert await claiming == Claim(won=True, value=b"mine")
    assert await one.here.claim("frozen", b"mine", ttl_s=60) == Claim(won=False, value=b"mine")


@needs_asd
async def test_while_the_client_knows_no_node_nothing_counts_as_done(one: One) -> None:
    """Its client gives every record of a batch the result 0 then."""
    one.server.freeze()

    async def dropped() -> bool:
        with pytest.raises(Unavailable) as unavailable:
            await one.here.claim("lost", b"mine", ttl_s=60)
        return not isinstance(unavailable.value, InDoubt)

    async with asyncio.timeout(DROPPED_S):
        while not await dropped():
            pass
    for ask in (
        lambda: one.here.count("lost", window_s=60),
        lambda: one.here.put("kind", "name", value=b""),
        lambda: one.here.answer("lost"),
        lambda: one.here.lease("lost", "me", ttl_s=60),
    ):
        with pytest.raises(NodeLost):
            await ask()
    one.server.thaw()
    await answered(lambda: one.here.lease("lost", "me", ttl_s=60))


@needs_asd
async def test_a_cluster_is_waited_for_and_one_that_lost_everything_is_begun_anew(tmp_path: Path) -> None:
    ports = new_ports()
    server = AerospikeServer(directory=tmp_path / "first", ports=ports)
    async with AerospikeCoordination(parse_coordination(server.url)) as here:
        with pytest.raises(NodeLost, match="reached"):
            await here.claim("early", b"", ttl_s=60)
        async with server:
            await answered(lambda: here.claim("early", b"", ttl_s=60))
            await answered(lambda: here.scan("kind"))
            epoch = await here.lease("name", "me", ttl_s=60)
        async with AerospikeServer(directory=tmp_path / "second", ports=ports):
            await answered(lambda: here.put("kind", "name", value=b"", version=ABSENT))
            await answered(lambda: here.scan("kind"))
            assert len(await here.scan("kind")) == 1
            assert (await here.claim("early", b"", ttl_s=60)).won
            assert await here.lease("name", "other", ttl_s=60) > epoch


@needs_asd
async def test_a_cluster_that_takes_no_times_to_live_says_so(tmp_path: Path) -> None:
    async with (
        AerospikeServer(directory=tmp_path / "asd", nsup_period_s=0) as server,
        opened(parse_coordination(server.url)) as here,
    ):
        await here.put("kind", "name", value=b"")
        with pytest.raises(Misconfigured, match="nsup-period"):
            await here.claim("key", b"", ttl_s=60)
        with pytest.raises(Misconfigured, match="nsup-period"):
            await here.lease("name", "me", ttl_s=60)
    wrong = parse_coordination(server.url)._replace(namespace="another")
    async with server, AerospikeCoordination(wrong) as here:
        async with asyncio.timeout(READY_S):
            while True:
                with pytest.raises(Unavailable) as refused:
                    await here.claim("key", b"", ttl_s=60)
                if isinstance(refused.value, Misconfigured):
                    break
                await asyncio.sleep(0.05)


@needs_asd
async def test_a_full_cluster_and_a_busy_key_have_errors_of_their_own(one: One) -> None:
    await info(one.here, "set-config:context=namespace;namespace=oddswire;transaction-pending-limit=1")
    client = one.here.cluster.client
    refused: list[Unavailable] = []

    def add() -> None:
        for _ in range(200):
            try:
                client.increment(("oddswire", "count", "hot"), "c", 1)
            except exception.AerospikeError as error:
                refused.append(unavailable_of(error))

    async with asyncio.timeout(READY_S):
        while not refused:
            await asyncio.gather(*(asyncio.to_thread(add) for _ in range(8)))
    assert {type(error) for error in refused} == {KeyBusy}
    await info(one.here, "set-config:context=namespace;namespace=oddswire;stop-writes-sys-memory-pct=1")

    async def full() -> bool:
        try:
            await one.here.claim("key", b"", ttl_s=60)
        except Overloaded:
            return True
        return False

    async with asyncio.timeout(READY_S):
        while not await full():  # noqa: ASYNC110 a server tells nobody
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (9, NodeLost),
        (-8, NodeLost),
        (-10, NodeLost),
        (11, NodeLost),
        (14, KeyBusy),
        (18, Overloaded),
        (8, Overloaded),
        (22, Misconfigured),
        (20, Misconfigured),
        (4, Misconfigured),
        (99, Unavailable),
    ],
)
def test_every_refusal_has_a_type(code: int, kind: type[Unavailable]) -> None:
    assert type(unavailable(code, text="it said", in_doubt=False)) is kind
    assert type(unavailable(code, text="it said", in_doubt=True)) is InDoubt


class Mesh(NamedTuple):
    servers: list[AerospikeServer]
    here: AerospikeCoordination
    there: AerospikeCoordination

    async def claims(self, value: bytes) -> list[Claim]:
        """Of every key, one after the other where a node is away."""

        async def claim(number: int) -> Claim:
            while True:
                try:
                    return await self.there.claim(f"key/{number}", value, ttl_s=600)
                except Unavailable:
                    await asyncio.sleep(0.1)

        async with asyncio.timeout(READY_S):
            return await asyncio.gather(*(claim(number) for number in range(KEYS)))


@asynccontextmanager
async def mesh(directory: Path) -> AsyncIterator[Mesh]:
    ports = tuple(new_ports() for _ in range(NODES))
    servers = [AerospikeServer(directory=directory / str(own.service), ports=own, mesh=ports) for own in ports]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(server) for server in servers))
        hosts = ",".join(f"127.0.0.1:{own.service}" for own in ports)
        address = parse_coordination(f"aerospike://{hosts}")
        here, there = [await stack.enter_async_context(opened(address)) for _ in range(2)]
        await nodes(here, NODES)
        yield Mesh(servers, here, there)


async def nodes(coordination: AerospikeCoordination, wanted: int) -> None:
    """Waits until the cluster is of so many nodes, its data has moved, and the client knows."""
    client = coordination.cluster.client
    command = f"cluster-stable:size={wanted};ignore-migrations=false"

    def stable() -> bool:
        answers = client.info_all(command)
        return len(answers) == wanted and all("ERROR" not in str(answer) for answer in answers.values())

    async with asyncio.timeout(READY_S):
        while True:
            try:
                if await asyncio.to_thread(stable):
                    return
            except exception.AerospikeError:
                pass  # a node of those it knew is on its way out
            await asyncio.sleep(0.1)


@needs_asd
async def test_a_mesh_loses_a_node_and_gets_it_back_and_forgets_nothing(tmp_path: Path) -> None:
    async with mesh(tmp_path) as cluster:
        before = await asyncio.gather(
            *(cluster.here.claim(f"key/{number}", b"before", ttl_s=600) for number in range(KEYS))
        )
        assert all(claim.won for claim in before)
        epoch = await cluster.here.lease("feed/alpha", "here", ttl_s=600)
        version = await cluster.here.put("shards", "a", value=b"1")
        for away in ("kill", "freeze"):
            server = cluster.servers[0]
            if away == "kill":
                await server.kill()
            else:
                server.freeze()
            assert await cluster.claims(b"after") == [Claim(won=False, value=b"before")] * KEYS
            await answered(lambda: cluster.there.get("shards", "a"))
            with pytest.raises(Conflict, match="held by here"):
                await cluster.there.lease("feed/alpha", "there", ttl_s=600)
            if away == "kill":
                await server.start()
            else:
                server.thaw()
            await nodes(cluster.here, NODES)
            assert await cluster.claims(b"again") == [Claim(won=False, value=b"before")] * KEYS
        assert await cluster.here.lease("feed/alpha", "here", ttl_s=600) == epoch
        record = await cluster.there.get("shards", "a")
        assert record is not None
        assert record.version == version
        assert await cluster.there.scan("shards") == [record]
