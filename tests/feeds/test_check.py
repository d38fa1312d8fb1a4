"""`feeds check`: its report, its checkpoints and its exit status."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from feeds.check import check
from tests.feeds.betfair_stream import MARKET

_SAMPLES = Path(__file__).parent / "samples"
_RACE = _SAMPLES / "race.jsonl"
_BROKEN = _SAMPLES / "broken.jsonl"


class _Checked(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def _check(path: Path, *, at: Sequence[int] = (), as_json: bool = True, provider: str = "betfair") -> _Checked:
    out, err = io.StringIO(), io.StringIO()
    status = check(path, provider=provider, at=at, as_json=as_json, out=out, err=err)
    return _Checked(status, out.getvalue(), err.getvalue())


def _selection(runner_id: int, st: str, *prices: float | None) -> dict[str, Any]:
    back, lay, ltp = prices
    return {"id": runner_id, "hc": 0, "st": st, "back": back, "lay": lay, "ltp": ltp}


def test_a_recording_is_told_at_the_lines_asked_for_and_summed_up() -> None:
    checked = _check(_RACE, at=[9, 2, 2, 4])
    assert (checked.status, checked.err) == (0, "")
    second, fourth, ninth, last = checked.objects
    assert second == {
        "line": 2,
        "markets": [
            {
                "id": MARKET,
                "st": "OPEN",
                "live": False,
                "selections": [
                    _selection(11, "ACTIVE", 2.52, 2.56, 2.52),
                    _selection(12, "ACTIVE", 4.2, 4.4, None),
                    _selection(13, "ACTIVE", 9.6, 11, None),
                ],
            }
        ],
    }
    assert fourth["markets"][0]["st"] == "SUSPENDED"
    assert fourth["markets"][0]["selections"][2] == _selection(13, "REMOVED", None, None, None)
    assert (ninth["line"], ninth["markets"][0]["live"]) == (9, True)
    assert last == {
        "summary": {
            "lines": 12,
            "understood": 12,
            "refused": 0,
            "reasons": {},
            "winners": [11],
            "removed": [13],
        }
    }


def test_refused_lines_are_counted_by_reason() -> None:
    checked = _check(_BROKEN)
    assert (checked.status, checked.err) == (3, "")
    summary = checked.objects[-1]["summary"]
    assert (summary["lines"], summary["understood"], summary["refused"]) == (4, 2, 2)
    assert summary["reasons"] == {"json_malformed": 1, "no_market_definition": 1}


def test_the_plain_report_can_be_read() -> None:
    out = _check(_RACE, at=[2], as_json=False).out
    assert "after line 2" in out
    assert "12 lines, 12 understood, 0 refused" in out
    assert f"winners of {MARKET}: 11" in out
    assert "1 no_market_definition" in _check(_BROKEN, as_json=False).out


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "No such file"),
        (b"", "empty"),
        (b"\x00\x01\x02\xff", "binary"),
        (b"BZh9" + b"\x00" * 50, "damaged"),
        (b"\x1f\x8b" + b"\x00" * 50, "damaged"),
        (bz2.compress(_RACE.read_bytes())[:-20], "ends too early"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path, data: bytes | None, words: str) -> None:
    path = tmp_path / "recording.bz2"
    if data is not None:
        path.write_bytes(data)
    checked = _check(path)
    assert (checked.status, checked.out) == (2, "")
    assert checked.err.count("\n") == 1
    assert words in checked.err


def test_an_unknown_provider_is_told_with_those_that_are_known() -> None:
    checked = _check(_RACE, provider="nobody")
    assert (checked.status, checked.out) == (2, "")
    assert checked.err == "feeds check: unknown provider 'nobody'; known: betfair, sportradar, theoddsapi\n"


def test_a_packed_recording_cut_short_counts_as_a_refused_line(tmp_path: Path) -> None:
    path = tmp_path / "recording.gz"
    path.write_bytes(gzip.compress(_RACE.read_bytes() * 40, compresslevel=0)[:-5000])
    checked = _check(path)
    assert checked.status == 3
    assert "ends too early" in checked.err
    summary = checked.objects[-1]["summary"]
    assert summary["reasons"] == {"truncated": 1}
    assert summary["lines"] == summary["understood"] + 1


def test_lines_that_are_not_there_are_named() -> None:
    checked = _check(_RACE, at=[12, 99, 100])
    assert checked.status == 0
    assert len(checked.objects) == 2
    assert "has no line 99, 100" in checked.err


def test_a_blank_line_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    first, second, *_ = _RACE.read_bytes().splitlines()
    path.write_bytes(first + b"\n\n" + second + b"\n")
    blank, last = _check(path, at=[2]).objects
    assert blank["markets"][0]["selections"][0]["back"] == 2.5
    assert last["summary"]["lines"] == 2


def test_lines_are_counted_from_1() -> None:
    assert _check(_RACE, at=[0]).status == 2
