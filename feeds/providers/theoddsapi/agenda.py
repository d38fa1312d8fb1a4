"""What is to be asked when. Pure: given the time, it gives the requests that are due; it never asks.

Each question is asked again an interval after its answer, never twice at once. After a failure it is asked sooner, with
growing pauses; when the API says it is asked too much, all questions pause.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from typing import Final, Literal, NamedTuple

QuestionKind = Literal["odds", "scores", "event"]

RETRY_S: Final = 1.0
RETRY_S_MAX: Final = 60.0
"""After failures in a row: 1 s, 2 s, 4 s, ... at most this."""

PAUSE_S_MAX: Final = 300.0
"""Longest pause that the API's Retry-After is granted at once."""

JITTER: Final = 0.1
"""Every interval is up to so much shorter or longer, so that many ingestors do not ask in step."""


class Question(NamedTuple):
    """Odds of a sport, scores of a sport, or odds of one event of it."""

    kind: QuestionKind
    sport: str
    event: str = ""


class Agenda:
    """Questions and when each is due. Times are seconds of one rising clock."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._due_s: dict[Question, float] = {}
        self._failures: dict[Question, int] = {}
        self._asked: set[Question] = set()
        self._paused_until_s = 0.0

    def ask(self, questions: Iterable[Question], now_s: float) -> None:
        """All questions that are to be asked; new ones at once, others are forgotten."""
        wanted = set(questions)
        self._due_s = {
            **{question: due_s for question, due_s in self._due_s.items() if question in wanted},
            **dict.fromkeys((question for question in wanted if question not in self._due_s), now_s),
        }
        self._failures = {question: count for question, count in self._failures.items() if question in wanted}

    def wants(self, question: Question) -> bool:
        """Whether it is still to be asked."""
        return question in self._due_s

    def take(self, now_s: float, limit: int) -> list[Question]:
        """Questions to ask now, longest due first; at most `limit` are being asked at any time."""
        if now_s < self._paused_until_s:
            return []
        due = [question for question, due_s in self._due_s.items() if due_s <= now_s and question not in self._asked]
        due.sort(key=lambda question: (self._due_s[question], question))
        taken = due[: max(0, limit - len(self._asked))]
        self._asked.update(taken)
        return taken

    def next_s(self, limit: int) -> float:
        """When `take` may give something again; infinite while as many are being asked as may be."""
        if len(self._asked) >= limit:
            return float("inf")
        due_s = [due_s for question, due_s in self._due_s.items() if question not in self._asked]
        return max(self._paused_until_s, min(due_s, default=float("inf")))

    def answered(self, question: Question, now_s: float, interval_s: float) -> None:
        """It was answered; again after `interval_s`."""
        self._failures.pop(question, None)
        self._again(question, now_s + self._jittered(interval_s))

    def failed(self, question: Question, now_s: float, interval_s: float) -> None:
        """It was not; again after a pause that grows, but not beyond the interval."""
        failures = self._failures[question] = self._failures.get(question, 0) + 1
        pause_s = min(RETRY_S * 2 ** min(failures - 1, 10), RETRY_S_MAX, interval_s)
        self._again(question, now_s + self._jittered(pause_s))

    def hasten(self, intervals_s: Mapping[Question, float], now_s: float) -> None:
        """Intervals became shorter: nothing waits longer than its own now."""
        for question, interval_s in intervals_s.items():
            if question in self._due_s:
                self._due_s[question] = min(self._due_s[question], now_s + interval_s * (1 + JITTER))

    def pause(self, now_s: float, pause_s: float) -> None:
        """Nothing is asked for so long."""
        self._paused_until_s = max(self._paused_until_s, now_s + min(max(pause_s, RETRY_S), PAUSE_S_MAX))

    def _again(self, question: Question, due_s: float) -> None:
        self._asked.discard(question)
        if question in self._due_s:
            self._due_s[question] = due_s

    def _jittered(self, interval_s: float) -> float:
        return interval_s * self._rng.uniform(1 - JITTER, 1 + JITTER)
