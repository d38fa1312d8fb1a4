"""What goes wrong on a simulated provider's line, on command: what a server sends passes through here. Pure.

A command is `KIND SECONDS`: from now on, for so long. Messages are opaque bytes; their order is the order of calls.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Final, Literal, get_args

from feeds.contract.errors import Refused

FaultKind = Literal["silence", "duplicates", "reordering", "replay", "rollback_first", "garbage"]
KINDS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)

FAULT_S_MAX: Final = 3_600.0
REPLAYED_MAX: Final = 100_000
"""Messages kept for a replay; beyond it the oldest are forgotten."""
HELD_MAX: Final = 16
"""Messages a reordering shuffles at once."""
DUPLICATES_MAX: Final = 3
GARBAGE_SHARE: Final = 0.2
"""Part of the messages that a line of garbage precedes, or that are cut short."""


class FaultyLine:
    """One line to one client. The same `seed` and the same calls, the same faults. Times are Unix milliseconds.

    `silence`: nothing is sent, and what was to be sent is lost. `duplicates`: each message comes up to three times.
    `reordering`: up to 16 messages at a time are shuffled. `replay`: what was sent in the last SECONDS is sent again,
    now. `garbage`: bytes that are no message between them, and messages cut short. `rollback_first` means something
    only to the server, which asks `active`: what undoes a thing is sent before the thing.
    """

    def __init__(self, seed: int = 0, *, replayed_max: int = REPLAYED_MAX) -> None:
        self._rng = Random(seed)
        self._until_ms: dict[FaultKind, int] = {}
        self._sent: deque[tuple[int, bytes]] = deque(maxlen=replayed_max)
        self._held: list[bytes] = []

    def command(self, words: str, now_ms: int) -> list[bytes]:
        """Begins a fault; gives what is to be sent because of it. Raises Refused("bad_fault")."""
        kind, _, text = words.strip().partition(" ")
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if kind not in KINDS or not 0 < seconds <= FAULT_S_MAX:
            raise Refused("bad_fault", f"a fault is KIND SECONDS, KIND one of {', '.join(KINDS)}: {words[:80]!r}")
        if kind == "replay":
            return [message for at_ms, message in self._sent if at_ms >= now_ms - seconds * 1000]
        self._until_ms[kind] = now_ms + round(seconds * 1000)
        return []

    def active(self, kind: FaultKind, now_ms: int) -> bool:
        """Whether this goes wrong now."""
        return now_ms < self._until_ms.get(kind, 0)

    def faulty(self, now_ms: int) -> bool:
        """Whether anything goes wrong now."""
        return any(now_ms < until_ms for until_ms in self._until_ms.values())

    def send(self, message: bytes, now_ms: int) -> list[bytes]:
        """What the client gets in place of one message, which may come later, or never."""
        if self.active("silence", now_ms):
            return []
        self._sent.append((now_ms, message))
        if self.active("reordering", now_ms):
            self._held.append(message)
            return self._shuffled() if len(self._held) == HELD_MAX else []
        return [*self._shuffled(), *self._spoiled(message, now_ms)]

    def _shuffled(self) -> list[bytes]:
        held, self._held = self._held, []
        self._rng.shuffle(held)
        return held

    def _spoiled(self, message: bytes, now_ms: int) -> list[bytes]:
        times = self._rng.randint(1, DUPLICATES_MAX) if self.active("duplicates", now_ms) else 1
        messages = [message] * times
        if self.active("garbage", now_ms) and self._rng.random() < GARBAGE_SHARE:
            cut = message[: self._rng.randrange(len(message) or 1)]
            noise = bytes(byte for byte in self._rng.randbytes(40) if byte not in b"\r\n\0")
            return [noise, cut, *messages]
        return messages
