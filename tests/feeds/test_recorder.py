"""What was recorded is played by the same code as what it was recorded from."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable
from pathlib import Path

from feeds.contract.model import FeedState
from feeds.ports import State
from feeds.providers.betfair.client import BetfairRecording
from feeds.recorder import Recorder
from feeds.recording import Recording

_RACE = Path(__file__).parent / "samples" / "race.jsonl"
_NOON_S = 1_790_000_000.0
_DAY_S = 86_400


class _Sink:
    def __init__(self) -> None:
        self.told: list[State | FeedState] = []

    def put(self, states: Iterable[State]) -> None:
        self.told += states

    def health(self, state: FeedState) -> None:
        self.told.append(state)


async def _played(path: Path, recorder: Recorder | None = None) -> list[State | FeedState]:
    sink = _Sink()
    recording = BetfairRecording(
        path, feed="betfair", lanes=4, speed=1e9, loop=False, now_ms=lambda: 77, recorder=recorder
    )
    await asyncio.wait_for(recording.run(sink), 30)
    return sink.told


async def test_a_recording_of_a_recording_plays_the_same(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "betfair", now_s=lambda: _NOON_S)
    source = tmp_path / "race.jsonl"  # without the catalogue that lies beside the sample
    source.write_bytes(_RACE.read_bytes())
    original = await _played(source, recorder)
    recorder.close()
    assert await _played(tmp_path / "betfair-2026-09-21.jsonl.gz") == original


def _lines(path: Path) -> list[bytes]:
    return [line.data for line in Recording(path)]


def test_a_day_is_a_file_and_so_is_every_start(tmp_path: Path) -> None:
    now_s = [_NOON_S]
    recorder = Recorder(tmp_path, "alpha", now_s=lambda: now_s[0])
    recorder.write(b'{"a":1}\r\n')
    now_s[0] += _DAY_S
    recorder.write(b'{"a":2}')
    recorder.close()
    again = Recorder(tmp_path, "alpha", now_s=lambda: now_s[0])
    again.write(b'{"a":3}')
    again.close()
    files = {path.name: _lines(path) for path in sorted(tmp_path.iterdir())}
    assert files == {
        "alpha-2026-09-21.jsonl.gz": [b'{"a":1}'],
        "alpha-2026-09-22.1.jsonl.gz": [b'{"a":3}'],
        "alpha-2026-09-22.jsonl.gz": [b'{"a":2}'],
    }


def test_what_was_flushed_before_a_kill_can_be_read(tmp_path: Path) -> None:
    now_s = [_NOON_S]
    recorder = Recorder(tmp_path, "alpha", now_s=lambda: now_s[0])
    for number in range(3):
        recorder.write(b'{"a":%d}' % number)
        now_s[0] += 2
    [path] = tmp_path.iterdir()
    torn = tmp_path / "torn.gz"
    torn.write_bytes(path.read_bytes())
    recorder.close()
    assert Recording(torn).take(3) == Recording(path).take(3)
    assert gzip.decompress(path.read_bytes()).count(b"\n") == 3


def test_a_disk_that_fails_ends_the_recording_and_not_the_feed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    now_s = [_NOON_S]
    recorder = Recorder(tmp_path / "file", "alpha", now_s=lambda: now_s[0])
    recorder.write(b"{}")
    recorder.write(b"{}")
    (tmp_path / "file").unlink()
    now_s[0] += _DAY_S
    recorder.write(b"{}")
    recorder.close()
    assert [path.name for path in (tmp_path / "file").iterdir()] == ["alpha-2026-09-22.jsonl.gz"]
