"""A result entered by the desk: every market of the event that was bet on graded by the house's rules, and recorded.

A market that has a result already is not touched: another one is a correction, which is drafted with what was graded
here. What cannot be graded is told, market by market, and stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from feeds.contract.errors import Refused
from feeds.contract.ids import ID_PATTERN
from feeds.contract.model import Event, Market
from feeds.contract.records import decode_record
from feeds.contract.results import MarketResult
from feeds.contract.subjects import event_subject
from gateway.history.reads import HistoryReads
from gateway.history.sql import statement as of_history
from gateway.settlement.corrections.drafts import Draft, Said, settlements
from gateway.settlement.grading.entered import Entered
from gateway.settlement.grading.grade import grade
from gateway.settlement.grading.rules import HouseRules
from gateway.settlement.outcome import outcome_from_text
from gateway.settlement.recording import Recorder
from gateway.settlement.sayings import outcome_of
from gateway.settlement.sql import statement
from gateway.store.pool import Database


class NotGraded(NamedTuple):
    """A market that has no result from what was entered, and why."""

    market: str
    code: str
    detail: str


class Grading(NamedTuple):
    """What was entered, graded: `fresh` have no result yet, `same` have this one, `other` have another."""

    fresh: list[Said]
    same: list[Said]
    other: list[Said]
    not_graded: list[NotGraded]


class Entering:
    """Over one database, whose archive knows events and markets. `now` is the wall clock."""

    def __init__(self, database: Database, rules: HouseRules, now: Callable[[], datetime]) -> None:
        self._database = database
        self._history = HistoryReads(database)
        self._rules = rules
        self._now = now

    async def grade(self, event_id: str, entered: Entered) -> Grading:
        """Grades, and changes nothing. Raises Refused("not_found")."""
        event = await self._event(event_id)
        found = Grading([], [], [], [])
        ts = int(self._now().timestamp() * 1000)
        for market_id, text in await self._database.fetch(statement("results_of_event"), event_id):
            known = await self._history.known(market_id)
            if known is None:
                found.not_graded.append(NotGraded(market_id, "not_in_history", "the archive does not know it"))
                continue
            market: Market = known[1].market
            try:
                said = Said(grade(market, event, entered, self._rules, ts=ts), market.type)
            except Refused as refused:
                found.not_graded.append(NotGraded(market.id, refused.code, str(refused)))
                continue
            _sorted(found, said, text).append(said)
        return found

    async def record(self, graded: Grading) -> int:
        """Brings results of markets that had none into force; gives how many that changed."""
        results: list[MarketResult] = [one.result for one in graded.fresh]
        if not results:
            return 0
        recorder = Recorder(self._database, self._now)
        return (await recorder.record(settlements(Draft(tuple(graded.fresh))))).changed

    async def _event(self, event_id: str) -> Event:
        body = None
        if ID_PATTERN.match(event_id):
            body = await self._database.row(of_history("last_of_events"), [event_id])
        event = None if body is None else decode_record(event_subject(0, event_id), body["body"].encode())
        if not isinstance(event, Event):
            raise Refused("not_found", f"the archive knows no event {event_id}")
        return event


def _sorted(found: Grading, said: Said, text: str | None) -> list[Said]:
    """Where it belongs, by what is in force of its market."""
    before = None if text is None else outcome_from_text(text)
    if before is None or not before.settled:
        return found.fresh
    return found.same if before.selections == outcome_of(said.result, ()).selections else found.other
