"""What the database itself refuses, and what `ledger verify` finds where somebody went past it. On every PostgreSQL."""

# ruff: noqa: E501 a statement is a line

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from gateway.money.audit import audit
from gateway.money.main import report
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import Worker, fund, money_pool


@pytest.fixture
async def ledger(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """u1 has 100.00, of which 10.00 are staked; u2 has 50.00."""
    await migrate(settings)
    async with money_pool(settings) as database:
        await fund(database, "u1", 10_000)
        await fund(database, "u2", 5_000)
        worker = Worker(database)
        async with worker.client:
            assert (await worker.place()).status_code == 201
            await worker.service.once.finish()
        yield database


JOURNAL = "INSERT INTO money.journal (source_key, kind, at, entries) VALUES ('made', 'made', now(), {entries})"
ENTRY = (
    "INSERT INTO money.entry (journal, place, account, amount) SELECT j.journal, {place}, a.account, {amount}"
    " FROM money.journal AS j, money.account AS a WHERE j.source_key = '{journal}' AND a.owner = '{owner}'"
    " AND a.kind = '{kind}' AND a.stripe = 0 AND a.currency = '{currency}'"
)


def made(*lines: tuple[str, str, int], entries: int = 2, currency: str = "USD") -> list[str]:
    """The statements of a journal."""
    said = [
        ENTRY.format(place=place, amount=amount, owner=owner, kind=kind, journal="made", currency=currency)
        for place, (owner, kind, amount) in enumerate(lines, start=1)
    ]
    return [JOURNAL.format(entries=entries), *said]


LATE = ENTRY.format(place=3, amount=5, owner="u1", kind="user:cash", journal="bet", currency="USD")
POSTED = (
    "INSERT INTO money.posting (at, journals, source_keys, kinds, bets, accounts, amounts)"
    " SELECT now(), ARRAY{journals}, array_fill('p'::text, ARRAY[{n}]), array_fill('p'::text, ARRAY[{n}]),"
    " array_fill(NULL::text, ARRAY[{n}]), ARRAY[{accounts}], ARRAY{amounts}::bigint []"
    " FROM money.account AS a, money.account AS b WHERE a.owner = 'u1' AND b.owner = 'u2'"
    " AND a.kind = 'user:cash' AND b.kind = 'user:cash'"
)


def posted(*amounts: int, journals: Sequence[int] = (1, 1), accounts: str = "a.account, b.account") -> list[str]:
    """A posting of entries to the cash of u1 and of u2 in turn."""
    return [POSTED.format(journals=list(journals), n=len(amounts), accounts=accounts, amounts=list(amounts))]


BOTH_TWICE = "a.account, b.account, a.account, b.account"
REFUSED: dict[str, list[str]] = {
    "a posting that does not sum to zero": posted(5, -4),
    "a posting of one entry": posted(5, journals=[1], accounts="a.account"),
    "a posting to nobody": posted(5, -5, accounts="a.account, -1"),
    "a posting below zero": posted(-9_001, 9_001),
    "a posting below zero meanwhile": [sql.replace("array_fill('p'::text, ARRAY[4])", "ARRAY['p','p','q','q']", 1) for sql in posted(-9_001, 9_001, 9_001, -9_001, journals=[1, 1, 2, 2], accounts=BOTH_TWICE)],
    "a posting twice": posted(5, -5) * 2,
    "a journal that does not sum to zero": made(("u1", "user:cash", 5), ("u2", "user:cash", -4)),
    "a journal of one entry": made(("u1", "user:cash", 5)),
    "a journal without entries": [JOURNAL.format(entries=2)],
    "a journal that says one": [JOURNAL.format(entries=1)],
    "another entry of a journal": [*made(("u1", "user:cash", 5), ("u2", "user:cash", -5)), LATE.replace("'bet'", "'made'")],
    "cash below zero": made(("u1", "user:cash", -9_001), ("u2", "user:cash", 9_001)),
    "open stakes below zero": made(("u1", "user:open_stakes", -1_001), ("u1", "user:cash", 1_001)),
    "a receivable above zero": made(("u1", "user:receivable", 1), ("u1", "user:cash", -1)),
    "an entry of nothing": made(("u1", "user:cash", 0), ("u2", "user:cash", 0)),
    "a journal twice": ["INSERT INTO money.journal (source_key, kind, at, entries) SELECT source_key, kind, at, entries FROM money.journal LIMIT 1"],
    "a changed entry": ["UPDATE money.entry SET amount = amount + 1"],
    "an entry that goes": ["DELETE FROM money.entry"],
    "all entries that go": ["TRUNCATE money.entry"],
    "a changed journal": ["UPDATE money.journal SET bet = 'B'"],
    "a journal that goes": ["DELETE FROM money.journal WHERE FALSE"],
    "a changed balance": ["UPDATE money.account SET balance = balance + 1 WHERE owner = 'u1'"],
    "a changed version": ["UPDATE money.account SET version = 9 WHERE owner = 'u1'"],
    "an account that goes": ["DELETE FROM money.account"],
    "an account that begins with money": ["INSERT INTO money.account (owner, kind, currency, balance) VALUES ('u3', 'user:cash', 'USD', 5)"],
    "an account of a user's at the house": ["INSERT INTO money.account (owner, kind, currency) VALUES ('house', 'user:cash', 'USD')"],
    "a hold that begins resolved": ["INSERT INTO money.hold (bet, owner, currency, amount, state, opened, resolved) VALUES ('B', 'u1', 'USD', 1, 'posted', 1, 2)"],
    "a hold that is resolved twice": [
        "UPDATE money.hold SET state = 'posted', resolved = -1",
        "UPDATE money.hold SET state = 'voided', resolved = -2",
    ],
    "a hold that changes": ["UPDATE money.hold SET state = 'posted', resolved = -1, amount = 1"],
    "a second open hold": ["INSERT INTO money.hold (bet, turn, owner, currency, amount, opened) SELECT bet, 1, owner, currency, amount, -1 FROM money.hold"],
    "a hold that goes": ["DELETE FROM money.hold"],
    "a key that changes": ["UPDATE money.key SET fingerprint = '\\x00', answer = NULL"],
    "an answer that changes": ["UPDATE money.key SET answer = '\\x00'"],
    "a key that goes": ["DELETE FROM money.key"],
    "a key used twice": ["INSERT INTO money.key SELECT * FROM money.key WHERE verb = 'bet'"],
    "a second step of a revision": ["INSERT INTO settlement.step (bet, revision, market, market_revision, state_before, state, cash, receivable, at) SELECT 'B', 1, 'M', 1, 'accepted', state, 0, 0, now() FROM unnest(ARRAY['won', 'lost']) AS state"],
    "a deposit that limits forget": ["DELETE FROM money.movement"],
    "what was told": ["UPDATE money.outbox SET kind = 'x'"],
    "a wallet that goes": ["DELETE FROM money.wallet"],
    "a second bet of a key": ["INSERT INTO bets.bet (bet, owner, client_key, type, stake, currency, potential_payout, state, click, location, placed) SELECT 'B', owner, client_key, type, stake, currency, potential_payout, state, click, location, placed FROM bets.bet"],
    "a bet that changes": ["UPDATE bets.bet SET stake = 1"],
    "a bet that goes": ["DELETE FROM bets.bet"],
    "a leg that changes": ["UPDATE bets.leg SET milli = 9000"],
}  # fmt: skip


async def carry_out(ledger: Database, statements: Sequence[str]) -> None:
    """In one transaction."""
    async with ledger.connection() as connection, connection.transaction():
        for sql in statements:
            await connection.execute(sql)


async def test_the_database_itself_refuses(ledger: Database) -> None:
    for statements in REFUSED.values():
        with pytest.raises((asyncpg.IntegrityConstraintViolationError, asyncpg.RestrictViolationError)):
            await carry_out(ledger, statements)
    found = await audit(ledger, print)
    assert found.clean, found.differences
    assert report(found)[-1].startswith("ledger clean: ")


async def test_journals_sum_to_zero_in_each_currency(ledger: Database) -> None:
    await ledger.execute("SELECT money.open_wallet('u3', 'EUR')")
    dollars, euros = made(("u1", "user:cash", 5))[1], made(("u3", "user:receivable", -5), currency="EUR")[1]
    lines = dollars, euros.replace("j.journal, 1, ", "j.journal, 2, ")
    with pytest.raises(asyncpg.CheckViolationError, match="does not sum to zero"):
        await carry_out(ledger, [JOURNAL.format(entries=2), *lines])


TAMPERED: dict[str, tuple[str, str]] = {
    "an amount": ("L2", "UPDATE money.entry SET amount = amount + 1, balance = balance + 1 WHERE version = 1 AND amount > 0"),
    "a history": ("L3", "UPDATE money.journal SET kind = 'bonus' WHERE kind = 'deposit'"),
    "a time": ("L3", "UPDATE money.journal SET at = at + interval '1 microsecond'"),
    "a balance": ("L6", "UPDATE money.account SET balance = balance + 1 WHERE owner = 'u1' AND kind = 'user:cash'"),
    "an entry that is gone": ("L3", "DELETE FROM money.entry WHERE version = 1 AND amount > 0"),
    "a journal that is gone": ("L2", "DELETE FROM money.journal WHERE kind = 'hold'"),
    "a smaller hold": ("L4", "UPDATE money.hold SET amount = amount - 1"),
    "a hold resolved by nothing": ("L7", "UPDATE money.hold SET state = 'posted', resolved = -1"),
    "a second turn": ("L8", "INSERT INTO money.hold (bet, turn, owner, currency, amount, state, opened, resolved) SELECT bet, 2, owner, currency, amount, 'voided', -1, -2 FROM money.hold"),
    "a bet without a key": ("B1", "DELETE FROM money.key WHERE verb = 'bet'"),
    "a bet that lost": ("L7", "UPDATE bets.bet SET state = 'lost'"),
    "a cash-out of nothing": ("C1", "UPDATE bets.bet SET cashed_stake = 1, cashed_out = 1"),
    "a cash-out that took no hold": ("C1", "INSERT INTO bets.cash_out SELECT 'C1', bet, 0, owner, 'k', 100, 95, 900, '{1909}', now(), '{}' FROM bets.bet"),
    "a cash-out of no bet": ("C1", "INSERT INTO bets.cash_out VALUES ('C1', 'B9', 0, 'u1', 'k', 100, 95, 0, '{1909}', now(), '{}')"),
    "a deposit that no limit sees": ("C2", "DELETE FROM money.movement WHERE owner = 'u1'"),
    "a deposit that is smaller for limits": ("C2", "UPDATE money.movement SET amount = 1"),
    "one account alone": ("L1", "UPDATE money.entry SET amount = amount + 1 WHERE amount < 0"),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
async def test_what_went_past_the_triggers_is_found(what: str, ledger: Database) -> None:
    rule, sql = TAMPERED[what]
    async with ledger.connection() as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("ALTER TABLE money.entry DROP CONSTRAINT entry_adds_up")
        await connection.execute(sql)
        await connection.execute("SET session_replication_role = origin")
    found = await audit(ledger, print)
    assert rule in found.differing, found.differences
    assert report(found)[-1].startswith("ledger DIFFERS: ")


async def test_guards_that_are_off_are_found(ledger: Database) -> None:
    await ledger.execute("ALTER TABLE money.entry DISABLE TRIGGER entry_stays")
    await ledger.execute("DROP TRIGGER hold_resolves_once ON money.hold")
    found = await audit(ledger, print)
    assert [(one.rule, one.what) for one in found.differences] == [
        ("L5", "trigger entry_stays is missing or disabled"),
        ("L5", "trigger hold_resolves_once is missing or disabled"),
    ]
