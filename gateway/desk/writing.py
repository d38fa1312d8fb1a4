"""Carrying out a command: an overlay read, changed, and written expecting what was read; and the trail of changes.

The overlay of a league or sport stands in every lane. The first lane decides: it is written first, and who loses there
has written nothing. The others then follow it, whatever they hold, unless a later version is there already. What could
not be written everywhere is told, and the same command given again, by its id, goes on where it stopped.

A refresh moves the position of a record and not its version: then it is read and written again. The trail never holds
up a trader: a change that is not found on it when the next one is made goes on in the record, and is put there with it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from feeds.contract.desk import Change, Overlay
from feeds.contract.errors import LogUnavailable, Refused
from feeds.contract.model import Event, Market
from feeds.contract.records import (
    decode_change,
    decode_overlay,
    decode_record,
    encode_change,
    encode_overlay,
)
from feeds.contract.subjects import audit_subject, desk_subject, event_subject, lane_of, market_subject
from gateway.desk.commands import Aim, Command, Resume, SetPrice, carried_out
from gateway.desk.ports import OverlayLog

ATTEMPTS_MAX = 8
"""How often one record is tried: a refresh comes about once in a fifth of the log's age, an answer may be lost."""

RETRY_S = 0.2
"""Wait before another attempt after one without an answer, times the attempt; half of it at random."""

EARLIER_MAX = 50
"""Changes that a record carries because they are not on the trail. Beyond it the oldest is given up."""


class Unanswered(LogUnavailable):
    """A write was not answered: it may have been stored, or still be."""


@dataclass
class Done:
    """What became of a command. `failed`: the lanes that could not be written, and why; `unrecorded`: why the change is
    not on the trail."""

    overlay: Overlay
    lanes: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    unrecorded: str = ""

    @property
    def whole(self) -> bool:
        """Whether everything was written."""
        return not self.failed and not self.unrecorded


class _Found(NamedTuple):
    """An overlay where it was found; `s` 0 and none where there is none."""

    lane: int
    s: int
    overlay: Overlay | None

    @property
    def version(self) -> int:
        return 0 if self.overlay is None else self.overlay.version


