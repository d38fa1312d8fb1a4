"""Small disks that can be filled: a tmpfs for each server, where this user may mount one."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_BALLAST = "ballast"
_PIECE = b"\0" * (1 << 20)


class Disk:
    """A file system of its own at `place`."""

    def __init__(self, place: Path) -> None:
        self._ballast = place / _BALLAST

    def fill(self) -> None:
        """Nothing more fits."""
        with self._ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            size = len(_PIECE)
            while size:
                try:
                    file.write(_PIECE[:size])
                except OSError:
                    size //= 2

    def clear(self) -> None:
        """There is room again."""
        self._ballast.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(place: Path, mib: int) -> Iterator[Disk | None]:
    """Mounts one there. Gives None where that is not permitted, and then `place` is a directory as any other."""
    place.mkdir(parents=True, exist_ok=True)
    if not _mount("-t", "tmpfs", "-o", f"size={mib}m,mode=755", "oddswire-bench", str(place)):
        yield None
        return
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def _mount(*words: str) -> bool:
    if os.geteuid() != 0:
        return False
    try:
        return subprocess.run(["mount", *words], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
