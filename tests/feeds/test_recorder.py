"""What a live provider says is recorded as any recording is read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from feeds.contract.errors import Refused
from feeds.providers.registry import ProviderOptions, make_provider
from feeds.providers.sportradar.parse import parse
from feeds.recorder import Recorder
from feeds.recording import Recording

_RACE = Path(__file__).parent / "samples" / "race.jsonl"
_NOON_S = 1_790_000_000.0
_DAY_S = 86_400


def _recorder(directory: Path) -> Recorder:
    return Recorder(directory, "alpha", now_s=lambda: _NOON_S)


def test_the_lines_of_a_stream_are_recorded_as_the_lines_they_were(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path)
    lines = recorder.lines()
    stream = b"\r\n".join(Recording(_RACE).take(50)[number].data for number in range(3)) + b"\r\n"
    lines.begin()
    for start in range(0, len(stream), 7):
        lines.write(stream[start : start + 7])
    lines.write(b'{"op":"cut o')
    lines.begin()
    lines.write(b'{"op":"connection"}\r\n')
    recorder.close()
    [path] = tmp_path.iterdir()
    first = [line.data for line in Recording(_RACE).take(3)]
    assert _lines(path) == [*first, b'{"op":"cut o', b'{"op":"connection"}']


def test_a_message_of_many_lines_is_one_that_means_the_same(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path)
    recorder.write(b'<alive\r\n  product="3" timestamp="1" subscribed="1"/>\r\n')
    recorder.write(b'{"a":\n1}')
    recorder.close()
    [path] = tmp_path.iterdir()
    alive, answer = _lines(path)
    assert parse(alive) == parse(b'<alive product="3" timestamp="1" subscribed="1"/>')
    assert answer == b'{"a": 1}'


@pytest.mark.parametrize("provider", ["simulator", "betfair:FILE", "sportradar:FILE"])
def test_only_what_is_live_can_be_recorded(tmp_path: Path, provider: str) -> None:
    options = ProviderOptions("alpha", lanes=1, events=1, rate=1, seed=1, speed=1.0, loop=False, record=tmp_path)
    with pytest.raises(Refused, match="live provider"):
        make_provider(provider.replace("FILE", str(_RACE)), options)


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
