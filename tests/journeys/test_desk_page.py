"""The desk over REST on a running line: a real gateway process, log, feed and shard; sessions by the page's cookie."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from feeds.adapters.server import NatsServer, free_port
from gateway.access.development import development_keys
from tests.bus import LANES, eventually
from tests.journeys.line import Device, Line, priced, the_line
from tests.journeys.part import Part, started

pytestmark = pytest.mark.journey

OURS = {"Desk-Request": "1"}
EVENT, MARKET = "football.nfl.E1", "football.nfl.E1.M1"
_NUMBERS = itertools.count(1)


class Trader(NamedTuple):
    """Somebody in a browser."""

    web: httpx.AsyncClient

    async def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.web.request(method, f"/v1/desk{path}", json=body, headers=OURS)

    async def does(self, action: str, scope: str, version: int, **more: Any) -> httpx.Response:
        body = {"id": f"command-{next(_NUMBERS):04d}", "scope": scope, "action": action, "version": version}
        return await self("POST", "/commands", body | {"reason": "because", **more})

    async def done(self, action: str, scope: str, version: int, **more: Any) -> dict[str, Any]:
        answer = await self.does(action, scope, version, **more)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        assert said["whole"]
        return said

    async def told(self, path: str) -> Any:
        answer = await self("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()


class Stage(NamedTuple):
    """The line, its gateway, and a shard that is a process of its own."""

    line: Line
    url: str
    shard: Part
    stream: str
    stack: AsyncExitStack

    async def trader(self, account: str, role: str = "trader") -> Trader:
        web = await self.stack.enter_async_context(httpx.AsyncClient(base_url=self.url, timeout=30))
        signed = await web.post("/desk/sign-in/development", json={"account": account, "role": role}, headers=OURS)
        assert signed.status_code == 200
        return Trader(web)


@pytest.fixture
async def stage(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Stage]:
    monkeypatch.setenv("ODDSWIRE_LANES", str(LANES))
    monkeypatch.setenv("ODDSWIRE_ACCESS_ENVIRONMENT", "development")
    monkeypatch.setenv("ODDSWIRE_ACCESS_DEVELOPMENT_DIR", str(tmp_path))
    monkeypatch.setenv("ODDSWIRE_FANOUT_DRAIN_WINDOW_S", "0.5")
    monkeypatch.setenv("ODDSWIRE_FANOUT_DRAIN_DEADLINE_S", "2")
    development_keys(tmp_path)
    port, shard_port = free_port(), free_port()
    async with the_line(nats_server) as line:
        shard = ("fanout", "run", "--name", "s1", "--port", str(shard_port), "--nats", nats_server.url)
        gateway = ("gateway", "serve", "--port", str(port), "--nats", nats_server.url)
        async with started(*shard) as one, started(*gateway), AsyncExitStack() as stack:
            yield Stage(line, f"http://127.0.0.1:{port}", one, f"ws://127.0.0.1:{shard_port}/v1/stream", stack)


def shown(device: Device) -> tuple[Any, int | None]:
    return device.shows("M1").get("st"), device.american("M1")


async def test_what_a_trader_does_reaches_devices_and_a_stale_click_nothing(stage: Stage) -> None:
    jo, ann, eve = await stage.trader("jo"), await stage.trader("ann"), await stage.trader("eve", "reader")
    device = await stage.line.device_at(stage.stream)
    await device.subscribe(EVENT)
    suspended = await jo.done("suspend", EVENT, 0)
    assert (suspended["version"], suspended["change"]["by"]) == (1, "jo")
    await eventually(lambda: shown(device) == ("suspended", -110))
    [overlay] = (await eve.told(f"/overlays?scope={MARKET}"))["items"]
    assert (overlay["scope"], overlay["version"], overlay["missing"]) == (EVENT, 1, [])
    assert overlay["entries"]["suspensions"][0]["why"] == "because"

    stale = await ann.does("resume", EVENT, 0)
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_version")
    refused = await eve.does("resume", EVENT, 1)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert shown(device) == ("suspended", -110)

    undo = {"id": "undo-0001", "scope": EVENT, "reason": "a slip of the hand"}
    undone = await ann("POST", f"/commands/{suspended['id']}/undo", undo)
    assert undone.json()["version"] == 2
    await eventually(lambda: shown(device) == ("open", -110))
    again = await ann("POST", f"/commands/{suspended['id']}/undo", undo | {"id": "undo-0002"})
    assert (again.status_code, again.json()["code"]) == (409, "stale_version")

    await jo.done("override", MARKET, 2, selection="O1", price="-200", for_s=1)
    await eventually(lambda: shown(device) == ("open", -200))
    await eventually(lambda: shown(device) == ("open", -110))
    await jo.done("margin", EVENT, 3, value="5.5")
    trail = (await eve.told(f"/trail?scope={EVENT}"))["items"]
    assert [(one["action"], one["by"], one["version"]) for one in trail] == [
        ("margin", "jo", 4),
        ("override", "jo", 3),
        ("resume", "ann", 2),
        ("suspend", "jo", 1),
    ]
    assert len((await eve.told("/trail?limit=2"))["items"]) == 2
    assert [one["action"] for one in (await eve.told("/trail?scope=soccer"))["items"]] == []


async def test_the_same_command_is_done_once_and_a_bad_one_never(stage: Stage) -> None:
    jo = await stage.trader("jo")
    first = await jo.done("suspend", EVENT, 0, id="the-same-command")
    assert await jo.done("suspend", EVENT, 0, id="the-same-command") == first
    for scope, action, more, status, code in (
        ("football.nfl.E9", "suspend", {}, 422, "unknown_event"),
        ("football.nfl.E1.M9", "suspend", {}, 422, "unknown_market"),
        (MARKET, "override", {"selection": "O9", "price": "-110", "for_s": 9}, 422, "unknown_selection"),
        ("football.nfl.E1.M1.x", "suspend", {}, 400, "bad_scope"),
        ("Football", "suspend", {}, 400, "bad_scope"),
        ("football:nothing", "suspend", {}, 400, "bad_scope"),
        (EVENT, "override", {"selection": "O1", "price": "-110", "for_s": 9}, 400, "bad_scope"),
        (MARKET, "override", {"selection": "O1", "price": "oops", "for_s": 9}, 400, "bad_command"),
        (EVENT, "resume", {"id": "x"}, 400, "bad_body"),
        ("football.nfl:prop", "resume", {}, 409, "stale_version"),
    ):
        answer = await jo.does(action, scope, 1, **more)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (scope, action)
    assert (await jo.does("resume", "football.nfl:prop", 0)).json()["code"] == "nothing_to_end"
    [overlay] = (await jo.told("/overlays"))["items"]
    assert overlay["version"] == 1


async def test_two_that_click_at_once_leave_one_change(stage: Stage) -> None:
    traders = [await stage.trader(f"t{number}") for number in range(4)]
    answers = await asyncio.gather(*(one.does("suspend", EVENT, 0) for one in traders))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert len((await traders[0].told("/trail"))["items"]) == 1


async def test_how_everything_is_and_a_shard_that_drains(stage: Stage) -> None:
    jo = await stage.trader("jo")
    device = await stage.line.device_at(stage.stream)
    await device.subscribe(EVENT)
    stage.line.put(priced("M1", "E1", -115))
    async with asyncio.timeout(60):
        while True:
            found = await jo.told("/operations")
            delays = await jo.told("/operations/delays")
            if found["shards"] and found["shards"][0]["sockets"] == 1 and found["gateways"] and delays["bus"]:
                break
            await asyncio.sleep(0.2)
    [shard] = found["shards"]
    assert (shard["name"], shard["state"], shard["url"]) == ("s1", "serving", stage.stream)
    assert {feed["state"] for feed in found["feeds"]} == {"live"}
    assert max(feed["age_ms"] for feed in found["feeds"]) < 60_000
    assert found["missing"] == []
    assert len(delays["bounds_ms"]) + 1 == len(delays["bus"][0]["counts"]) == len(delays["shard"][-1]["counts"])
    page = await jo.web.get("/desk")
    assert f" {stage.stream.removesuffix('/v1/stream')};" in page.headers["content-security-policy"]

    drained = await jo("POST", "/shards/s1/drain", {"reason": "its host goes away", "window_s": 0})
    assert (drained.status_code, drained.json()) == (202, {"shard": "s1", "devices": 1})
    await eventually(lambda: bool(device.told("drain")) or device.close_code is not None)
    await eventually(lambda: device.close_code == 4010)
    async with asyncio.timeout(60):
        while (await jo.told("/operations"))["shards"]:  # noqa: ASYNC110 it is in another process
            await asyncio.sleep(0.2)
    assert (await jo("POST", "/shards/s1/drain", {"reason": "again"})).json()["code"] == "not_found"
