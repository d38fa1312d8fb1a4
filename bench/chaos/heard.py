"""What clients said and were told, kept for those who check. Nothing here knows what it means."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple


class Answer(NamedTuple):
    """One answer to one request under a key. `body` as it came; `meaning` tells one meaning of the key from another."""

    account: str
    key: str
    verb: str
    meaning: bytes
    status: int
    body: bytes


class Resolved(NamedTuple):
    """What two askings after a key came to at the end: whether there is a bet, and the tombstone's answer."""

    account: str
    key: str
    first: tuple[int, bytes]
    second: tuple[int, bytes]
    bet_after: int
    """Status of a bet that was tried under the key afterwards."""


@dataclass
class Heard:
    """The clients' side of a run. `asked` and `in_time`: well-formed requests, and those answered within their time;
    `late` says what the others were."""

    answers: list[Answer] = field(default_factory=list)
    resolved: list[Resolved] = field(default_factory=list)
    peeked: list[tuple[str, str, int]] = field(default_factory=list)
    """Account, somebody else's bet, and what asking for it was answered with."""

    unresolved: set[tuple[str, str, bytes]] = field(default_factory=set)
    """Account, key and body of bets that nobody has a final answer to."""

    bets: int = 0
    """Answers that said that a bet was placed."""

    asked: int = 0
    in_time: int = 0
    late: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    took_ms: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """What was asked so far was to warm up. Answers stay: they have to be true."""
        self.asked = self.in_time = 0
        self.late.clear()
        self.took_ms.clear()

    def done(self, what: str, took_s: float, within_s: float, *, answered: bool) -> None:
        """A request has ended."""
        self.asked += 1
        self.took_ms.append(took_s * 1000)
        if answered and took_s <= within_s:
            self.in_time += 1
        else:
            self.late[what] += 1
