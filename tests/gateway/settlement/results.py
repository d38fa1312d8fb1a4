"""Sayings about markets, as tests make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feeds.contract.results import MarketResult, ResultKind, SelectionResult, Settlement, Share
from gateway.settlement.sayings import Saying

WON = SelectionResult("", w=Share(1))
LOST = SelectionResult("")
VOID = SelectionResult("", v=Share(1))
HALF_WON = SelectionResult("", w=Share(1, 2), v=Share(1, 2))
HALF_LOST = SelectionResult("", v=Share(1, 2))


def result(market: str, ts: int, kind: ResultKind = "settled", **more: Any) -> MarketResult:
    """One saying; `x`: what became of selections by name, first won and second lost where it is not told."""
    x: Mapping[str, SelectionResult] = more.pop("x", {"O1": WON, "O2": LOST} if kind == "settled" else {})
    selections = tuple(SelectionResult(name, one.w, one.v, one.dh) for name, one in x.items())
    return MarketResult(market, "E1", "football.nfl.E1", kind, ts, selections=selections, **more)


def said(market: str, ts: int, kind: ResultKind = "settled", **more: Any) -> Settlement:
    """The same, as it stands on the bus."""
    return Settlement("alpha", 0, "2026-11-26T00:00:00", 1, result(market, ts, kind, **more))


def saying(id_: str, one: MarketResult) -> Saying:
    """What the fold needs of it."""
    return Saying(id_, one.kind, one.ts, one.certainty, one.from_ms, one.to_ms)
