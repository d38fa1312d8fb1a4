"""Endpoints of the desk: what a trader lays over the line, how everything is, and a shard that is to drain. They
translate; what is decided is decided in gateway/desk. Who asks is the session's account, or the token's."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from fanout.contract.fleet import LAG_BOUNDS_MS
from feeds.contract.desk import Change
from feeds.contract.errors import LogUnavailable, Refused
from feeds.contract.ids import ID_PATTERN
from feeds.contract.prices import milli_text
from gateway.access.principal import Principal
from gateway.api import desk_schemas as said
from gateway.api.calls import Asking, Endpoint, Said
from gateway.api.load import Queue
from gateway.desk.asking import aim_of, undoing
from gateway.desk.commands import Command
from gateway.desk.flow import STEP_MS
from gateway.desk.operations import Exposed, Operations, Snapshot
from gateway.desk.ports import OverlayLog
from gateway.desk.reading import Shown, overlays, related, trail
from gateway.desk.shared import Shared
from gateway.desk.writing import Desk, Done, Unanswered
from gateway.money.amounts import amount_text
from gateway.read.book import ReadBook

OVERLAYS_AGE_S = 1.0
PLACES = 4
WAITING_MAX = 32
WAIT_S = 3.0
"""Of commands and looks at the trail: so many at once, so many behind them, for so long; then 503."""


class DeskEndpoints:
    """By the names in routes.py. `log`: as a desk has it."""

    def __init__(self, log: OverlayLog, book: ReadBook, operations: Operations, *, lanes: int) -> None:
        self._log = log
        self._book = book
        self._lanes = lanes
        self._operations = operations
        self._desk = Desk(log, lanes=lanes, now_ms=_now_ms)
        self._overlays = Shared(self._all_overlays, age_s=OVERLAYS_AGE_S)
        self._queue = Queue(places=PLACES, waiting_max=WAITING_MAX, wait_s=WAIT_S)
        self.by_name: dict[str, Endpoint] = {
            "overlays": self._list,
            "desk_command": self._command,
            "desk_undo": self._undo,
            "desk_trail": self._trail,
            "operations": self._shown,
            "delays": self._delays,
            "drain_shard": self._drain,
        }

    async def _all_overlays(self) -> list[Shown]:
        return await overlays(self._log, None, lanes=self._lanes)

    async def _list(self, asking: Asking) -> Said:
        scope = asking.query.scope
        aim = None if scope is None else aim_of(scope)
        async with self._asking_the_log():
            found = await self._overlays.get()
        items = [_overlay(one) for one in found if aim is None or related(one.overlay.scope, aim.scope)]
        return _answer(said.Overlays(items))

    async def _command(self, asking: Asking) -> Said:
        return await self._carry_out(asking.body.command(by(asking.who)))

    async def _undo(self, asking: Asking) -> Said:
        body, change_id = asking.body, _id(asking)
        scope = aim_of(body.scope).scope
        async with self._asking_the_log():
            found = await overlays(self._log, aim_of(scope), lanes=self._lanes)
        overlay = next((one.overlay for one in found if one.overlay.scope == scope), None)
        return await self._carry_out(undoing(body, overlay, change_id, by=by(asking.who), now_ms=_now_ms()))

    async def _carry_out(self, command: Command) -> Said:
        try:
            async with self._asking_the_log():
                done = await self._desk.carry_out(command)
        finally:
            self._overlays.forget()
        return _answer(_carried_out(command, done))

    async def _trail(self, asking: Asking) -> Said:
        asked = asking.query
        aim = None if asked.scope is None else aim_of(asked.scope)
        async with self._asking_the_log():
            found = await trail(self._log, aim, limit=asked.limit)
        return _answer(said.Trail([_change(one) for one in reversed(found)]))

    @asynccontextmanager
    async def _asking_the_log(self) -> AsyncIterator[None]:
        """A place at it. Raises Refused("overloaded" | "log_unavailable" | "unanswered")."""
        async with self._queue.place():
            try:
                yield
            except Unanswered as error:
                raise Refused("unanswered", "") from error
            except LogUnavailable as error:
                raise Refused("log_unavailable", "") from error

    async def _shown(self, asking: Asking) -> Said:
        del asking
        return _answer(_operations(await self._operations.snapshot(), self._book))

    async def _delays(self, asking: Asking) -> Said:
        found = self._operations.delays(asking.query.since_ms)
        columns = {
            stage: [said.DelayColumn(one.at_ms, list(one.counts)) for one in columns]
            for stage, columns in found.items()
        }
        return _answer(said.Delays(STEP_MS, list(LAG_BOUNDS_MS), **columns))

    async def _drain(self, asking: Asking) -> Said:
        shard, body = _id(asking), asking.body
        devices = await self._operations.drain(shard, window_s=body.window_s, by=by(asking.who), reason=body.reason)
        return _answer(said.Draining(shard, devices), 202)


def by(who: Principal) -> str:
    """Who did it, for the trail: the account, and the name that people use where there is one."""
    account = who.account or who.subject
    return f"{who.name} ({account})" if who.name and who.name != account else account


def _overlay(shown: Shown) -> said.ShownOverlay:
    overlay = shown.overlay
    entries = msgspec.convert(_priced(msgspec.to_builtins(overlay.entries)), said.Laid)
    return said.ShownOverlay(overlay.scope, overlay.version, entries, _change(overlay.change), list(shown.missing))


def _change(change: Change) -> said.DeskDeed:
    told = msgspec.to_builtins(change)
    for entries in (told["before"], told["after"]):
        _priced(entries)
    return msgspec.convert(told, said.DeskDeed)


def _priced(entries: dict[str, Any]) -> dict[str, Any]:
    """Prices as odds are told, and not as the bus has them."""
    for override in entries.get("overrides", ()):
        milli, american = override["price"]
        override["price"] = {"a": american, "d": milli_text(milli)}
    return entries


def _carried_out(command: Command, done: Done) -> said.CarriedOut:
    return said.CarriedOut(
        id=command.id,
        scope=done.overlay.scope,
        version=done.overlay.version,
        whole=done.whole,
        failed={str(lane): why for lane, why in done.failed.items()},
        unrecorded=done.unrecorded,
        change=_change(done.overlay.change),
    )


def _operations(found: Snapshot, book: ReadBook) -> said.OperationsShown:
    return said.OperationsShown(
        at_ms=found.at_ms,
        shards=[
            said.Shard(
                one.name, one.url, one.state, one.sockets, one.lag_p50_ms, one.lag_p99_ms, one.headroom,
                list(one.lanes), one.closed,
            )
            for one in found.shards
        ],
        feeds=[said.FeedShown(*one) for one in found.feeds],  # type: ignore[arg-type]  # its state is one of those
        gateways=[said.Worker(one.name, one.delay_ms, one.database_ms) for one in found.gateways],
        betting=said.Betting(
            round(found.rates.requests_per_s, 1), round(found.rates.bets_per_s, 1), dict(found.rates.refused),
            dict(found.rates.shed),
        ),
        exposure=[_exposure(one, book) for one in found.exposure],
        missing=list(found.missing),
    )  # fmt: skip


def _exposure(one: Exposed, book: ReadBook) -> said.Exposure:
    group = book.group(one.event)
    event = None if group is None or group.event is None else group.event.state
    topic, name = ("", one.event) if event is None else (event.topic, event.name)
    stakes, liability = amount_text(one.stakes, one.currency), amount_text(one.liability, one.currency)
    return said.Exposure(one.event, topic, name, one.currency, stakes, liability, one.markets)


def _id(asking: Asking) -> str:
    name: str = asking.path["id"]
    if not ID_PATTERN.match(name):
        raise Refused("bad_parameter", "id: not an id")
    return name


def _answer(body: msgspec.Struct, status: int = 200) -> Said:
    return Said(status, msgspec.json.encode(body))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
