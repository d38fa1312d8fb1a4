"""What is refused, counted always and logged at a bounded rate."""

from __future__ import annotations

from feeds.contract.errors import Refused
from feeds.providers.refusals import RefusalLog
from feeds.recording import Tally


class Refusals:
    """The count of what one source sent, and its log."""

    def __init__(self, source: str) -> None:
        self.tally = Tally()
        self._log = RefusalLog(source)

    def add(self, refusal: Refused, place: str | int | None = None) -> None:
        """Something was refused."""
        self.tally.refuse(refusal.code)
        self._log.add(refusal.code, place=place, detail=str(refusal)[:200], refused=self.tally.refused)
