"""News of accounts: each once, in order, none missing, and nobody else's (S8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bench.chaos.checkers.sql import statement
from bench.chaos.checkers.violation import Violation
from bench.chaos.device import Listener


async def check_news(connection: Any, listeners: Sequence[Listener]) -> list[Violation]:
    """Of all listeners that ever heard a state; they ask for what they lack first."""
    found: list[Violation] = []
    for listener in listeners:
        rows = await connection.fetch(statement("news"), listener.account)
        if listener.began is not None:
            await listener.catch_up()
            found += check_told(listener, [(row["seq"], row["kind"]) for row in rows])
        mine = {row[0] for row in await connection.fetch("SELECT bet FROM bets.bet WHERE owner = $1", listener.account)}
        found += [
            Violation("S8", listener.account, f"was told of {data['bet']}, which is another's")
            for _, _, data in listener.told
            if "bet" in data and data["bet"] not in mine
        ]
        found += [Violation("S8", listener.account, f"heard {message}") for message in listener.strange[:5]]
    return found


def check_told(listener: Listener, rows: Sequence[tuple[int, str]]) -> Iterator[Violation]:
    """What was told from the first state on is what was to be told by then, word for word."""
    wanted = [row for row in rows if row[0] > (listener.began or 0)]
    newest = wanted[-1][0] if wanted else 0
    told = [(seq, kind) for seq, kind, _ in listener.told if seq <= newest]
    if told != wanted:
        missing = [row for row in wanted if row not in set(told)]
        what = f"was told {len(told)} news of {len(wanted)}, missing {missing[:5]}, last {told[-1:]} of {wanted[-1:]}"
        yield Violation("S4", listener.account, what)
