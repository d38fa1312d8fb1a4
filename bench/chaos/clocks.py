"""Clocks of processes that can be set wrong while they run: libfaketime (Debian's package), by a file for each process.

Only the time of day is changed; what measures how long something takes (CLOCK_MONOTONIC) is not. The library looks at
its file once a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

LOOK_S = 1.0

_PLACES = tuple(
    Path("/usr/lib") / where / "faketime" / "libfaketimeMT.so.1"
    for where in ("x86_64-linux-gnu", "aarch64-linux-gnu", "")
)


def library() -> Path | None:
    """Where it is; None where it is not installed, and clocks stay right."""
    return next((place for place in _PLACES if place.exists()), None)


def environment(file: Path, found: Path) -> Mapping[str, str]:
    """Of a process whose clock this file sets."""
    set_clock(file, 0.0)
    return {
        "LD_PRELOAD": str(found),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": str(int(LOOK_S)),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
    }


def set_clock(file: Path, by_s: float) -> None:
    """From the next look on the clock is wrong by so much. Whole or not at all: it is read at any moment."""
    new = file.with_suffix(".new")
    new.write_text(f"{by_s:+.3f}s\n", encoding="ascii")
    new.replace(file)
