"""A touchdown: devices are kept, calm stays calm, what is lost comes back, and more shards are never worse."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.capacity.buying import bought
from bench.capacity.coefficients import shipped_coefficients
from bench.capacity.sizing import BUDGET_MS, Demand, room_of, shards_for
from bench.capacity.touchdown import Course, Script, play
from bench.main import main
from bench.result import EXIT_FAILED, EXIT_OK

COSTS = shipped_coefficients()
DEMAND = Demand(400_000, 20_000, events=2_000, regions=2, lanes=16)
NEVER_S = 1e9
SHORT = Script(seconds=60.0, touchdown_s=10.0, spike_s=10.0, zone_lost_s=25.0, drain_at_s=40.0)
CALM = SHORT._replace(spike=0.0, burst=1.0, zone_lost_s=NEVER_S, drain_at_s=NEVER_S)


def course(demand: Demand = DEMAND, script: Script = SHORT, *, times: float = 1.0) -> Course:
    shards = round(shards_for(demand, COSTS) * times)
    return play(demand, script, COSTS, shards=shards, room=room_of(demand, COSTS))


@settings(max_examples=8, deadline=None)
@given(st.floats(0, 0.9), st.floats(0.05, 0.9), st.floats(0, 1), st.floats(0.3, 3))
def test_devices_are_never_lost_and_never_made(spike: float, hot: float, drained: float, times: float) -> None:
    played = course(script=SHORT._replace(spike=spike, hot=hot, drained=drained), times=times)
    assert played.devices[0] == pytest.approx(DEMAND.devices * (1 - spike), rel=1e-9)
    assert all(later - before > -1e-3 for before, later in pairwise(played.devices))
    assert played.devices[-1] == pytest.approx(DEMAND.devices, rel=1e-6)
    assert all(-1e-6 <= waiting <= DEMAND.devices + 1e-6 for waiting in played.waiting)  # all wait where all drain


def test_where_nothing_happens_nothing_changes() -> None:
    played = course(script=CALM)
    assert max(played.p99_ms) - min(played.p99_ms) < 1e-6
    assert max(played.waiting) == 0
    assert played.breaks_s is None
    assert played.broken_s == 0.0


def test_a_lost_zone_is_away_and_comes_back() -> None:
    played = course(script=CALM._replace(zone_lost_s=25.0), times=2.0)
    at = played.at_s.index(25.0)
    assert played.waiting[at] == pytest.approx(DEMAND.devices / 6, rel=0.1)  # one of two regions' three zones
    assert played.shards[at] < played.shards[at - 1]
    calm_s = played.until_calm_s(25.0)
    assert calm_s is not None
    assert 3 < calm_s < 30
    assert played.waiting[-1] < DEMAND.devices / 1_000


def test_the_same_script_comes_to_the_same() -> None:
    assert course() == course()


def test_more_shards_are_not_worse() -> None:
    late = [course(times=times).broken_s for times in (0.7, 1.0, 1.5, 2.5)]
    assert late == sorted(late, reverse=True)
    assert late[0] > 0


def test_what_is_bought_holds_and_a_bit_less_does_not() -> None:
    found = bought(DEMAND, SHORT, COSTS)
    assert found.shards is not None
    assert found.course.worst_ms <= BUDGET_MS
    assert (found.calm.broken_s > 0) == (found.shards > found.calm_shards)


def test_five_million_devices_are_numbers() -> None:
    demand, began_s = Demand(5_000_000, 50_000), time.process_time()
    played = course(demand, Script(seconds=60.0, zone_lost_s=35.0))  # the last ones come at 50 s
    assert played.devices[-1] == pytest.approx(5_000_000, rel=1e-6)
    assert time.process_time() - began_s < 30  # 300 s of it are promised within a minute


def test_a_plan_by_its_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "plan.svg"
    words = ["plan", "--devices", "300000", "--updates", "5000", "--regions", "1", "--picture", str(picture)]
    assert main(words) == EXIT_OK
    said = capsys.readouterr()
    assert "predicted" in said.out
    assert "assumptions" in said.err
    drawn = ET.fromstring(picture.read_text())
    texts = {element.text for element in drawn.iter() if element.text}
    assert {"devices without data", "shards that serve"} <= texts


@pytest.mark.parametrize(
    "words",
    [["--devices", "0"], ["--updates", "many"], ["--spike", "1.5"], ["--regions", "-1"], ["--hot", "0"]],
    ids=lambda words: words[0].strip("-"),
)
def test_an_option_that_means_nothing_is_not_understood(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["plan", *words])
    assert words[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--lanes-per-shard", "64"], "follow fewer lanes"),
        (["--lanes", "2", "--lanes-per-shard", "3"], "cannot follow 3 of 2 lanes"),
        (["--devices", "10"], "fewer devices"),
        (["--prices", "/nowhere"], "No such file"),
    ],
    ids=["all lanes", "more lanes", "few devices", "no file"],
)
def test_a_plan_that_cannot_be_made_says_why(words: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *words]) == EXIT_FAILED
    assert why in capsys.readouterr().err
