"""The port between the desk and the log. Its adapter is feeds/adapters/nats/desk.py."""

from __future__ import annotations

from typing import Protocol

from feeds.contract.lane import Stored


class OverlayLog(Protocol):
    """The lanes of the log and the trail of changes, as a desk sees them. Every call raises LogUnavailable, which after
    a write means: nobody knows whether it was stored, or still will be."""

    async def last(self, lane: int, subject: str) -> Stored | None:
        """The last record of a subject of a lane, as the log's leader has it."""

    async def write(self, lane: int, subject: str, data: bytes, *, expected_s: int) -> bool:
        """Stores a record if the subject's last one is still at `expected_s` (0: there is none). Gives whether."""

    async def overlays(self, lane: int) -> list[Stored]:
        """The last overlay record of every scope of a lane."""

    async def record(self, subject: str, data: bytes, message_id: str) -> None:
        """Puts a change on the trail, once however often it is called with one id within an hour."""

    async def last_recorded(self, subject: str) -> Stored | None:
        """The last change on the trail of a scope."""

    async def recorded(self, scope_subject: str | None, limit: int) -> list[Stored]:
        """The last changes on the trail, oldest first; of a scope with all below it, or of all."""
