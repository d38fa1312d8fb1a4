"""Betfair recordings nobody of this project made, against what an independent reader made of them.

Needs the recorded data: ODDSWIRE_DATA names the folder that holds `betfair/`.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from feeds.check import check
from feeds.contract.ids import derive_id
from feeds.contract.prices import line_text
from feeds.contract.results import MarketResult, Share
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.layout import PROVIDER
from feeds.providers.betfair.mapping import Translator
from feeds.providers.betfair.parse import BetfairMarket, StreamReader
from feeds.providers.betfair.spec import MarketDefinition
from feeds.recording import Recording

_DATA = os.environ.get("ODDSWIRE_DATA", "")
_FOLDER = Path(_DATA) / "betfair"
_EXPECTED = sorted(_FOLDER.glob("expected-*.json")) if _DATA else []

pytestmark = pytest.mark.skipif(not _EXPECTED, reason="ODDSWIRE_DATA does not name a folder with recorded Betfair data")

_LEVELS = {"batb", "batl", "bdatb", "bdatl"}
_BEST_HIGHEST = {"atb", "spb"}
_LADDERS = ("atb", "atl", "trd", "spb", "spl", "batb", "batl", "bdatb", "bdatl")


def _path_id(path: Path) -> str:
    return path.name


def _recording(expected: dict[str, Any]) -> Path:
    return _FOLDER / str(expected["file"])


def _best(runner: dict[str, Any], ladders: tuple[str, ...]) -> float | None:
    for name in ladders:
        if name in runner:
            levels = runner[name].get("top") or runner[name].get("all") or [[None]]
            price: float | None = levels[0][0]
            return price
    return None


@pytest.mark.parametrize("path", _EXPECTED, ids=_path_id)
def test_the_check_equals_every_checkpoint(path: Path) -> None:
    expected = json.loads(path.read_text())
    points = {point["line"]: point for point in expected["points"]}
    transitions = {(move["line"], move["marketId"]): move for move in expected["transitions"]}
    at = sorted({*points, *(line for line, _ in transitions)})
    out, err = io.StringIO(), io.StringIO()

    assert check(_recording(expected), provider="betfair", at=at, as_json=True, out=out, err=err) == 0

    assert err.getvalue() == ""
    *reports, last = [json.loads(line) for line in out.getvalue().splitlines()]
    seen = {report["line"]: {market["id"]: market for market in report["markets"]} for report in reports}
    assert list(seen) == at
    for (line, market_id), move in transitions.items():
        assert (seen[line][market_id]["st"], seen[line][market_id]["live"]) == (move["status"], move["inPlay"])
    for line, point in points.items():
        for market in point["markets"]:
            _assert_market(seen[line][market["marketId"]], market)
    _assert_summary(last["summary"], expected)


def _assert_market(seen: dict[str, Any], market: dict[str, Any]) -> None:
    assert (seen["st"], seen["live"]) == (market["status"], market["inPlay"])
    runners = {(runner["id"], runner.get("hc", 0)): runner for runner in market["runners"]}
    assert {(selection["id"], selection["hc"]) for selection in seen["selections"]} == set(runners)
    for selection in seen["selections"]:
        runner = runners[selection["id"], selection["hc"]]
        assert selection["st"] == runner["status"]
        assert selection["ltp"] == runner["ltp"]
        if "atb" in runner or "atl" in runner or not {"batb", "batl", "bdatb", "bdatl"} & set(runner):
            assert selection["back"] == _best(runner, ("atb",))
            assert selection["lay"] == _best(runner, ("atl",))


def _assert_summary(summary: dict[str, Any], expected: dict[str, Any]) -> None:
    assert summary["lines"] == summary["understood"] == expected["stats"]["lines"]
    assert (summary["refused"], summary["reasons"]) == (0, {})
    for outcome in ("winners", "removed"):
        assert sorted(summary[outcome]) == sorted(
            each for final in expected["final"].values() for each in final[outcome]
        )


@pytest.mark.parametrize("path", _EXPECTED, ids=_path_id)
def test_the_ladders_equal_every_checkpoint(path: Path) -> None:
    expected = json.loads(path.read_text())
    points = {point["line"]: point for point in expected["points"]}
    reader = StreamReader()
    compared = 0
    for line in Recording(_recording(expected)):
        reader.read(line.data)
        for market in points.get(line.number, {"markets": []})["markets"]:
            _assert_book(reader.markets[market["marketId"]], market)
            compared += 1
    assert compared == sum(len(point["markets"]) for point in points.values())


def _assert_book(book: BetfairMarket, market: dict[str, Any]) -> None:
    definition = book.definition
    assert (definition.version, definition.bet_delay) == (market["version"], market["betDelay"])
    assert (definition.complete, definition.bsp_reconciled) == (market["complete"], market["bspReconciled"])
    assert (book.tv or 0) == market["marketTv"]
    definitions = {runner.key: runner for runner in definition.runners}
    for runner in market["runners"]:
        key = (runner["id"], runner.get("hc", 0))
        held = book.runner(key)
        assert (held.tv or 0) == runner["tv"]
        assert definitions[key].bsp == runner.get("bsp")
        assert definitions[key].adjustment_factor == runner.get("adjustmentFactor")
        for name in _LADDERS:
            _assert_ladder(name, getattr(held, name), runner.get(name, {"n": 0, "sum": 0}))


def _assert_ladder(name: str, held: dict[Any, Any], expected: dict[str, Any]) -> None:
    if name in _LEVELS:
        rows = [list(held[level]) for level in sorted(held)]
    else:
        rows = [[price, held[price]] for price in sorted(held, reverse=name in _BEST_HIGHEST)]
    assert len(rows) == expected["n"]
    assert sum(size for _, size in rows) == pytest.approx(expected["sum"], abs=0.011)
    for part in ("top", "all"):
        if part in expected:
            assert rows[: len(expected[part])] == expected[part]


def _results(path: Path) -> tuple[dict[str, MarketDefinition], dict[str, list[MarketResult]]]:
    """Last definitions, and everything said of results, by Betfair's market id."""
    reader = StreamReader()
    translator = Translator(feed="betfair", lanes=4, catalogue=Catalogue())
    said: dict[str, list[MarketResult]] = {}
    for line in Recording(path):
        told = reader.read(line.data)
        translator.states(reader.markets, told.markets, 0)
        for market_id in told.markets:
            said.setdefault(market_id, []).extend(translator.results([market_id], told.pt or 0))
    return {market.id: market.definition for market in reader.markets.values()}, said


