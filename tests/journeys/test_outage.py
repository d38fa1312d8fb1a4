"""What devices see when the log goes away, comes back, or was lost: they stay connected, are told, and converge."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from feeds.adapters.server import NatsServer
from tests.bus import event, eventually
from tests.journeys.line import Line, priced, the_line

pytestmark = pytest.mark.journey


@pytest.fixture
async def line(nats_server: NatsServer) -> AsyncIterator[Line]:
    async with the_line(nats_server) as line:
        yield line


async def test_nats_killed_and_started_again(line: Line) -> None:
    device = await line.device(await line.shard(hb_ms=500))
    await device.subscribe("football.nfl", conflate_ms=100)
    await line.nats.kill()
    await eventually(lambda: set(device.replica.not_live.values()) == {"stale"}, within_s=35)
    assert device.replica.status(device.shows("M1")) == "suspended"
    assert device.shows("M1")["st"] == "open"
    line.put(priced("M1", "E1", -170), priced("M4", "E1", 400))
    await line.nats.start()
    await eventually(lambda: device.american("M1") == -170 and device.american("M4") == 400, within_s=60)
    await eventually(lambda: device.replica.not_live == {}, within_s=60)
    assert device.replica.status(device.shows("M1")) == "open"
    assert device.close_code is None
    assert device.replica.gaps == 0
    assert len(device.told("subscribed")) == 1
    assert line.log_holds(device, "football.nfl")


async def test_a_lost_log_starts_every_device_anew(line: Line) -> None:
    device = await line.device(await line.shard())
    await device.subscribe("football.nfl", conflate_ms=0)
    line.put(priced("M1", "E1", -180), event("E2"), priced("M2", "E2", 120))
    await eventually(lambda: device.american("M2") == 120)
    epoch = device.replica.epoch
    await line.nats.wipe()
    await eventually(lambda: device.replica.epoch != epoch, within_s=60)
    line.put(priced("M1", "E1", -190))
    await eventually(lambda: device.american("M1") == -190 and device.american("M2") == 120, within_s=60)
    anew = device.told("subscribed")[-1]
    assert "id" not in anew
    assert anew["topics"] == {"football.nfl": "image"}
    assert set(anew["why"].values()) == {"epoch_changed"}
    assert device.close_code is None
    await eventually(lambda: line.log_holds(device, "football.nfl"), within_s=60)


async def test_a_silent_source_is_shown_stale_by_everyone(line: Line) -> None:
    device = await line.device(await line.shard())
    await device.subscribe("football.nfl.E1")
    assert line.provider.sink is not None
    line.provider.sink.health("recovering")
    await eventually(lambda: "stale" in device.replica.not_live.values())
    assert [told["state"] for told in device.told("src")] == ["stale"]
    late = await line.device(await line.shard("fanout-2"))
    await late.subscribe("football.nfl.E1")
    assert set(late.told("live")[0]["src"].values()) == {"stale"}
    line.put(priced("M1", "E1", -111))
    line.provider.sink.health("live")
    await eventually(lambda: not device.replica.not_live and not late.replica.not_live)
    kinds = [
        (message["t"], message.get("state"))
        for message in device.messages
        if message["t"] == "src" or any(market["id"] == "M1" for market in message.get("m", ()))
    ]
    assert kinds[-2:] == [("d", None), ("src", "live")]
