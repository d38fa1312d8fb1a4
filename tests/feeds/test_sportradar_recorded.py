"""Recorded messages: our own samples played and checked, and those of others against a plain reading of them.

The latter need the recorded data: ODDSWIRE_DATA names the folder that holds `sportradar-uof/`.
"""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from feeds.check import check
from feeds.contract.errors import Refused
from feeds.contract.model import Event, FeedState, Market
from feeds.contract.results import MarketResult
from feeds.mapping import MappingTable
from feeds.ports import State
from feeds.providers.registry import ProviderOptions, default_feed, make_provider
from feeds.providers.sportradar.client import SportradarFeed
from feeds.providers.sportradar.recorded import SportradarRecording, messages_in

_SAMPLES = Path(__file__).parent / "samples" / "uof"
_DATA = os.environ.get("ODDSWIRE_DATA", "")
_EXPECTED = Path(_DATA) / "sportradar-uof" / "expected-uof.json"
_RECORDED = json.loads(_EXPECTED.read_text()) if _DATA and _EXPECTED.exists() else []

with_recorded_data = pytest.mark.skipif(
    not _RECORDED, reason="ODDSWIRE_DATA does not name a folder with recorded Unified Odds Feed messages"
)


def _check(path: Path) -> tuple[int, list[dict[str, Any]], str]:
    out, err = io.StringIO(), io.StringIO()
    status = check(path, provider="sportradar", at=(), as_json=True, out=out, err=err)
    return status, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def _name(expected: dict[str, Any]) -> str:
    return str(expected["file"])


def _row(market: dict[str, Any], outcome: dict[str, Any], columns: list[str]) -> list[Any]:
    seen = {**market, **outcome, "market_status": market["status"], "meaning": _meaning(outcome)}
    return [seen[column] for column in columns]


def _meaning(outcome: dict[str, Any]) -> str | None:
    void, result = outcome["void_factor"], outcome["result"]
    if result is None:
        return None
    meanings: dict[tuple[int, float | None], str] = {
        (0, None): "lose",
        (1, None): "win",
        (0, 1.0): "refund",
        (1, 0.5): "half_win_half_refund",
        (0, 0.5): "half_lose_half_refund",
    }
    return meanings[result, void] + ("+dead_heat" if outcome["dead_heat_factor"] is not None else "")


def _comparable(row: Iterable[Any]) -> list[Any]:
    """Numbers may be written as text."""
    return [_number(value) for value in row]


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


@with_recorded_data
@pytest.mark.parametrize("expected", _RECORDED, ids=_name)
def test_recorded_messages_are_read_as_a_plain_reader_reads_them(expected: dict[str, Any]) -> None:
    status, (seen, summary), err = _check(_EXPECTED.parent / _name(expected))
    assert (status, err, summary["summary"]["understood"]) == (0, "", 1)
    assert seen["message"] == expected["message"]
    for name, value in expected["attributes"].items():
        assert str(seen["attributes"][name]) == value
    assert [(one["market"], one["specifiers"], one["void_reason"]) for one in seen["markets"]] == [
        (one["id"], one.get("specifiers"), one.get("void_reason")) for one in expected["markets"]
    ]
    assert [one["status"] for one in seen["markets"]] == [
        int(one["status"]) if "status" in one else None for one in expected["markets"]
    ]
    assert [len(one["outcomes"]) for one in seen["markets"]] == [one["outcomes"] for one in expected["markets"]]
    if "outcomes" in expected:
        columns = expected["outcome_columns"]
        rows = [_comparable(_row(one, outcome, columns)) for one in seen["markets"] for outcome in one["outcomes"]]
        assert rows == [_comparable(row) for row in expected["outcomes"]]


@with_recorded_data
def test_every_recorded_file_is_understood() -> None:
    status, reports, err = _check(_EXPECTED.parent)
    assert (status, err) == (0, "")
    assert reports[-1]["summary"]["messages"]["fixture"] >= 1


@with_recorded_data
async def test_the_recorded_folder_plays() -> None:
    sink = _Sink()
    await _recording(_EXPECTED.parent).run(sink)
    assert sink.told == ["recovering", "live", "down"]
    assert any(market.gone and market.st == "settled" for market in sink.markets.values())


