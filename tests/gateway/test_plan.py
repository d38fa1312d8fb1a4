"""The plan of a local stack, from its settings alone."""

import re

import pytest

from gateway.local.errors import CannotStart
from gateway.local.plan import (
    Part,
    Plan,
    Ports,
    database_address,
    nats_address,
    plan_stack,
    recording_of,
    reserved_ports,
    wanted_parts,
)
from gateway.local.settings import UpSettings

NATS_PORT = 8200
POSTGRES_PORT = 8300


def plan_of(**options: object) -> Plan:
    return plan_stack(UpSettings.model_validate(options), Ports(NATS_PORT, POSTGRES_PORT))


def part_of(plan: Plan, name: str) -> Part:
    return next(part for stage in plan.stages for part in stage if part.name == name)


def names_of(plan: Plan) -> list[list[str]]:
    return [[part.name for part in stage] for stage in plan.stages]


def beside_of(plan: Plan) -> list[list[str]]:
    return [[part.name for part in stage] for stage in plan.beside]


def test_the_archive_starts_after_its_database_and_the_line_waits_for_neither() -> None:
    assert beside_of(plan_of()) == [["postgres"], ["archive", "news", "settler"]]
    assert plan_of(parts="fanout").beside == ()


def test_an_archive_needs_a_database_and_one_that_runs_already_is_not_started() -> None:
    assert beside_of(plan_of(parts="archive")) == [["postgres"], ["archive"]]
    plan = plan_of(database="postgresql://me@db/odds")
    assert beside_of(plan) == [["archive", "news", "settler"]]
    [keepers] = plan.beside
    assert [keeper.argv[-2:] for keeper in keepers] == [("--database", "postgresql://me@db/odds")] * 3
    assert beside_of(plan_of(parts="news")) == [["postgres"], ["news"]]


@pytest.mark.parametrize("url", ["db:5432", "http://db", "postgresql://", "postgresql://db:port/x"])
def test_an_address_that_is_no_database_s_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(CannotStart, match=r"^--database: not an address"):
        database_address(url)


def test_shards_start_after_the_feed_and_the_feed_after_nats() -> None:
    assert names_of(plan_of()) == [["nats"], ["feed"], ["fanout-1", "fanout-2", "gateway"]]


def test_parts_say_where_they_are_reached() -> None:
    plan = plan_of(port=9000, shards=2)
    assert part_of(plan, "nats").line == "nats nats://127.0.0.1:8200"
    assert part_of(plan, "feed").line == "feed simulator, 60 events, 200 updates/s"
    assert part_of(plan, "fanout-2").line == "fanout-2 ws://127.0.0.1:9101/v1/stream"
    assert plan.streams == ("ws://127.0.0.1:9100/v1/stream", "ws://127.0.0.1:9101/v1/stream")


def test_the_gateway_stands_beside_the_shards_and_says_where_its_docs_are() -> None:
    gateway = part_of(plan_of(port=9000, host="0.0.0.0"), "gateway")
    assert gateway.argv == (
        *("-m", "gateway", "serve", "--host", "0.0.0.0", "--port", "9000"),
        *("--nats", "nats://127.0.0.1:8200", "--coordination", "nats:"),
        *("--database", plan_of(port=9000).database_url),
    )
    assert (
        gateway.line
        == "gateway http://127.0.0.1:9000, desk http://127.0.0.1:9000/desk, docs http://127.0.0.1:9000/docs"
    )
    assert names_of(plan_of(parts="nats,gateway")) == [["nats"], ["gateway"]]
    assert "--database" not in part_of(plan_of(parts="nats,gateway"), "gateway").argv


def test_on_a_laptop_odds_are_open_and_development_keys_are_taken_but_told_to_no_process() -> None:
    gateway = part_of(plan_of(data_dir="there"), "gateway")
    assert dict(gateway.environment) == {
        "ODDSWIRE_ACCESS_ENVIRONMENT": "development",
        "ODDSWIRE_ACCESS_ANONYMOUS": "true",
        "ODDSWIRE_BETS_DEVELOPMENT": "true",
        "ODDSWIRE_LOCATION_ENVIRONMENT": "development",
        "ODDSWIRE_LOCATION_VERIFIED_AGE": "21",
        "ODDSWIRE_LOCATION_DEVELOPMENT_DIR": "there",
        "ODDSWIRE_ACCESS_DEVELOPMENT_DIR": "there",
    }
    assert not any("ow_" in word for word in gateway.argv)


def test_workers_of_the_api_share_its_port_() -> None:
    argv = part_of(plan_of(api_workers=3, database="postgresql://me@db/odds"), "gateway").argv
    assert argv[-4:] == ("--database", "postgresql://me@db/odds", "--workers", "3")


def test_gateway_and_shards_share_a_ticket_key_that_stands_in_no_command_line() -> None:
    plan = plan_stack(UpSettings(), Ports(NATS_PORT, POSTGRES_PORT), ticket_key="s" * 32)
    for name in ("gateway", "fanout-1", "fanout-2"):
        assert dict(part_of(plan, name).environment)["ODDSWIRE_FANOUT_TICKET_KEYS"] == "up:" + "s" * 32
    assert "s" * 32 not in " ".join(word for stage in plan.stages for part in stage for word in part.argv)