class Desk:
    """Writes overlays. `now_ms` is the wall clock."""

    def __init__(self, log: OverlayLog, *, lanes: int, now_ms: Callable[[], int]) -> None:
        self._log = log
        self._lanes = lanes
        self._now_ms = now_ms

    async def carry_out(self, command: Command) -> Done:
        """Raises Refused and LogUnavailable, where nothing was written, and Unanswered, where it may have been."""
        command.check()
        await self._check_aim(command)
        first, *others = self._lanes_of(command.aim)
        done = Done(await self._write_first(command, first, others), [first])
        followed = await asyncio.gather(*(self._follow(lane, done.overlay) for lane in others), return_exceptions=True)
        for lane, outcome in zip(others, followed):
            if isinstance(outcome, LogUnavailable):
                done.failed[lane] = str(outcome)
            elif outcome is not None:
                raise outcome
            else:
                done.lanes.append(lane)
        try:
            await self._record(done.overlay)
        except LogUnavailable as error:
            done.unrecorded = str(error)
        return done

    def _lanes_of(self, aim: Aim) -> list[int]:
        return list(range(self._lanes)) if aim.event is None else [lane_of(aim.event, self._lanes)]

    async def _check_aim(self, command: Command) -> None:
        """What is aimed at has to be there, so that no slip of the hand lies in wait. A league may come later."""
        aim = command.aim
        if aim.event is None or isinstance(command.edit, Resume):
            return
        lane = lane_of(aim.event, self._lanes)
        event = await self._state(lane, event_subject(lane, aim.scope))
        if not isinstance(event, Event):
            raise Refused("unknown_event", f"there is no event {aim.scope}")
        if event.state == "ended":
            raise Refused("event_ended", f"{aim.scope} has ended")
        if aim.target.market is None:
            return
        market = await self._state(lane, market_subject(lane, aim.scope, aim.target.market))
        if not isinstance(market, Market):
            raise Refused("unknown_market", f"there is no market {aim.text}")
        if market.gone:
            raise Refused("market_gone", f"{aim.text} is gone")
        if isinstance(command.edit, SetPrice) and command.edit.selection not in {each.id for each in market.selections}:
            raise Refused("unknown_selection", f"{aim.text} has no selection {command.edit.selection}")

    async def _state(self, lane: int, subject: str) -> Event | Market | None:
        found = await self._log.last(lane, subject)
        record = None if found is None else decode_record(subject, found.data)
        return record if isinstance(record, Event | Market) else None

    async def _write_first(self, command: Command, lane: int, others: list[int]) -> Overlay:
        unanswered: LogUnavailable | None = None
        for attempt in range(ATTEMPTS_MAX):
            try:
                overlay = await self._try_first(command, lane, others)
            except LogUnavailable as error:
                if unanswered is None and not isinstance(error, Unanswered):
                    raise
                unanswered = error  # whether it was stored shows when it is read again
                await _pause(attempt)
                continue
            if overlay is not None:
                return overlay
        if unanswered is not None:
            raise Unanswered(str(unanswered))
        raise LogUnavailable(f"the overlay of {command.aim.scope} moves faster than it can be written")

    async def _try_first(self, command: Command, lane: int, others: list[int]) -> Overlay | None:
        """The overlay that was written, now or before; None where another write was faster. Raises Refused."""
        found = await asyncio.gather(*(self._find(each, command.aim.scope) for each in (lane, *others)))
        newest = max(found, key=_version)  # the first of them, where several are
        if newest.overlay is not None and _made_by(newest.overlay, command):
            return newest.overlay
        if command.version not in (None, newest.version):
            raise Refused(
                "stale_version",
                f"{command.aim.scope} is at version {newest.version}, and not at {command.version} any more",
            )
        overlay = carried_out(command, newest.overlay, version=newest.version + 1, now_ms=self._now_ms())
        if newest.overlay is not None:
            overlay = msgspec.structs.replace(overlay, earlier=await self._earlier(newest.overlay))
        return overlay if await self._write(found[0], overlay) else None

    async def _follow(self, lane: int, overlay: Overlay) -> None:
        unanswered = LogUnavailable(f"the overlay of {overlay.scope} moves faster than it can be written")
        for attempt in range(ATTEMPTS_MAX):
            try:
                found = await self._find(lane, overlay.scope)
                there = found.overlay
                if there is not None and (there.version > overlay.version or there.change.id == overlay.change.id):
                    return
                if await self._write(found, overlay):
                    return
            except LogUnavailable as error:
                unanswered = error
                await _pause(attempt)
        raise unanswered

    async def _find(self, lane: int, scope: str) -> _Found:
        subject = desk_subject(lane, scope)
        stored = await self._log.last(lane, subject)
        if stored is None:
            return _Found(lane, 0, None)
        return _Found(lane, stored.s, decode_overlay(subject, stored.data))

    async def _write(self, found: _Found, overlay: Overlay) -> bool:
        subject = desk_subject(found.lane, overlay.scope)
        try:
            return await self._log.write(found.lane, subject, encode_overlay(overlay), expected_s=found.s)
        except LogUnavailable as error:
            raise Unanswered(str(error)) from error

    async def _earlier(self, overlay: Overlay) -> tuple[Change, ...]:
        """The changes up to this overlay's own that may not be on the trail."""
        subject = audit_subject(overlay.scope)
        try:
            last = await self._log.last_recorded(subject)
        except LogUnavailable:
            last = None
        if last is not None and decode_change(subject, last.data).id == overlay.change.id:
            return ()
        return (*overlay.earlier, overlay.change)[-EARLIER_MAX:]

    async def _record(self, overlay: Overlay) -> None:
        """Puts the changes on the trail. One that is there for longer than its id is remembered is there twice then:
        who reads it takes each once."""
        for change in (*overlay.earlier, overlay.change):
            await self._log.record(audit_subject(change.scope), encode_change(change), change.id)


async def _pause(attempt: int) -> None:
    await asyncio.sleep(RETRY_S * (attempt + 1) * random.uniform(0.5, 1.0))


def _made_by(overlay: Overlay, command: Command) -> bool:
    """Whether a command is in an overlay already; its own desk, which was not told so, did not put it on the trail."""
    return command.id in {change.id for change in (*overlay.earlier, overlay.change)}


def _version(found: _Found) -> int:
    return found.version
