"""Opening recordings: packings by their first bytes, lines, documents, and files that are none."""

from __future__ import annotations

import bz2
import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from feeds.contract.errors import Refused
from feeds.recording import LINE_BYTES_MAX, Line, Recording

_LINES = b'{"a":1}\r\n\n{"b":2}\n{"c":3}'
_NUMBERED = [Line(1, b'{"a":1}'), Line(3, b'{"b":2}'), Line(4, b'{"c":3}')]


def _plain(data: bytes) -> bytes:
    return data


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x", "x.bz2", "x.gz"])
@pytest.mark.parametrize("pack", [_plain, gzip.compress, bz2.compress])
def test_any_packing_under_any_name_gives_the_lines(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / name
    path.write_bytes(pack(_LINES))
    assert list(Recording(path)) == _NUMBERED


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_file_of_several_packed_parts_is_read_through(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "x"
    path.write_bytes(pack(b'{"a":') + pack(b'1}\n{"b":2}\n'))
    assert [line.data for line in Recording(path)] == [b'{"a":1}', b'{"b":2}']


def test_a_document_over_many_lines_gives_its_objects(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_bytes(b'{\n  "a": {\n    "b": 1\n  }\n}\n')
    (line,) = Recording(path)
    assert line.number == 1
    assert line.data.startswith(b'{\n  "a"')
    path.write_bytes(b'[\n  {"a": 1},\n  {"b": 2}\n]\n')
    assert list(Recording(path)) == [Line(1, b'{"a": 1}'), Line(2, b'{"b": 2}')]


def test_a_document_that_is_broken_gives_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b'{\n"a": 1\n')
    assert [line.data for line in Recording(path)] == [b"{", b'"a": 1']


def test_the_rest_of_too_long_a_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a":1}\n{' + b"x" * (LINE_BYTES_MAX + 3_000_000) + b'\n{"b":2}\n')
    first, second, third = Recording(path)
    assert (first.data, third) == (b'{"a":1}', Line(3, b'{"b":2}'))
    assert LINE_BYTES_MAX < len(second.data) <= LINE_BYTES_MAX + 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        gzip.compress(b"", mtime=0),
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"\x00" * 100,
        gzip.compress(b"\x00\x01" * 99, mtime=0),
        b"\xff\xd8\xff",
    ],
)
def test_what_holds_no_line_is_unreadable(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(Refused) as refusal:
        list(Recording(path))
    assert refusal.value.code == "unreadable"


def test_a_file_that_is_not_there_and_a_folder_are_unreadable(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(Refused) as refusal:
            list(Recording(path))
        assert refusal.value.code == "unreadable"


def test_a_damaged_byte_does_not_make_a_recording_binary(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a":\x00}\n{"b":2}\n')
    assert [line.data for line in Recording(path)] == [b'{"a":\x00}', b'{"b":2}']


def _many_lines() -> bytes:
    noise = random.Random(7)
    return b"".join(b'{"n":%d,"x":"%x"}\n' % (number, noise.getrandbits(256)) for number in range(30_000))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_packed_file_cut_short_gives_what_comes_before(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "x"
    packed = pack(_many_lines())
    path.write_bytes(packed[: len(packed) * 2 // 3])
    recording = Recording(path)
    taken = recording.take(50_000)
    with pytest.raises(Refused) as refusal:
        recording.take(1)
    assert refusal.value.code == "truncated"
    assert len(taken) > 1000
    assert all(line.data.endswith(b'"}') for line in taken)
    assert [line.number for line in taken] == list(range(1, len(taken) + 1))


def test_a_damaged_packed_file_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "x"
    packed = bytearray(gzip.compress(_many_lines()))
    packed[-6] ^= 0xFF
    path.write_bytes(packed)
    with pytest.raises(Refused) as refusal:
        list(Recording(path))
    assert refusal.value.code == "corrupt"


def test_take_gives_at_most_so_many_lines_and_none_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(_LINES)
    recording = Recording(path)
    assert recording.take(2) == _NUMBERED[:2]
    assert recording.take(2) == _NUMBERED[2:]
    assert recording.take(2) == []