class _Sink:
    """Remembers what it was handed."""

    def __init__(self) -> None:
        self.told: list[FeedState] = []
        self.markets: dict[str, Market] = {}
        self.events: dict[str, Event] = {}
        self.said: list[MarketResult] = []

    def put(self, states: Iterable[State]) -> None:
        for state in states:
            if isinstance(state, Market):
                self.markets[state.id] = state
            else:
                self.events[state.id] = state

    def results(self, results: Iterable[MarketResult]) -> None:
        self.said += results

    def health(self, state: FeedState) -> None:
        self.told.append(state)


def _recording(path: Path) -> SportradarRecording:
    return SportradarRecording(path, feed="sportradar", lanes=4, mapping=MappingTable(), speed=1e12, loop=False)


async def test_a_folder_plays_with_its_documents() -> None:
    sink, recording = _Sink(), _recording(_SAMPLES)
    await recording.run(sink)
    assert sink.told == ["recovering", "live", "down"]
    (event,) = sink.events.values()
    assert (event.name, event.league, event.clock) == ("Northport Tides v Eastvale Owls", "nfl", "08:41")
    assert {market.type: market.st for market in sink.markets.values()} == {
        "moneyline": "settled",
        "market_225": "suspended",
    }
    assert [result.kind for result in sink.said] == ["settled"]
    assert (recording.tally.understood, dict(recording.tally.reasons)) == (6, {"unknown_message": 1})


async def test_a_recording_without_a_message_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nothing.xml"
    path.write_bytes(b"<not_a_message/>")
    with pytest.raises(Refused):
        await _recording(path).run(_Sink())


def test_a_file_is_one_message_or_one_a_line(tmp_path: Path) -> None:
    assert len(list(messages_in(_SAMPLES / "2-odds_change.xml"))) == 1
    packed = tmp_path / "later.xmll.gz"
    packed.write_bytes(gzip.compress((_SAMPLES / "3-later.xmll").read_bytes()))
    assert [line.number for line in messages_in(packed)] == [1, 2, 3, 4]
    cut = tmp_path / "cut.xmll.gz"
    cut.write_bytes(gzip.compress((_SAMPLES / "3-later.xmll").read_bytes() * 400, compresslevel=0)[:-200])
    lines = messages_in(cut)
    assert [next(lines).number for _ in range(1500)][-1] == 1500
    with pytest.raises(Refused):
        list(lines)
    broken = tmp_path / "broken.xml"
    broken.write_bytes((_SAMPLES / "2-odds_change.xml").read_bytes()[:-20])
    assert len(list(messages_in(broken))) == 1


def test_the_check_tells_of_each_message() -> None:
    status, (odds, summary), err = _check(_SAMPLES / "2-odds_change.xml")
    assert (status, err) == (0, "")
    assert summary["summary"]["messages"] == {"odds_change": 1}
    winner, total = odds["markets"]
    assert (winner["market"], winner["specifiers"], winner["status"], winner["favourite"]) == ("219", None, None, 1)
    assert (total["specifiers"], total["status"]) == ("total=44.5", -1)
    assert winner["outcomes"][1] == {
        "outcome": "5",
        "odds": 2.3,
        "active": 1,
        "team": None,
        "probability": None,
        "result": None,
        "void_factor": None,
        "dead_heat_factor": None,
    }


def test_the_check_counts_what_is_refused(tmp_path: Path) -> None:
    status, reports, err = _check(_SAMPLES)
    assert status == 3
    assert reports[-1]["summary"]["reasons"] == {"unknown_message": 1}
    assert "3-later.xmll, line 3" in err
    assert _check(tmp_path / "nowhere")[0] == 2
    assert _check(tmp_path)[0] == 2


def test_the_plain_report_can_be_read() -> None:
    out = io.StringIO()
    check(_SAMPLES, provider="sportradar", at=(), as_json=False, out=out, err=io.StringIO())
    assert "market 225 total=44.5  status -1" in out.getvalue()
    assert "outcome 4  result 1" in out.getvalue()
    assert "7 messages, 6 understood, 1 refused" in out.getvalue()


def _options(feed: str = "uof") -> ProviderOptions:
    return ProviderOptions(feed=feed, lanes=4, events=1, rate=1, seed=1, speed=1.0, loop=False)


def test_what_the_command_line_names() -> None:
    assert isinstance(make_provider("sportradar:3", _options()), SportradarFeed)
    assert isinstance(make_provider(f"sportradar:{_SAMPLES}", _options()), SportradarRecording)
    assert (default_feed("sportradar:3"), default_feed("sportradar:/a/file")) == ("sportradar-3", "sportradar")
    for where in ("", ":", ":/nowhere/at/all"):
        with pytest.raises(Refused):
            make_provider(f"sportradar{where}", _options())
