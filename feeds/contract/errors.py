"""The typed refusals of the feeds contract. Each carries a stable `code`; none is ever swallowed silently."""

from __future__ import annotations


class Refused(ValueError):
    """Input that is refused and changes nothing. `code` is stable and machine readable, the text is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class LogUnavailable(Exception):
    """The log did not answer, or refused for a reason that has nothing to do with what was asked."""


class NotLeader(Exception):
    """The log refused a write because another writer owns the lane's lead record now. `epoch` is that record's."""

    def __init__(self, message: str, *, epoch: int) -> None:
        super().__init__(message)
        self.epoch = epoch
