"""Many shards as processes over a real nats-server: they know each other, and one is drained by name."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import orjson
import pytest

from fanout.client import Authorize, Notice, OddsStream, StreamRefused
from fanout.contract.fleet import ShardStatus
from fanout.contract.tickets import Grant, parse_keys
from fanout.registry import read_registry
from feeds.adapters.coordination.nats_kv import NatsCoordination
from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer
from feeds.contract.coordination import Coordination
from tests.bus import LANES, eventually
from tests.journeys.line import Line, priced, the_line

pytestmark = pytest.mark.journey

TTL_S = 2
QUICK = {
    "ODDSWIRE_LANES": str(LANES),
    "ODDSWIRE_LOG_AGE_S": "3600",
    "ODDSWIRE_FANOUT_REGISTRY_INTERVAL_S": "0.1",
    "ODDSWIRE_FANOUT_REGISTRY_TTL_S": str(TTL_S),
}
DEVICES = 50


@asynccontextmanager
async def fanout(*arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fanout", *arguments, stdout=PIPE, stderr=PIPE, env=QUICK, limit=2**20
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(*arguments: str) -> tuple[int | None, list[str], str]:
    """Exit status, lines of stdout, and stderr of a command that ends by itself."""
    async with fanout(*arguments) as process:
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, out.decode().splitlines(), err.decode()


@asynccontextmanager
async def shards(nats: NatsServer, coordination: Coordination, *names: str) -> AsyncIterator[list[Process]]:
    """Shards that serve and know of each other; the first one began last."""
    async with AsyncExitStack() as stack:
        processes: list[Process] = []
        for name in reversed(names):
            starting = fanout("run", "--name", name, "--port", "0", "--nats", nats.url)
            process = await stack.enter_async_context(starting)
            assert process.stdout is not None
            assert (await asyncio.wait_for(process.stdout.readline(), 30)).decode() == f"{name} ready\n"
            processes.insert(0, process)
        seen = {record.version for record in await coordination.scan("shards")}
        await until_known(coordination, names, seen)
        yield processes


async def until_known(coordination: Coordination, names: Sequence[str], seen: set[int]) -> None:
    """Waits until each has written what is not `seen` yet: by then it has read of all others."""
    for _ in range(2):
        async with asyncio.timeout(20):
            while True:
                records = [record for record in await coordination.scan("shards") if record.version not in seen]
                if {record.name for record in records} == set(names):
                    break
                await asyncio.sleep(0.02)
        seen = seen | {record.version for record in records}


async def status_by_name(coordination: Coordination) -> dict[str, ShardStatus]:
    return {status.name: status for status in await read_registry(coordination)}


@pytest.fixture
async def line(nats_server: NatsServer) -> AsyncIterator[Line]:
    async with the_line(nats_server) as line:
        yield line


@pytest.fixture
def coordination(connection: Connection) -> Coordination:
    return NatsCoordination(connection)


class Device:
    """A reference client that is read all the time, and what became of it."""

    def __init__(self, url: str, conflate_ms: int) -> None:
        self.conflate_ms = conflate_ms
        self.notices: list[Notice] = []
        self.prices: list[int] = []
        self.stream = OddsStream(["football"], urls=[url], conflate_ms=conflate_ms, on_notice=self.notices.append)

    @property
    def url(self) -> str:
        """Where it is now."""
        return self.notices[-1].url

    @property
    def price(self) -> int | None:
        """Of M1, as it is shown."""
        market = self.stream.replica.markets.get("M1")
        return None if market is None else market["x"][0]["a"]

    async def read(self) -> None:
        """Until cancelled."""
        async with self.stream:
            async for _ in self.stream:
                if self.price is not None and (not self.prices or self.prices[-1] != self.price):
                    self.prices.append(self.price)


@asynccontextmanager
async def devices(url: str) -> AsyncIterator[list[Device]]:
    """Devices of two tiers on one shard, all live."""
    made = [Device(url, conflate_ms=100 * (number % 2)) for number in range(DEVICES)]
    async with asyncio.TaskGroup() as group:
        reading = [group.create_task(device.read()) for device in made]
        await eventually(lambda: all(device.stream.live for device in made))
        yield made
        for task in reading:
            task.cancel()


async def test_a_drain_by_name_moves_50_devices_without_a_lost_change(line: Line, coordination: Coordination) -> None:
    names = ("fanout-1", "fanout-2", "fanout-3")
    async with shards(line.nats, coordination, *names) as [first, *_]:
        streams = {name: status.url for name, status in (await status_by_name(coordination)).items()}
        async with devices(streams["fanout-1"]) as moving:
            draining = asyncio.ensure_future(said("drain", "fanout-1", "--nats", line.nats.url, "--window", "1"))
            put = [-110]
            for american in itertools.count(-111, -1):
                line.put(priced("M1", "E1", american))
                put.append(american)
                await asyncio.wait([draining], timeout=0.02)
                if draining.done():
                    break
            await eventually(lambda: all(device.price == put[-1] for device in moving))
            status, lines, errors = await draining
            assert (status, errors) == (0, "")
            assert lines[0] == f"fanout-1 drains, {DEVICES} devices left"
            assert lines[-1] == "fanout-1 drained"
            assert await asyncio.wait_for(first.wait(), 10) == 0
            assert {tuple(notice.kind for notice in device.notices) for device in moving} == {("connected", "moved")}
            for device in moving:
                assert device.stream.replica.gaps == 0
                assert device.conflate_ms or len(device.prices) > 0.4 * len(put), "nothing stood still meanwhile"
                assert device.prices == sorted(device.prices, reverse=True), "never a step back"
                assert line.log_is(device.stream.replica, "football")
            homes = Counter(device.url for device in moving)
            assert set(homes) == {streams["fanout-2"], streams["fanout-3"]}
            assert min(homes.values()) >= DEVICES // 5
            async with asyncio.timeout(10):  # who could not say that it goes is forgotten within seconds
                while set(await status_by_name(coordination)) != {"fanout-2", "fanout-3"}:  # noqa: ASYNC110 it is elsewhere
                    await asyncio.sleep(0.05)


async def test_who_does_not_go_is_closed_with_4010_at_the_deadline(line: Line, coordination: Coordination) -> None:
    async with shards(line.nats, coordination, "fanout-1", "fanout-2") as [first, _]:
        url = (await status_by_name(coordination))["fanout-1"].url
        stays = await line.device_at(url)
        await stays.subscribe("football")
        window = ("--window", "0")
        drained = await said("drain", "fanout-1", "--nats", line.nats.url, *window)
        assert drained[1][-1] == "fanout-1 drained, 1 device closed with 4010 at the deadline"
        assert await asyncio.wait_for(first.wait(), 10) == 0
        await eventually(lambda: stays.close_code == 4010)
        assert stays.told("drain")[0]["url"] == (await status_by_name(coordination))["fanout-2"].url


async def test_an_account_revoked_by_name_is_closed_on_every_shard(
    line: Line, coordination: Coordination, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = "k1:" + "s" * 32
    monkeypatch.setitem(QUICK, "ODDSWIRE_FANOUT_TICKET_KEYS", keys)
    monkeypatch.setitem(QUICK, "ODDSWIRE_FANOUT_PUBLIC_TOPICS", "false")
    asked: Counter[str] = Counter()

    def authorized(account: str) -> Authorize:
        async def authorize() -> str:
            asked[account] += 1
            now_s = int(time.time())
            return parse_keys(keys).mint(Grant(account, ("*",), 0, now_s + 600), now_s)

        return authorize

    async with shards(line.nats, coordination, "fanout-1", "fanout-2"), AsyncExitStack() as stack:
        urls = [status.url for status in (await status_by_name(coordination)).values()]
        streams = [
            await stack.enter_async_context(OddsStream(["football"], urls=[url], authorize=authorized(account)))
            for account in ("A1", "A2")
            for url in urls
        ]
        async with asyncio.TaskGroup() as group:
            reading = [group.create_task(until_refused(stream)) for stream in streams]
            await eventually(lambda: all(stream.live for stream in streams))
            assert await said("revoke", "A1", "--nats", line.nats.url) == (0, [], "")
            assert await asyncio.wait_for(asyncio.gather(*reading[:2]), 20) == ["close_4003"] * 2
            assert all(stream.live for stream in streams[2:])
            for task in reading:
                task.cancel()
    assert asked == {"A1": 2, "A2": 2}


async def until_refused(stream: OddsStream) -> str:
    """Reads until the server will not serve any more; gives its code."""
    with pytest.raises(StreamRefused) as refused:
        async for _ in stream:
            pass
    return refused.value.code


async def test_a_killed_shard_is_forgotten_after_its_time(line: Line, coordination: Coordination) -> None:
    async with shards(line.nats, coordination, "fanout-1", "fanout-2") as [first, _]:
        first.kill()
        await first.wait()
        loop = asyncio.get_running_loop()
        killed_s = loop.time()
        assert set(await status_by_name(coordination)) == {"fanout-1", "fanout-2"}
        async with asyncio.timeout(TTL_S + 3):
            while set(await status_by_name(coordination)) != {"fanout-2"}:  # noqa: ASYNC110 nats-server tells nobody
                await asyncio.sleep(0.02)
        assert loop.time() - killed_s > TTL_S - 1
        assert (await said("drain", "fanout-1", "--nats", line.nats.url))[0] == 1


async def test_the_registry_as_a_table_and_as_json(line: Line, coordination: Coordination) -> None:
    assert (await said("shards", "--nats", line.nats.url))[1] == [
        "shard  state  sockets  lag_p99_ms  headroom  lanes  url"
    ]
    async with shards(line.nats, coordination, "fanout-1", "fanout-2"):
        status, lines, _ = await said("shards", "--nats", line.nats.url)
        assert status == 0
        assert [row.split()[:3] for row in lines[1:]] == [["fanout-1", "serving", "0"], ["fanout-2", "serving", "0"]]
        listed = orjson.loads((await said("shards", "--json", "--nats", line.nats.url))[1][0])
        assert {shard["name"]: shard["url"] for shard in listed} == {
            name: shard.url for name, shard in (await status_by_name(coordination)).items()
        }


@pytest.mark.parametrize(
    "arguments", [("drain", "*"), ("drain", "a", "--window", "-1"), ("drain", "a", "--window", "x")]
)
async def test_what_cannot_be_an_order_is_refused(arguments: tuple[str, ...]) -> None:
    assert (await said(*arguments))[0] == 2


async def test_nobody_there_is_said(line: Line) -> None:
    assert await said("drain", "nobody", "--nats", line.nats.url) == (1, [], "fanout: nobody listens on fleet.nobody\n")
