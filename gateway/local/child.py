"""The first few milliseconds of every part: asks the kernel to kill it when its parent dies, then becomes the part.

Run as a file, `python -IS child.py PARENT_PID PROGRAM ARGUMENT...`. PR_SET_PDEATHSIG (prctl(2)) outlives execve(2), so
that even `kill -9` of `oddswire up` leaves no process behind; asking before exec needs no code between fork and exec.
It covers the part, not the part's own children: a part that forks must end them itself. Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Never returns. A parent that died before the kernel was asked is found by its pid."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent is gone")
    os.execv(program[0], program)  # noqa: S606 no shell is what is wanted


if __name__ == "__main__":
    main()
