"""Why a local stack does not start, or ends. The text is one line for people; `exit_code` is the command's."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class StackError(Exception):
    """What ends `oddswire up` other than a signal."""

    exit_code: ClassVar[int] = 1


class CannotStart(StackError):
    """What was asked for cannot be done, and nothing was started: a bad option, a busy port, a data dir in use."""

    exit_code: ClassVar[int] = 2


class PartFailed(StackError):
    """A part does not come up, or dies again and again. `log` is where it says why."""

    def __init__(self, message: str, *, log: Path) -> None:
        super().__init__(message)
        self.log = log
