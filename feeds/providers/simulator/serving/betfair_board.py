"""The slate as Betfair's exchange would hold it: definitions, ladders, and what changed since a clk. Pure.

Owns the translation of our states into Betfair's words, written from Betfair's side and sharing no code with the
adapter that reads them. Never writes an envelope and knows of no connection.

Names stand in the definitions, as in Betfair's official files: the live stream has them in the catalogue alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, NamedTuple

from feeds.contract.model import Event, Market, Selection
from feeds.contract.results import MarketResult, SelectionResult
from feeds.ports import State

Json = dict[str, Any]

LOG_MAX: Final = 50_000
"""Changes kept for those who resume; who comes with an older clk gets an image."""

CLOSED_KEPT_MS: Final = 3_600_000
"""How long a closed market stays in the image."""

DRAW_ID: Final = 58805

_EVENT_TYPES: Final = {
    "soccer": "1",
    "tennis": "2",
    "football": "6423",
    "baseball": "7511",
    "basketball": "7522",
    "hockey": "7524",
}
_MATCH_ODDS: Final = frozenset({"moneyline", "match_result"})
_SPREADS: Final = {
    "handicap": "ASIAN_HANDICAP",
    **dict.fromkeys(("spread", "run_line", "puck_line", "game_spread"), "HANDICAP"),
}
_TOTALS: Final = frozenset({"total", "total_runs", "total_goals", "total_games"})
_STATUSES: Final = {"open": "OPEN", "suspended": "SUSPENDED", "inactive": "INACTIVE"}
_SPREAD: Final = 1.03
"""Best to lay over best to back."""


class Changed(NamedTuple):
    """One market's change and its place in the order of all. `reopening`: what takes the change back, where it closes
    the market; only who is told to send a rollback first sends it."""

    seq: int
    mc: Json
    reopening: Json | None = None


class _Held:
    """One market as last told."""

    def __init__(self, market_id: str, market: Market, first_runner: Iterator[int]) -> None:
        self.id = market_id
        self.version = 0
        self.market = market
        self.outcomes: dict[str, str] = {}
        self.closed_ms: int | None = None
        self.definition: Json = {}
        self.runners: dict[int, Json] = {}
        self.ids = {
            selection.id: DRAW_ID if selection.side == "draw" else next(first_runner) for selection in market.selections
        }
        self.handicaps: dict[int, Json] = {
            self.ids[selection.id]: {"hc": float(selection.line or market.line or 0)} if _is_lined(market) else {}
            for selection in market.selections
        }


class BetfairBoard:
    """Every market of the slate. A market that ended stays suspended until its result is told; one that ended without,
    as a line does that moved, is closed and void."""

    def __init__(self, *, log_max: int = LOG_MAX) -> None:
        self.seq = 0
        self._events: dict[str, tuple[str, Event]] = {}
        self._markets: dict[str, _Held] = {}
        self._raw: dict[str, _Held] = {}
        self._log: deque[Changed] = deque(maxlen=log_max)
        self._ids = count(1)
        self._runner_ids = count(1_000)

    def apply(self, states: Iterable[State], now_ms: int) -> list[Changed]:
        """What these states change, in order."""
        changes: list[Changed] = []
        for state in states:
            if isinstance(state, Event):
                raw_id = self._events[state.id][0] if state.id in self._events else str(30_000_000 + next(self._ids))
                self._events[state.id] = (raw_id, state)
                continue
            changed = self._market(state, now_ms)
            if changed is not None:
                changes.append(changed)
        self._log.extend(changes)
        self._age(now_ms)
        return changes

    def settle(self, results: Iterable[MarketResult], now_ms: int) -> list[Changed]:
        """What these results change: settled closes a market, or closes it anew; a rollback opens it, suspended."""
        changes: list[Changed] = []
        for result in results:
            held = self._markets.get(result.market)
            if held is not None and result.kind in ("settled", "rollback"):
                held.outcomes = {each.id: _settled_status(each) for each in result.selections}
                changes += self.apply([held.market], now_ms)
        return changes

    def event_id(self, event_id: str) -> str:
        """Betfair's id of an event of ours that was put."""
        return self._events[event_id][0]

    def definition(self, raw_id: str) -> Json:
        """The definition of a market of Betfair's id; empty once it is not kept any more."""
        held = self._raw.get(raw_id)
        return held.definition if held else {}

    def image(self) -> list[Json]:
        """Every market whole."""
        return [
            {
                "id": held.id,
                "img": True,
                "marketDefinition": held.definition,
                "rc": [
                    {"id": runner_id, **held.handicaps[runner_id], **_ladder(runner)}
                    for runner_id, runner in held.runners.items()
                    if runner
                ],
            }
            for held in self._markets.values()
        ]

    def since(self, seq: int) -> list[Json] | None:
        """What changed after `seq`; None where that is not known any more."""
        if seq > self.seq or (self._log and seq < self._log[0].seq - 1):
            return None
        return [changed.mc for changed in self._log if changed.seq > seq]

    def _market(self, market: Market, now_ms: int) -> Changed | None:
        held = self._markets.get(market.id)
        img = held is None
        if held is None:
            held = self._markets[market.id] = _Held(f"1.{2_000_000 + next(self._ids)}", market, self._runner_ids)
            self._raw[held.id] = held
        held.market = market
        before = held.definition
        definition = self._definition(held, market, now_ms)
        runners: dict[int, Json] = {}
        for each in market.selections:
            runner_id = held.ids[each.id]
            runners[runner_id] = _runner(each, held.runners.get(runner_id, {}).get("ltp"), gone=market.gone)
        rc = [
            {"id": runner_id, **held.handicaps[runner_id], **_delta(held.runners.get(runner_id, {}), runner)}
            for runner_id, runner in runners.items()
            if runner != held.runners.get(runner_id, {})
        ]
        mc: Json = {"id": held.id}
        if img:
            mc["img"] = True
        if definition != before:
            held.version += 1
            held.definition = mc["marketDefinition"] = {**definition, "version": held.version}
        if rc:
            mc["rc"] = rc
        held.runners = runners
        if len(mc) == 1:
            return None
        self.seq += 1
        closes = definition["status"] == "CLOSED" and before.get("status") not in (None, "CLOSED")
        reopening = {"id": held.id, "marketDefinition": {**before, "status": "SUSPENDED"}} if closes else None
        return Changed(self.seq, mc, reopening)

    def _definition(self, held: _Held, market: Market, now_ms: int) -> Json:
        raw_id, event = self._events[market.event]
        if market.gone and held.closed_ms is None:
            held.closed_ms = now_ms
        elif not market.gone:
            held.closed_ms = None
        closed = market.gone and (market.st != "settled" or bool(held.outcomes))
        definition: Json = {
            "status": "CLOSED" if closed else _STATUSES.get(market.st, "SUSPENDED"),
            "eventId": raw_id,
            "eventTypeId": _EVENT_TYPES.get(event.sport, "10"),
            "eventName": event.name,
            "name": market.type,
            **_kind(held, market),
            "marketTime": event.start,
            "openDate": event.start,
            "inPlay": market.live,
            "numberOfWinners": 1,
            "runners": [
                {
                    "id": held.ids[each.id],
                    **held.handicaps[held.ids[each.id]],
                    "name": _runner_name(each, event) if _is_lined(market) else each.name,
                    "sortPriority": place + 1,
                    "status": held.outcomes.get(each.id) or _status(each, closed=closed),
                }
                for place, each in enumerate(market.selections)
            ],
            "version": held.version,
        }
        if closed and held.closed_ms is not None:
            definition["settledTime"] = _utc_text(held.closed_ms)
        return definition

    def _age(self, now_ms: int) -> None:
        due = [
            market_id
            for market_id, held in self._markets.items()
            if held.closed_ms is not None and held.closed_ms < now_ms - CLOSED_KEPT_MS
        ]
        for market_id in due:
            del self._raw[self._markets.pop(market_id).id]
        if due:
            needed = {held.market.event for held in self._markets.values()}
            ended = {each for each, (_, event) in self._events.items() if event.state == "ended"}
            for event_id in ended - needed:
                del self._events[event_id]


