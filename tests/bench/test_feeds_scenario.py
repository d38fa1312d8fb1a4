"""The way from a provider's bytes to the log, measured small. No time is asserted, only that all of it was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import provider_inputs, reading
from bench.scenario import CannotMeasure
from tests.bench.test_fanout_scenario import bench

SMALL = ("--events", "2", "--messages", "200", "--read-seconds", "0.05", "--rate", "300", "--markets", "100")
SMALLER = ("--seconds", "1", "--rebuild-markets", "300", "--inputs", "slate", "--takeovers", "1")


@pytest.mark.journey
def test_a_small_run_measures_everything_and_leaves_nothing(tmp_path: Path) -> None:
    running = bench("feeds", *SMALL, *SMALLER, "--json", "result.json", cwd=tmp_path)
    out, err = running.communicate(timeout=100)
    assert running.returncode in {0, 1}, err
    result = json.loads((tmp_path / "result.json").read_bytes())
    figures = {name: figure["value"] for name, figure in result["figures"].items()}
    assert all(value > 0 for value in figures.values()), figures
    assert {
        *(
            f"{name}_{how}_per_cpu_s"
            for name in ("betfair", "sportradar", "theoddsapi")
            for how in ("parsed", "mapped")
        ),
        *("ingest_to_bus_p50_ms", "ingest_to_bus_p99_ms", "acknowledged_per_core", "rebuild_s"),
        *("takeover_live_p50_ms", "takeover_live_max_ms"),
    } <= figures.keys()
    assert [(bound["name"], bound["how"]) for bound in result["bounds"]] == [
        ("acknowledged_per_core", "least"),
        ("rebuild_s", "most"),
        ("takeover_live_max_ms", "most"),
    ]
    assert [process["name"] for process in result["processes"]] == ["nats", "feed", "nats (full)", "feed (full)"]
    assert "acknowledged_per_core" in out
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_everything_that_is_read_is_understood_and_becomes_states() -> None:
    """Reading raises where a message is refused."""
    for reader in reading.readers(events=3, messages=300, recordings=None):
        assert reader.parse()() == 0
        assert reader.parse_and_map()() > len(reader.messages) / 2, reader.provider


def test_a_folder_without_recordings_cannot_be_measured(tmp_path: Path) -> None:
    with pytest.raises(CannotMeasure, match="no recordings"):
        provider_inputs.recorded_betfair(tmp_path, 10)


def test_recordings_are_read_over_and_over(tmp_path: Path) -> None:
    (tmp_path / "betfair").mkdir()
    lines = provider_inputs.betfair(1, 20)
    (tmp_path / "betfair" / "one.bz2").write_bytes(b"\n".join([*lines, b"no message"]))
    assert provider_inputs.recorded_betfair(tmp_path, 50) == [*lines, *lines, *lines[:10]]
