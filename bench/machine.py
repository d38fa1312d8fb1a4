"""What was measured on: the machine and the code. Never a host name, a user or a path."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import msgspec
import psutil

_CPUINFO = Path("/proc/cpuinfo")
_GIT = ("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
_GIT_S = 5.0


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Enough to tell whether two results may be compared. `cores` are those this process may use."""

    cpu: str
    cores: int
    memory_bytes: int
    kernel: str
    python: str


def this_machine() -> Machine:
    """The one we run on."""
    return Machine(
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=psutil.virtual_memory().total,
        kernel=platform.release(),
        python=platform.python_version(),
    )


def this_commit() -> str | None:
    """The commit of the checkout this file lies in, `-dirty` if it was changed; None where there is none."""
    try:
        told = subprocess.run(
            _GIT, cwd=Path(__file__).parent, capture_output=True, check=True, text=True, timeout=_GIT_S
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip()


def _cpu_model() -> str:
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
