"""Answers kept for If-None-Match, bounded by their bytes. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple


class Kept(NamedTuple):
    """An answer as it came."""

    etag: str
    cursor: str
    body: bytes


class KeptAnswers:
    """By address with parameters. Beyond `bytes_max` the one least recently asked for goes."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._answers: OrderedDict[str, Kept] = OrderedDict()
        self.bytes = 0

    def get(self, target: str) -> Kept | None:
        """What is kept of it."""
        kept = self._answers.get(target)
        if kept is not None:
            self._answers.move_to_end(target)
        return kept

    def put(self, target: str, kept: Kept) -> None:
        """Keeps it, instead of what was kept."""
        before = self._answers.pop(target, None)
        self.bytes += len(kept.body) - (len(before.body) if before is not None else 0)
        self._answers[target] = kept
        while self.bytes > self._bytes_max:
            _, oldest = self._answers.popitem(last=False)
            self.bytes -= len(oldest.body)
