"""Recordings of The Odds API: played, and checked."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest

from feeds.check import check
from feeds.contract.errors import Refused
from feeds.contract.model import Event, Market, Score
from feeds.mapping import MappingTable
from feeds.providers.registry import ProviderOptions, make_provider
from feeds.providers.theoddsapi.client import TheOddsApi
from feeds.providers.theoddsapi.recording import TheOddsApiRecording
from tests.bus import eventually
from tests.feeds.odds_api import Sink
from tests.feeds.theoddsapi_answers import Told

_GAME = Path(__file__).parent / "samples" / "theoddsapi" / "game.jsonl"
_ID = "0f" * 16


def _options(**changes: Any) -> ProviderOptions:
    return ProviderOptions(
        **{"feed": "odds", "lanes": 4, "events": 1, "rate": 1, "seed": 1, "speed": 1e9, "loop": False, **changes}
    )


def _recording(path: Path = _GAME, *, speed: float = 1e9, loop: bool = False) -> TheOddsApiRecording:
    return TheOddsApiRecording(path, Told().translator, feed="odds", speed=speed, loop=loop, now_ms=lambda: 77)


async def test_a_recording_is_played_to_its_end() -> None:
    sink, provider = Sink(), _recording()
    await provider.run(sink)
    assert sink.healths == ["recovering", "live", "down"]
    (event,) = (state for state in sink.last.values() if isinstance(state, Event))
    markets = [state for state in sink.last.values() if isinstance(state, Market)]
    assert (event.name, event.state, event.score) == ("Ridge Foxes @ Harbor Gulls", "ended", Score(24, 17))
    assert sorted((each.type, each.line) for each in markets) == [
        ("moneyline", None),
        ("passing_yards", "250.5"),
        ("spread", "-2.5"),
        ("spread", "-3.5"),
    ]
    assert {(each.st, each.gone, each.ts) for each in markets} == {("closed", True, 77)}
    assert (provider.tally.understood, provider.tally.reasons) == (6, {"json_malformed": 1})


async def test_answers_are_played_when_they_are_due() -> None:
    sink, provider = Sink(), _recording(speed=600)
    started = asyncio.get_running_loop().time()
    await provider.run(sink)
    assert asyncio.get_running_loop().time() - started >= 5 * 60 / 600


async def test_a_looped_recording_begins_again_suspended() -> None:
    sink, provider = Sink(), _recording(loop=True)
    playing = asyncio.create_task(provider.run(sink))
    await eventually(lambda: sink.healths.count("live") == 2)
    playing.cancel()
    assert sink.healths[:4] == ["recovering", "live", "recovering", "live"]


async def test_a_recording_without_odds_never_says_live(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_bytes(_GAME.read_bytes().splitlines()[-1] + b"\n")
    sink = Sink()
    with pytest.raises(Refused) as refusal:
        await _recording(path).run(sink)
    assert refusal.value.code == "no_odds"
    assert sink.healths == ["recovering"]


def test_providers_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODDSWIRE_THEODDSAPI_BOOKMAKER", "acme")
    recording = make_provider(f"theoddsapi:{_GAME}", _options(mapping=MappingTable(events={_ID: "key"})))
    assert isinstance(recording, TheOddsApiRecording)
    with pytest.raises(Refused, match="ODDSWIRE_THEODDSAPI_API_KEY"):
        make_provider("theoddsapi", _options())
    monkeypatch.setenv("ODDSWIRE_THEODDSAPI_API_KEY", "k")
    monkeypatch.setenv("ODDSWIRE_THEODDSAPI_SPORTS", "soccer_epl")
    assert isinstance(make_provider("theoddsapi", _options()), TheOddsApi)
    with pytest.raises(Refused, match="no readable recording"):
        make_provider("theoddsapi:/nowhere", _options())


def test_the_check_tells_markets_in_their_words() -> None:
    out, err = io.StringIO(), io.StringIO()
    assert check(_GAME, provider="theoddsapi", at=[3, 5], as_json=True, out=out, err=err) == 3
    third, fifth, last = (json.loads(line) for line in out.getvalue().splitlines())
    seen = {market["id"]: market for market in third["markets"]}
    spreads = {(each["id"], each["hc"]): each for each in seen[f"{_ID}/acme/spreads"]["selections"]}
    assert spreads["Harbor Gulls", -3.5]["st"] == "not offered"
    assert spreads["Harbor Gulls", -2.5]["back"] == 1.91
    assert seen[f"{_ID}/zenith/h2h"]["selections"][0]["back"] == 1.77
    assert {each["id"]: each["st"] for each in fifth["markets"]}[f"{_ID}/acme/h2h"] == "not offered"
    assert last["summary"] == {
        "lines": 7,
        "understood": 6,
        "refused": 1,
        "reasons": {"json_malformed": 1},
        "winners": [],
        "removed": ["Harbor Gulls", "Ridge Foxes"],
    }


async def test_whether_an_event_is_live_goes_by_the_recordings_time(tmp_path: Path) -> None:
    path = tmp_path / "opening.jsonl"
    lines = _GAME.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], lines[6].replace(b"true", b"false").replace(b'"24"', b'"-"'), b""]))
    sink = Sink()
    await _recording(path).run(sink)
    assert {state.state for state in sink.last.values() if isinstance(state, Event)} == {"upcoming"}