def test_a_shard_is_told_of_its_peers_and_not_of_itself() -> None:
    argv = part_of(plan_of(port=9000, shards=3), "fanout-2").argv
    assert argv == (
        *("-m", "fanout", "run", "--name", "fanout-2", "--host", "127.0.0.1", "--port", "9101"),
        *("--nats", "nats://127.0.0.1:8200", "--coordination", "nats:"),
        *("--peer", "ws://127.0.0.1:9100/v1/stream", "--peer", "ws://127.0.0.1:9102/v1/stream"),
    )


def test_the_simulator_takes_events_and_rate() -> None:
    argv = part_of(plan_of(events=7, rate=90, speed=4, loop=True), "feed").argv
    assert argv == (
        *("-m", "feeds", "run", "--provider", "simulator", "--events", "7", "--rate", "90"),
        *("--nats", "nats://127.0.0.1:8200", "--coordination", "nats:"),
    )


def test_several_ingestors_are_the_same_part_under_names_of_their_own() -> None:
    plan = plan_of(ingestors=2)
    assert names_of(plan)[:2] == [["nats"], ["feed-1", "feed-2"]]
    assert part_of(plan, "feed-1").argv == part_of(plan, "feed-2").argv == part_of(plan_of(), "feed").argv
    assert part_of(plan, "feed-2").line == "feed-2 simulator, 60 events, 200 updates/s"
    assert re.search(part_of(plan, "feed-2").ready_line, "feed simulator standby")


def test_a_recording_takes_speed_and_loop() -> None:
    feed = part_of(plan_of(feed="betfair:a.bz2", speed=2.5, loop=True), "feed")
    assert feed.argv[2:8] == ("run", "--provider", "betfair:a.bz2", "--speed", "2.5", "--loop")
    assert feed.line == "feed betfair:a.bz2, speed 2.5, looped"


def test_a_nats_that_runs_already_is_used_and_not_started() -> None:
    plan = plan_of(nats="nats://bus:4333")
    assert names_of(plan) == [["feed"], ["fanout-1", "fanout-2", "gateway"]]
    assert "nats://bus:4333" in part_of(plan, "feed").argv


def test_every_part_that_coordinates_is_told_where() -> None:
    plan = plan_of(coordination="aerospike://a:3000,b/odds")
    for name in ("feed", "fanout-1", "fanout-2", "gateway"):
        argv = part_of(plan, name).argv
        assert argv[argv.index("--coordination") + 1] == "aerospike://a:3000,b/odds"
    assert plan.coordination == "aerospike://a:3000,b/odds"


@pytest.mark.parametrize(
    ("parts", "nats", "started"),
    [
        ("nats,feeds", "", [["nats"], ["feed"]]),
        ("feeds , fanout", "", [["nats"], ["feed"], ["fanout-1", "fanout-2"]]),
        ("fanout", "nats://bus:4222", [["fanout-1", "fanout-2"]]),
        ("nats", "", [["nats"]]),
    ],
)
def test_only_the_parts_named_are_started(parts: str, nats: str, started: list[list[str]]) -> None:
    assert names_of(plan_of(parts=parts, nats=nats)) == started


@pytest.mark.parametrize(("parts", "nats"), [("feeds,foo", ""), (",", ""), ("nats,feeds", "nats://bus:4222")])
def test_parts_that_make_no_stack_are_refused(parts: str, nats: str) -> None:
    with pytest.raises(CannotStart, match="--parts"):
        wanted_parts(UpSettings(parts=parts, nats=nats))


@pytest.mark.parametrize("feed", ["foo", "", "betfair", "betfair:", "foo:bar"])
def test_a_feed_nobody_knows_is_refused(feed: str) -> None:
    with pytest.raises(CannotStart, match=r"^--feed "):
        recording_of(feed)


@pytest.mark.parametrize("url", ["bus:4222", "http://bus:4222", "nats://", "nats://bus:port", "nats://[::1"])
def test_an_address_that_is_none_of_nats_is_refused(url: str) -> None:
    with pytest.raises(CannotStart, match=r"^--nats "):
        nats_address(url)


def test_the_port_of_nats_has_a_default() -> None:
    assert nats_address("nats://bus") == ("bus", 4222)


def test_ports_are_reserved_for_the_gateway_and_every_shard() -> None:
    assert reserved_ports(UpSettings(port=9000)) == {9000: "gateway", 9100: "fanout-1", 9101: "fanout-2"}
    assert reserved_ports(UpSettings(port=9000, parts="nats,feeds")) == {}


@pytest.mark.parametrize(
    ("host", "stream"),
    [
        ("0.0.0.0", "ws://127.0.0.1:8100/v1/stream"),
        ("::", "ws://[::1]:8100/v1/stream"),
        ("192.0.2.7", "ws://192.0.2.7:8100/v1/stream"),
    ],
)
def test_a_shard_that_listens_everywhere_is_reached_on_loopback(host: str, stream: str) -> None:
    assert plan_of(host=host, shards=1).streams == (stream,)
