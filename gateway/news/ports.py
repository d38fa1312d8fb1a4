"""What telling news needs of the bus. Implemented over NATS by gateway/news/main.py."""

from __future__ import annotations

from typing import Protocol


class Away(Exception):
    """The bus is not there: what was published last may have reached nobody."""


class Bus(Protocol):
    """One connection. `losses` counts how often it was lost; what was handed over before may be lost with it."""

    @property
    def losses(self) -> int:
        """So many times."""

    async def connected(self) -> None:
        """Waits, for ever, until it is there."""

    async def publish(self, subject: str, data: bytes) -> None:
        """Hands a message over. Raises Away."""
