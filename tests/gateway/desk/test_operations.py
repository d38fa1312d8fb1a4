"""How everything is: made once for all, from what every part says of itself, and honest about what is away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanout.contract.fleet import LAG_BOUNDS_MS, DrainProgress, ShardStatus
from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.contract.coordination import Unavailable
from feeds.contract.errors import Refused
from gateway.api.desk_schemas import Borders, Delays, OperationsShown, Verdict
from gateway.desk.flow import COLUMNS_MAX, STEP_MS, Flow
from gateway.desk.operations import Around, Operations
from gateway.desk.shared import Shared
from gateway.desk.status import GATEWAYS, GatewayStatus, encode_gateway
from tests.fanout.serving import event, spread
from tests.gateway.desk.at_desk import HEADER, at_desk, sign_in


def test_states_are_counted_by_source_and_by_age() -> None:
    flow = Flow()
    for age_ms in (0, 5, 6, 180, 9_999, 20_000):
        flow.came("alpha-0", 10_000 - age_ms, 10_000)
    flow.came("beta-1", 10_001, 10_000)  # a clock that is ahead
    flow.look(10_000 + STEP_MS)
    assert flow.rates == {"alpha-0": 3.0, "beta-1": 0.5}
    [column] = flow.columns.since(0)
    assert column.at_ms == 10_000
    counts = dict(zip((*LAG_BOUNDS_MS, None), column.counts, strict=True))
    assert {bound: count for bound, count in counts.items() if count} == {5: 2, 10: 1, 200: 1, None: 1}
    assert flow.columns.since(10_000) == []
    for step in range(2, COLUMNS_MAX + 10):
        flow.look(10_000 + step * STEP_MS)
    assert len(flow.columns.since(0)) == COLUMNS_MAX
    assert flow.rates == {}


async def test_what_is_shared_is_made_once_for_all_and_again_when_it_has_changed() -> None:
    made: list[int] = []
    gate = asyncio.Event()

    async def make() -> int:
        made.append(1)
        await gate.wait()
        return len(made)

    shared = Shared(make, age_s=60)
    waiting = [asyncio.ensure_future(shared.get()) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # one that goes away takes it from nobody
    gate.set()
    assert await asyncio.gather(*waiting[1:]) == [1] * 4
    assert await shared.get() == 1
    shared.forget()
    assert await shared.get() == 2


class Stand:
    """Operations over what a test says."""

    def __init__(self, odds: Any) -> None:
        self.coordination = MemoryCoordination()
        self.shards = [ShardStatus("s1", "ws://h/v1/stream", "i", "serving", 3, 9, 0.9, (0,), 4, (1, 2))]
        self.exposed: list[tuple[str, str, int, int]] = [("USD", "M1", 5_000, 4_000), ("USD", "gone", 1, 1)]
        self.drained: list[tuple[str, float | None]] = []
        self.own = GatewayStatus("g1", 1, 2, 3, 4, 100)
        around = Around(
            book=odds.gateway.book,
            shards=lambda: self.shards,
            shards_away=lambda: False,
            coordination=self.coordination,
            exposures=self._exposures,
            drain=self._drain,
            own=lambda: self.own,
        )
        self.operations = Operations(around, Flow())

    async def _exposures(self) -> list[tuple[str, str, int, int]]:
        return self.exposed

    async def _drain(self, shard: str, window_s: float | None) -> DrainProgress:
        self.drained.append((shard, window_s))
        return DrainProgress(3)

    async def tell(self, *statuses: GatewayStatus) -> None:
        for status in statuses:
            await self.coordination.put(GATEWAYS, status.name, value=encode_gateway(status), ttl_s=60)


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    odds = at_desk(tmp_path)
    odds.put(event(), spread())
    odds.beat("alpha", "live", 0, odds.gateway.book.now_ms)
    return Stand(odds)


async def test_a_snapshot_has_what_each_part_says(stand: Stand) -> None:
    await stand.tell(GatewayStatus("g2", 1, 1_000, 3, 4, 100, 10, {"odds_changed": 5}))
    first = await stand.operations.snapshot()
    assert [one.name for one in first.shards] == ["s1"]
    assert [(one.source, one.state) for one in first.feeds] == [("alpha-0", "live")]
    assert [(one.event, one.stakes, one.liability) for one in first.exposure] == [("E1", 5_000, 4_000)]
    assert first.missing == ()
    assert await stand.operations.snapshot() is first


async def test_rates_come_from_what_was_told_before(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [1_000.0]
    monkeypatch.setattr("gateway.desk.operations.time.monotonic", lambda: now_s[0])
    rates = stand.operations._rates
    was = GatewayStatus("g1", 1, 1_000, 0, 0, 100, 10, {"odds_changed": 5}, {"boards": 1})
    assert rates([was]).requests_per_s == 0.0
    now_s[0] += 5
    newer = GatewayStatus("g1", 1, 6_000, 0, 0, 600, 20, {"odds_changed": 7, "geo_outside": 9}, {"boards": 1})
    found = rates([newer])
    assert (found.requests_per_s, found.bets_per_s) == (100.0, 2.0)
    assert list(found.refused.items()) == [("geo_outside", 9), ("odds_changed", 2)]
    assert found.shed == {}
    again = GatewayStatus("g1", 9_000, 12_000, 0, 0, 5, 1, {"odds_changed": 1})  # it was started anew
    now_s[0] += 5
    assert rates([again]).requests_per_s == 0.0
    assert rates([again]).refused == {"odds_changed": 1}


async def test_what_is_away_is_said_and_the_rest_is_told(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(kind: str) -> Any:
        raise Unavailable(kind)

    async def slow() -> Any:
        raise TimeoutError

    monkeypatch.setattr(stand.coordination, "scan", away)
    stand.exposed = []
    monkeypatch.setattr(stand, "_exposures", slow)
    stand.operations._around = stand.operations._around._replace(exposures=stand._exposures)
    found = await stand.operations.snapshot()
    assert found.missing == ("coordination", "database")
    assert [one.name for one in found.shards] == ["s1"]


async def test_a_shard_is_drained_by_name_alone(stand: Stand) -> None:
    assert await stand.operations.drain("s1", window_s=2.0, by="jo", reason="its host goes away") == 3
    assert stand.drained == [("s1", 2.0)]
    with pytest.raises(Refused) as caught:
        await stand.operations.drain("s9", window_s=None, by="jo", reason="x")
    assert caught.value.code == "not_found"


async def test_what_the_routes_say_is_of_their_types(tmp_path: Path) -> None:
    odds = at_desk(tmp_path)
    odds.put(event(), spread())
    async with odds.client:
        await sign_in(odds, role="reader")
        for path, kind in (("", OperationsShown), ("/delays?since_ms=5", Delays)):
            answer = await odds.client.get(f"/v1/desk/operations{path}", headers=HEADER)
            assert answer.status_code == 200
            msgspec.json.decode(answer.content, type=kind)
        drain = await odds.client.post("/v1/desk/shards/s1/drain", json={"reason": "x"}, headers=HEADER)
        assert drain.json()["code"] == "insufficient_scope"
        await sign_in(odds)
        drain = await odds.client.post("/v1/desk/shards/s1/drain", json={"reason": "x"}, headers=HEADER)
        assert drain.json()["code"] == "not_found"


PHILADELPHIA, CHERRY_HILL, AT_THE_RIVER, AT_SEA = "39.9526,-75.1652", "39.9259,-75.0196", "39.95,-75.131", "35,-60"


@pytest.mark.parametrize(
    ("place", "more", "expected"),
    [
        (PHILADELPHIA, "", ("", "US-PA")),
        (CHERRY_HILL, "", ("", "US-NJ")),
        (AT_THE_RIVER, "", ("geo_undetermined", "US-PA")),
        (AT_SEA, "", ("geo_outside", None)),
        (PHILADELPHIA, "&accuracy_m=5000", ("geo_inaccurate", "US-PA")),
        ("40.76,-111.89", "", ("geo_state_not_offered", "US-UT")),
    ],
)
async def test_a_place_is_judged_as_a_packet_would_be(
    tmp_path: Path, place: str, more: str, expected: tuple[str, str | None]
) -> None:
    odds = at_desk(tmp_path)
    lat, lon = place.split(",")
    async with odds.client:
        await sign_in(odds, role="reader")
        answer = await odds.client.get(f"/v1/desk/places?lat={lat}&lon={lon}{more}", headers=HEADER)
        verdict = msgspec.json.decode(answer.content, type=Verdict)
    assert (verdict.code, verdict.state) == expected
    assert verdict.accepted == (not expected[0])
    assert (verdict.lifetime_s is not None) == verdict.accepted
    if verdict.accepted:
        assert {rule.verdict for rule in verdict.rules} == {"allow", "refuse"}
        assert all(rule.address.startswith("http") and rule.section for rule in verdict.rules)


async def test_borders_are_drawn_coarse_for_all_and_fine_for_one(tmp_path: Path) -> None:
    odds = at_desk(tmp_path)
    async with odds.client:
        await sign_in(odds, role="reader")
        answer = await odds.client.get("/v1/desk/borders", headers=HEADER)
        everywhere = msgspec.json.decode(answer.content, type=Borders).items
        [one] = msgspec.json.decode(
            (await odds.client.get("/v1/desk/borders?state=US-NJ", headers=HEADER)).content, type=Borders
        ).items
        none = await odds.client.get("/v1/desk/borders?state=US-ZZ", headers=HEADER)
        nowhere = await odds.client.get("/v1/desk/places?lat=91&lon=0", headers=HEADER)
    assert none.json()["code"] == "not_found"
    assert nowhere.json()["code"] == "bad_parameter"
    assert len(everywhere) == 56
    assert len(answer.content) < 400_000
    [coarse] = [border for border in everywhere if border.state == "US-NJ"]
    assert sum(map(len, one.rings)) > sum(map(len, coarse.rings)) > 10
