"""The trader's hand on a running line: real processes of the command, a real log, a real shard and its devices."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer, free_port
from feeds.contract.model import Market
from feeds.contract.subjects import lane_of
from feeds.refresh import has_ended
from tests.bus import LANES, HandFed, Mirror, event, eventually, feeding, reading
from tests.journeys.desk_command import desk, done
from tests.journeys.line import Device, Line, priced, the_line

pytestmark = pytest.mark.journey


@pytest.fixture
async def line(nats_server: NatsServer) -> AsyncIterator[Line]:
    async with the_line(nats_server) as line:
        yield line


def shown(device: Device, market_id: str = "M1") -> tuple[Any, Any, int | None]:
    market = device.shows(market_id)
    return market.get("st"), market.get("reason"), device.american(market_id)


def stored(mirror: Mirror, market_id: str = "M1") -> Market:
    state = mirror.state(market_id)
    assert isinstance(state, Market)
    return state


async def test_a_device_sees_a_suspension_at_once_and_the_freshest_price_after_resume(line: Line) -> None:
    shard = await line.shard()
    device, slow = await line.device(shard), await line.device(shard)
    await device.subscribe("football.nfl.E1")
    await slow.subscribe("football.nfl.E1", conflate_ms=1000)
    assert await done(line.nats, "suspend", "football.nfl.E1") == f"suspend football.nfl.E1: version 1, lane {lane()}\n"
    await eventually(lambda: shown(device) == ("suspended", "desk", -110))
    await eventually(lambda: shown(slow) == ("suspended", "desk", -110))
    (urgent,) = (frame for frame in slow.told("d") if frame["m"])
    assert "cursor" not in urgent  # it did not wait for the tick
    for american in (-115, -120, -125):
        line.put(priced("M1", "E1", american))
        await eventually(lambda american=american: shown(device) == ("suspended", "desk", american))  # type: ignore[misc]
    line.put(priced("M1", "E1", -130, st="suspended", reason="possible_score"))
    line.put(priced("M1", "E1", -140))
    await eventually(lambda: device.american("M1") == -140)
    assert "open" not in [change.get("st") for frame in device.told("d") for change in frame["m"]]
    await done(line.nats, "resume", "football.nfl.E1")
    await eventually(lambda: shown(device) == ("open", None, -140) and shown(slow) == ("open", None, -140))
    assert stored(line.mirror).desk is None
    assert device.replica.gaps == slow.replica.gaps == 0


def lane() -> int:
    return lane_of("E1", LANES)


async def test_a_league_is_suspended_with_what_appears_later_and_a_class_alone_leaves_the_rest(line: Line) -> None:
    device = await line.device(await line.shard())
    await device.subscribe("football")
    assert (
        await done(line.nats, "suspend", "football.nfl:prop") == "suspend football.nfl:prop: version 1, lanes 0, 1, 2\n"
    )
    line.put(priced("M2", "E1", 150, cls="prop"))
    later = [f"E{number}" for number in range(2, 8)]
    for name in later:
        line.put(event(name), priced(f"{name}M", name, 120, cls="prop"), priced(f"{name}N", name, 130))
    await eventually(lambda: all(device.shows(f"{name}N") for name in later))
    assert shown(device) == ("open", None, -110)
    assert shown(device, "M2") == ("suspended", "desk", 150)
    assert {shown(device, f"{name}M") for name in later} == {("suspended", "desk", 120)}
    assert {shown(device, f"{name}N") for name in later} == {("open", None, 130)}
    await done(line.nats, "resume", "football.nfl:prop")
    await eventually(lambda: {shown(device, f"{name}M") for name in later} == {("open", None, 120)})
    assert not [change for frame in device.told("d") for change in frame["m"] if change["id"] == "M1"]


async def test_a_price_of_ours_ends_by_itself_and_the_providers_newest_shows(line: Line) -> None:
    device = await line.device(await line.shard())
    await device.subscribe("football.nfl.E1")
    await done(line.nats, "override", "football.nfl.E1.M1", "O1", "-200", "--for", "2")
    await eventually(lambda: shown(device) == ("open", None, -200))
    line.put(priced("M1", "E1", -118))
    line.put(priced("M1", "E1", -117))
    await eventually(lambda: stored(line.mirror).desk is not None and b"-117" in record(line.mirror, "M1"))
    assert device.american("M1") == -200
    await eventually(lambda: shown(device) == ("open", None, -117))
    assert stored(line.mirror).desk is None
    await eventually(lambda: b'"over":true' in record(line.mirror, "football~nfl~E1"))


def record(mirror: Mirror, last_token: str) -> bytes:
    return next(
        stored.data
        for held in mirror.last.values()
        for subject, stored in held.items()
        if subject.endswith("." + last_token)
    )


async def test_limits_are_on_the_bus_and_devices_are_told_nothing_but_the_position(line: Line) -> None:
    device = await line.device(await line.shard())
    await device.subscribe("football.nfl.E1")
    line.put(priced("M1", "E1", -115))  # the first change after a shard's start comes whole
    await eventually(lambda: device.american("M1") == -115)
    before = len(device.told("d"))
    await done(line.nats, "margin", "football", "5.5")
    await done(line.nats, "max-stake", "football.nfl.E1.M1", "250")
    await eventually(lambda: (part := stored(line.mirror).desk) is not None and part.max_stake == 25_000)
    part = stored(line.mirror).desk
    assert part is not None
    assert part.margin == 550
    await eventually(lambda: line.log_holds(device, "football.nfl.E1"))
    assert {frozenset(change) for frame in device.told("d")[before:] for change in frame["m"]} == {
        frozenset({"id", "p", "s", "ts"})
    }


async def test_a_stale_click_is_refused_and_a_refresh_refuses_none(
    nats_server: NatsServer, connection: Connection
) -> None:
    provider = HandFed([event("E1"), priced("M1", "E1", -110)])
    async with feeding(connection, provider, log_age_s=10), reading(connection, log_age_s=10) as (_, mirror):
        await done(nats_server, "suspend", "football.nfl.E1")
        await eventually(lambda: positions(mirror) != [])
        first = positions(mirror)
        await eventually(lambda: len(positions(mirror)) > len(first))
        await done(nats_server, "max-stake", "football.nfl.E1", "10", "--version", "1")
        refused = await desk(nats_server, "resume", "football.nfl.E1", "--version", "1")
        assert (refused.status, refused.out) == (2, "")
        assert refused.err == (
            "oddswire desk: football.nfl.E1 is at version 2, and not at 1 any more (stale_version)\n"
        )
        await eventually(lambda: stored(mirror).desk is not None)
        assert stored(mirror).st == "suspended"
        provider.put(priced("M1", "E1", -110, gone=True, st="closed"), event("E1", state="ended"))
        await eventually(lambda: has_ended(overlays(mirror)[-1]))
        ended_s = positions(mirror)[-1]
        await eventually(lambda: min(mirror.floors.values()) > ended_s, within_s=60)
        assert positions(mirror)[-1] == ended_s  # what is over is not repeated


def overlays(mirror: Mirror) -> list[Any]:
    return [stored for stored in mirror.records if ".desk." in stored.subject]


def positions(mirror: Mirror) -> list[int]:
    return [stored.s for stored in overlays(mirror)]


async def test_what_lies_over_the_line_and_who_laid_it_is_told(line: Line) -> None:
    await done(line.nats, "suspend", "football.nfl", "--for", "3600", "--id", "one-command")
    again = await done(line.nats, "suspend", "football.nfl", "--for", "3600", "--id", "one-command")
    assert again == "suspend football.nfl: version 1, lanes 0, 1, 2\n"
    await done(line.nats, "override", "football.nfl.E1.M1", "O1", "1.5", "--for", "60")
    told = (await done(line.nats, "show")).splitlines()
    assert told[0] == "football.nfl  version 1"
    assert told[1].startswith("  suspended football.nfl until ")
    assert told[1].endswith(" by jo: because")
    assert told[2] == "football.nfl.E1  version 1"
    assert told[3].startswith("  price football.nfl.E1.M1 O1 -200 (1.500) until ")
    (only,) = map(json.loads, (await done(line.nats, "audit", "football.nfl.E1", "--json")).splitlines())
    assert (only["action"], only["by"], only["why"], only["before"]) == ("override", "jo", "because", {})
    changes = (await done(line.nats, "audit")).splitlines()
    assert [words.split()[2] for words in changes if words[0] != " "] == ["suspend", "override"]


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("suspend", "football.nfl.E9"), "there is no event football.nfl.E9 (unknown_event)"),
        (("suspend", "desk"), "not a sport: 'desk' (bad_sport)"),
        (("override", "football.nfl.E1.M1", "O1", "150"), "a price of ours has an end: --for SECONDS (bad_command)"),
        (
            ("override", "football.nfl.E1.M1", "O7", "150", "--for", "9"),
            "football.nfl.E1.M1 has no selection O7 (unknown_selection)",
        ),
        (("resume", "football"), "football: there is nothing of exactly this scope to end (nothing_to_end)"),
    ],
)
async def test_what_cannot_be_done_is_refused_in_one_line(line: Line, words: tuple[str, ...], refusal: str) -> None:
    said = await desk(line.nats, *words)
    assert (said.status, said.out, said.err) == (2, "", f"oddswire desk: {refusal}\n")


async def test_without_a_log_it_says_so(nats_server: NatsServer) -> None:
    said = await desk(nats_server, "suspend", "football", "--nats", f"nats://127.0.0.1:{free_port()}")
    assert (said.status, said.out) == (1, "")
    assert "no nats-server answers" in said.err
    said = await desk(nats_server, "suspend", "football")
    assert said.status == 1
    assert said.err.startswith("oddswire desk: there is no ODDS_")