def _is_lined(market: Market) -> bool:
    """Whether its runners have handicaps: spreads; and totals, but for soccer's, whose type names the line."""
    return market.type in _SPREADS or (market.type in _TOTALS and not market.topic.startswith("soccer."))


def _kind(held: _Held, market: Market) -> Json:
    """Market type and betting type; of a handicap its main line, where it is that."""
    if not _is_lined(market):
        return {"marketType": _market_type(market), "bettingType": "ODDS"}
    key_line = [{"id": runner_id, **handicap} for runner_id, handicap in held.handicaps.items()]
    return {
        "marketType": _SPREADS.get(market.type, "COMBINED_TOTAL"),
        "bettingType": "ASIAN_HANDICAP_DOUBLE_LINE",
        **({"keyLineDefinition": {"kl": key_line}} if market.cls == "main" else {}),
    }


def _runner_name(selection: Selection, event: Event) -> str:
    """A handicap's runner goes by its team alone, or by its side."""
    team = {"home": event.home, "away": event.away}.get(selection.side or "")
    return team or str(selection.side).capitalize()


def _market_type(market: Market) -> str:
    if market.type in _MATCH_ODDS:
        return "MATCH_ODDS"
    if market.type in _TOTALS and market.line:
        return "OVER_UNDER_" + market.line.replace(".", "")
    return market.type.upper()


def _status(selection: Selection, *, closed: bool) -> str:
    if closed:
        return "REMOVED"
    return "HIDDEN" if selection.st in ("suspended", "inactive", "void") else "ACTIVE"


def _settled_status(result: SelectionResult) -> str:
    if result.w.num:
        return "WINNER"
    return "REMOVED" if result.v.num else "LOSER"


def _runner(selection: Selection, ltp: float | None, *, gone: bool) -> Json:
    """Best to back, best to lay and what traded last; offers of neither where the market is over or has no price."""
    if gone or selection.price is None:
        return {"ltp": ltp} if ltp is not None else {}
    milli = selection.price.milli
    back, size = milli / 1000, 10 + milli % 90
    return {"atb": (back, size), "atl": (round(back * _SPREAD + 0.01, 2), size), "ltp": back}


def _ladder(runner: Json) -> Json:
    return {name: value if name == "ltp" else [list(value)] for name, value in runner.items()}


def _delta(before: Json, after: Json) -> Json:
    """Entries that came, and with size 0 those that went."""
    delta: Json = {}
    for name in ("atb", "atl"):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        entries = [] if old is None or (new and new[0] == old[0]) else [[old[0], 0]]
        delta[name] = entries + ([list(new)] if new else [])
    if after.get("ltp") not in (None, before.get("ltp")):
        delta["ltp"] = after["ltp"]
    return delta


def _utc_text(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
