"""Exchange Stream lines of our own making, for tests: a market, its definition, its changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

MARKET = "1.500000001"


def runner(runner_id: int, status: str = "ACTIVE", **more: Any) -> dict[str, Any]:
    """A runner of a definition."""
    return {"id": runner_id, "status": status, **more}


def definition(status: str = "OPEN", *, runners: Sequence[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """A whole marketDefinition: a race of two unless told otherwise."""
    return {
        "status": status,
        "inPlay": False,
        "eventId": "31000001",
        "eventTypeId": "7",
        "marketType": "WIN",
        "bettingType": "ODDS",
        "marketTime": "2030-05-01T14:30:00.000Z",
        "openDate": "2030-05-01T13:00:00.000Z",
        "version": 1,
        "runners": [runner(11), runner(12)] if runners is None else list(runners),
        **more,
    }


def change(*rc: dict[str, Any], market: str = MARKET, **more: Any) -> dict[str, Any]:
    """A change of one market; `rc` are its runner changes."""
    return {"id": market, **more, **({"rc": list(rc)} if rc else {})}


def line(*changes: dict[str, Any], pt: int = 1_900_000_000_000, **envelope: Any) -> bytes:
    """One mcm line."""
    return orjson.dumps({"op": "mcm", "clk": "AAA", "pt": pt, **envelope, "mc": list(changes)})


def opening(*rc: dict[str, Any], **more: Any) -> bytes:
    """The line a market begins with."""
    return line(change(*rc, marketDefinition=definition(**more)))
