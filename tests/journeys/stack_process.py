"""`oddswire up` as a child of a test: started, listened to, ended; and a search for whatever it left behind."""

from __future__ import annotations

import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psutil

ODDSWIRE = Path(sys.executable).with_name("oddswire")

T = TypeVar("T")

READY_S = 60.0
END_S = 20.0
"""What `up` promises: everything has ended within this."""

GONE_S = 5.0
"""After `kill -9` of `up` the kernel ends everything at once; this is for a busy machine."""

PORTS_USED = (0, 100, 101, 102, 200, 300)


def free_port_base() -> int:
    """A `--port` whose own ports are free, below the range of outgoing connections."""
    while True:
        base = random.randrange(10_000, 30_000)
        if all(_is_free(base + offset) for offset in PORTS_USED):
            return base


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


def told(ask: Callable[[], T], otherwise: T) -> T:
    """What a process tells of itself, unless it has ended meanwhile, as PostgreSQL's do with their connections."""
    try:
        return ask()
    except psutil.NoSuchProcess:
        return otherwise


def files_beside_data_dir(home: Path) -> list[Path]:
    """What was written elsewhere than to the data directory by stacks that ran in the fixture `home`."""
    return [path for path in home.parent.rglob("*") if path.is_file() and ".oddswire" not in path.parts]


class StackProcess:
    """One `oddswire up`. Its descendants are known by a variable in their environment, orphans included."""

    def __init__(self, *options: str, cwd: Path, oddswire: Path = ODDSWIRE) -> None:
        self._mark = uuid.uuid4().hex
        self._cwd = cwd
        self._process = subprocess.Popen(
            [oddswire, "up", *options],
            cwd=cwd,
            env=os.environ | {"ODDSWIRE_TEST_MARK": self._mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.pid = self._process.pid

    def until(self, beginning: str) -> list[str]:
        """Lines up to the first that begins so. Fails if it does not come, with all that came."""
        lines: list[str] = []
        while not lines or not lines[-1].startswith(beginning):
            try:
                line = self._lines.get(timeout=READY_S)
            except queue.Empty:
                line = None
            assert line is not None, f"no line {beginning!r} after {lines}"
            lines.append(line)
        return lines

    def rest(self) -> list[str]:
        """All further lines, to the end of the output."""
        lines: list[str] = []
        while (line := self._lines.get(timeout=READY_S)) is not None:
            lines.append(line)
        return lines

    def part(self, words: str) -> psutil.Process:
        """The one process of the stack whose command line has these words."""
        [found] = [process for process in self.processes() if words in " ".join(told(process.cmdline, []))]
        return found

    def processes(self) -> list[psutil.Process]:
        """Every living process of the stack, `up` itself included."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("ODDSWIRE_TEST_MARK") == self._mark or self._works_below(process):
                    found.append(process)
        return found

    def pids(self) -> set[int]:
        """Those of all processes but PostgreSQL's, which has one more for every connection."""
        return {process.pid for process in self.processes() if told(process.name, "postgres") != "postgres"}

    def _works_below(self, process: psutil.Process) -> bool:
        """Whether it works in the data directory: PostgreSQL's processes write their title over their environment."""
        return Path(process.cwd()).is_relative_to(self._cwd / ".oddswire")

    def until_gone(self) -> None:
        """Waits until no process is left; zombies that only await their reaper do not count."""
        deadline_s = time.monotonic() + GONE_S
        while left := self.processes():
            assert time.monotonic() < deadline_s, left
            time.sleep(0.02)

    def until_true(self, condition: Callable[[], bool]) -> None:
        """Waits for something that no line tells."""
        deadline_s = time.monotonic() + READY_S
        while not condition():
            assert time.monotonic() < deadline_s
            time.sleep(0.02)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Sends `up` alone a signal; gives its exit status. Fails if it takes too long."""
        self._process.send_signal(how)
        return self._process.wait(END_S)

    def wait(self) -> int:
        """Waits for it to end by itself; gives its exit status."""
        return self._process.wait(READY_S)

    def sweep(self) -> None:
        """Kills whatever is there."""
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()
        self._process.wait(END_S)
        self._reader.join(END_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as out:
            for line in out:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


@contextmanager
def stack(*options: str, cwd: Path, oddswire: Path = ODDSWIRE) -> Iterator[StackProcess]:
    """A stack that is swept away at the end, whatever happened."""
    process = StackProcess(*options, cwd=cwd, oddswire=oddswire)
    try:
        yield process
    finally:
        process.sweep()