def _runner_ids(market_id: str, definition: MarketDefinition, selection_ids: set[str]) -> set[int]:
    """Runners by the ids of our selections."""
    ids = {derive_id("O", PROVIDER, market_id, *_raw(runner.key)): runner.key[0] for runner in definition.runners}
    return {ids[selection_id] for selection_id in selection_ids}


def _raw(key: tuple[int, float]) -> tuple[int, str]:
    return key[0], line_text(key[1])


@pytest.mark.parametrize("path", _EXPECTED, ids=_path_id)
def test_results_pay_the_winners_and_refund_the_removed(path: Path) -> None:
    expected = json.loads(path.read_text())
    definitions, said = _results(_recording(expected))
    for market_id, final in expected["final"].items():
        definition = definitions[market_id]
        if definition.status != "CLOSED":
            assert said[market_id] == []
            continue
        (result,) = said[market_id]
        won = {each.id for each in result.selections if each.w == Share(1)}
        void = {each.id for each in result.selections if each.v == Share(1)}
        assert _runner_ids(market_id, definition, won) == set(final["winners"])
        assert _runner_ids(market_id, definition, void) == set(final["removed"])
        assert len(result.selections) == len(definition.runners)
        assert definition.settled_time is not None
        assert result.ts == round(definition.settled_time.timestamp() * 1000)
        reduced = {each.removed for each in result.reductions}
        assert _runner_ids(market_id, definition, reduced) <= set(final["removed"])


def test_removed_runners_reduce_the_price_of_the_others() -> None:
    _, said = _results(_FOLDER / "1.185781277.bz2")
    ((result,),) = said.values()
    assert [(each.share, each.of) for each in result.reductions] == [
        (Share(13_339, 50_000), "price"),
        (Share(207, 4_000), "price"),
        (Share(9_553, 100_000), "price"),
    ]


_RECORDINGS = sorted({*_FOLDER.glob("*.bz2"), *_FOLDER.glob("*.jsonl.gz")}) if _DATA else []
_SAMPLES = sorted((_FOLDER / "samples").iterdir()) if _DATA and (_FOLDER / "samples").is_dir() else []


@pytest.mark.parametrize("path", _RECORDINGS, ids=_path_id)
def test_every_recording_is_understood_whole(path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert check(path, provider="betfair", at=[], as_json=True, out=out, err=err) == 0
    assert err.getvalue() == ""


@pytest.mark.parametrize("path", _SAMPLES, ids=_path_id)
def test_samples_are_understood_or_lack_a_definition(path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    status = check(path, provider="betfair", at=[], as_json=True, out=out, err=err)
    reasons = json.loads(out.getvalue())["summary"]["reasons"]
    assert set(reasons) <= {"no_market_definition"}
    assert status == (3 if reasons else 0)
