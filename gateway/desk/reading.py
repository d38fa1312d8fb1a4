"""What lies over the line now, and what desks did before: read for people."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from feeds.contract.desk import Change, Overlay
from feeds.contract.lane import Stored
from feeds.contract.records import decode_change, decode_overlay
from feeds.contract.subjects import audit_subject, lane_of
from gateway.desk.commands import Aim
from gateway.desk.ports import OverlayLog


class Shown(NamedTuple):
    """An overlay, the lanes that have it, and those that should and do not."""

    overlay: Overlay
    lanes: tuple[int, ...]
    missing: tuple[int, ...]


async def overlays(log: OverlayLog, aim: Aim | None, *, lanes: int) -> list[Shown]:
    """The overlays of a scope, above it and below it; or all. The general first. Raises LogUnavailable, Refused."""
    found = await asyncio.gather(*(log.overlays(lane) for lane in range(lanes)))
    newest: dict[str, Overlay] = {}
    held: dict[str, dict[int, int]] = {}
    for lane, records in enumerate(found):
        for overlay in _decoded(records):
            held.setdefault(overlay.scope, {})[lane] = overlay.version
            known = newest.get(overlay.scope)
            if known is None or known.version < overlay.version:
                newest[overlay.scope] = overlay
    return [
        _shown(overlay, held[scope], lanes)
        for scope, overlay in sorted(newest.items())
        if not overlay.over and (aim is None or related(scope, aim.scope))
    ]


def _decoded(records: Iterable[Stored]) -> list[Overlay]:
    return [decode_overlay(record.subject, record.data) for record in records]


def _shown(overlay: Overlay, versions: dict[int, int], lanes: int) -> Shown:
    parts = overlay.scope.split(".", 2)
    wanted = range(lanes) if len(parts) < 3 else (lane_of(parts[2], lanes),)
    having = tuple(lane for lane in wanted if versions.get(lane) == overlay.version)
    return Shown(overlay, having, tuple(lane for lane in wanted if lane not in having))


def related(scope: str, other: str) -> bool:
    """Whether one is above the other, or the same."""
    return f"{scope}.".startswith(f"{other}.") or f"{other}.".startswith(f"{scope}.")


async def trail(log: OverlayLog, aim: Aim | None, *, limit: int) -> list[Change]:
    """The last changes, oldest first, each once: of a scope with all below it, or of all. Raises LogUnavailable."""
    records = await log.recorded(None if aim is None else audit_subject(aim.scope), limit)
    changes = [decode_change(record.subject, record.data) for record in records]
    return list({change.id: change for change in changes}.values())
