"""The data directory of a local stack: lock, logs, and the note for `oddswire watch`."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from gateway.local import datadir
from gateway.local.datadir import PartLog, announced, announced_nats, announced_streams, locked, tail
from gateway.local.errors import CannotStart


def test_a_directory_is_held_once_and_names_its_holder(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(CannotStart, match=f"in use by `oddswire up`, process {os.getpid()}$"):
        locked(tmp_path).__enter__()
    with locked(tmp_path):
        pass


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="Not a directory; choose another with --data-dir"):
        locked(tmp_path / "file" / "data").__enter__()


def test_a_log_begins_anew_and_keeps_the_one_before(tmp_path: Path) -> None:
    with locked(tmp_path):
        for line in (b"first\n", b"second\n", b"third\n"):
            with closing(PartLog(tmp_path, "feed")) as log:
                log.write(line)
    assert (tmp_path / "logs/feed.log").read_bytes() == b"third\n"
    assert (tmp_path / "logs/feed.log.1").read_bytes() == b"second\n"


def test_a_log_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datadir, "LOG_BYTES_MAX", 1_000)
    with locked(tmp_path), closing(PartLog(tmp_path, "feed")) as log:
        for _ in range(100):
            log.write(b"x" * 99 + b"\n")
    sizes = [file.stat().st_size for file in (tmp_path / "logs").iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 1_100


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "feed.log"
    log.write_text("".join(f"line {n}\n" for n in range(10_000)))
    assert tail(log, 2) == ["line 9998", "line 9999"]
    assert tail(tmp_path / "absent.log", 2) == []


def test_a_running_stack_is_found_and_a_dead_one_is_not(tmp_path: Path) -> None:
    assert announced_streams(tmp_path) == []
    assert announced_nats(tmp_path) == ""
    with announced(tmp_path, ["ws://127.0.0.1:8100/v1/stream"], nats_url="nats://127.0.0.1:8200"):
        assert announced_nats(tmp_path) == "nats://127.0.0.1:8200"
        assert announced_streams(tmp_path) == ["ws://127.0.0.1:8100/v1/stream"]
    assert announced_streams(tmp_path) == []
    (tmp_path / "stack.json").write_text('{"pid": 99999999, "streams": ["ws://127.0.0.1:8100/v1/stream"]}')
    assert announced_streams(tmp_path) == []
    (tmp_path / "stack.json").write_text('{"pid"')
    assert announced_streams(tmp_path) == []
