"""The history of a bet, as its user sees it: every settlement of it, by which result, and why."""

from __future__ import annotations

from typing import Any

from gateway.bets.bet import time_text
from gateway.money.amounts import amount_text
from gateway.settlement.corrections.sql import statement
from gateway.store.pool import Database


class BetHistory:
    """Over one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, owner: str, bet: str) -> list[dict[str, Any]] | None:
        """Every step of a user's bet, the oldest first; None: the user has no such bet. Raises DatabaseUnavailable."""
        rows = await self._database.fetch(statement("steps_of_bet"), owner, bet)
        if not rows:
            owned = await self._database.row("SELECT FROM bets.bet WHERE owner = $1 AND bet = $2", owner, bet)
            return None if owned is None else []
        return [_step(row) for row in rows]


def _step(row: Any) -> dict[str, Any]:
    currency = row["currency"]
    return {
        "revision": row["revision"],
        "at": time_text(row["at"]),
        "market": row["market"],
        "state_before": row["state_before"],
        "payout_before": _text(row["payout_before"], currency),
        "state": row["state"],
        "payout": _text(row["payout"], currency),
        "cash": amount_text(row["cash"], currency),
        "owed": amount_text(-row["receivable"], currency),
        "waived": amount_text(row["waived"], currency),
        "correction": row["correction"],
        "reason": row["reason"],
    }


def _text(minor: int | None, currency: str) -> str | None:
    return None if minor is None else amount_text(minor, currency)
