"""Each rule of the database is broken on purpose, where no trigger can prevent it: its checker says so."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bench.chaos.checkers.bets import check_moments
from bench.chaos.checkers.database import asked
from bench.chaos.checkers.ledger import check_ledger
from bench.chaos.checkers.settlement import Results, check_settlement
from tests.bench.chaos.conftest import SAID

CORRECTION = """
INSERT INTO correction.job (
    correction, state, reason, operator, drafter, drafted, draft, outcomes, totals, hash, approver, approved
) VALUES ('C1', 'done', 'r', 'o', 'jo', now(), '', '', '{}', '\\x', 'sam', now());
INSERT INTO correction.bet VALUES (
    'C1', 1, 'B1', 'ann', 'M1', 1, 1000, 'won', 2000, 'lost', 0, -2000, -2000, 0, TRUE, 'p', 'US-PA'
);
INSERT INTO correction.owner VALUES ('C1', 'ann', 1, 'USD', 1, -1999, 0, now());
"""

PLANTED = {
    "L1": "UPDATE money.entry SET amount = amount + 1, balance = balance + 1 WHERE account = 1 AND version = 1",
    "L2": "UPDATE money.journal SET entries = entries + 1 WHERE journal = 1",
    "L3": "UPDATE money.entry SET hash = '\\x00' WHERE (account, version) = (SELECT min(account), 1 FROM money.entry)",
    "L4": "UPDATE money.account SET balance = balance + 1 WHERE kind = 'user:open_stakes'",
    "L5": "ALTER TABLE money.entry DISABLE TRIGGER entry_stays",
    "L6": "UPDATE money.account SET balance = balance + 1 WHERE kind = 'user:cash'",
    "L7": "UPDATE money.hold SET state = 'open', resolved = NULL WHERE state <> 'open'",
    "R8": "UPDATE money.entry SET balance = -1, previous = -1 - amount FROM money.account"
    " WHERE account.account = entry.account AND kind = 'user:cash'",
    "B1": "UPDATE money.key SET subject = 'another'",
    "B5": "SELECT",  # bets of this scratch were written without a location
    "B8": "UPDATE money.key SET verb = 'tombstone'",
    "R1": "UPDATE bets.bet SET payout = payout + 1 WHERE state = 'won'",
    "R3": "DELETE FROM settlement.step WHERE revision = 1",
    "R4": "UPDATE settlement.step SET market_revision = 99 WHERE revision = 1",
    "R5": CORRECTION,
    "R6": "UPDATE bets.leg SET milli = milli + 1000",
    "R7": "UPDATE bets.bet SET state = 'lost' WHERE state = 'won'",
}
BEFORE = {"B5"}


def results() -> Results:
    """As the log of results has them."""
    said: dict[str, list[dict[str, Any]]] = {}
    for one in SAID:
        said.setdefault(one.result.market, []).append(msgspec.json.decode(msgspec.json.encode(one.result)))
    return said


async def rules(connection: Any) -> set[str]:
    found = await check_ledger(connection)
    found += await check_settlement(connection, results())
    found += await asked(connection, "bets")
    return {violation.rule for violation in found}


async def test_each_rule_that_is_broken_is_found(scratch: Any) -> None:
    assert await rules(scratch) == BEFORE
    for rule, planted in PLANTED.items():
        undone = scratch.transaction(isolation="repeatable_read")
        await undone.start()
        await scratch.execute("SET LOCAL session_replication_role = replica")
        await scratch.execute(planted)
        await scratch.execute("SET LOCAL session_replication_role = origin")
        assert rule in await rules(scratch), planted
        await undone.rollback()
    assert await rules(scratch) == BEFORE


@pytest.mark.parametrize(("outcome", "found"), [('{"settled":true}', 1), ("{}", 0)])
def test_a_bet_after_its_result_is_found(outcome: str, found: int) -> None:
    rows = [("B1", "M1", "placed", "12:00:01", "12:00:00", outcome)]
    assert [violation.rule for violation in check_moments(rows)] == ["B6"] * found
