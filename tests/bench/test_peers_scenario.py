"""What the shard is held against: the best peer as it is, not the one whose updates were joined for it."""

import json
from pathlib import Path

import pytest

from bench.main import main
from bench.result import Measured, Reading, figures_of, held_against
from bench.scenarios.peers import LIMITS, compared

SMALL = ("peers", "--only", "bare", "--sockets", "10", "--rate", "2000", "--seconds", "1")
"""So much that the bare loop takes more CPU than one tick of the kernel's count, 10 ms."""


def contestant(name: str, joined: float, alone: float, p99_ms: float) -> dict[str, Reading]:
    return {
        f"{name}_20ms_deliveries_per_cpu_s": Reading(joined, "1/s"),
        f"{name}_0ms_deliveries_per_cpu_s": Reading(alone, "1/s"),
        f"{name}_20ms_latency_p99_ms": Reading(p99_ms, "ms"),
    }


FIGURES = {
    **contestant("shard", 3e6, 1e5, 40),
    **contestant("bare", 9e6, 2e5, 10),
    **contestant("websockets", 2e6, 1e5, 30),
    **contestant("nchan", 6e6, 3e5, 45),
    **contestant("nchan-nodelay", 4e6, 2e5, 20),
}


def test_the_shard_is_held_against_the_best_peer_as_it_is() -> None:
    told = {
        name: reading.value for name, reading in compared(FIGURES, ["shard", "bare", "websockets", "nchan"]).items()
    }
    assert told == {
        "shard_20ms_over_best_peer": 10,
        "shard_20ms_over_best_peer_joined": 0.5,
        "shard_20ms_p99_behind_best_peer_joined": 10,
        "shard_0ms_share_of_bare_send": 0.5,
    }


def test_what_nobody_can_take_is_no_peer() -> None:
    assert compared(FIGURES, ["shard", "nchan-nodelay"]) == {}


def test_with_one_peer_left_out_its_bounds_are_not_measured() -> None:
    figures = FIGURES | compared(FIGURES, ["shard", "nchan"])
    bounds = held_against(LIMITS, figures_of([Measured(figures, [])]))
    assert [bound.name for bound in bounds if bound.ok is None] == ["shard_0ms_share_of_bare_send"]


def test_an_unknown_peer_is_not_understood(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["peers", "--only", "bare,nobody"])
    assert end.value.code == 2
    assert "nobody is no peer" in capsys.readouterr().err


@pytest.mark.journey
def test_a_small_run_with_one_peer_tells_what_was_not_measured(tmp_path: Path) -> None:
    told, drawn = tmp_path / "peers.json", tmp_path / "peers.svg"
    assert main([*SMALL, "--json", str(told), "--picture", str(drawn)]) in {0, 1}
    bounds = {bound["name"]: bound["ok"] for bound in json.loads(told.read_bytes())["bounds"]}
    assert bounds["shard_20ms_over_best_peer"] is None
    assert isinstance(bounds["shard_0ms_share_of_bare_send"], bool)
    assert "bare send loop" in drawn.read_text()
