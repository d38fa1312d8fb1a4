"""The ledger recounted: folds over its rows as they stand, which say what differs from the rules. Pure.

Rows come in order and are let go of: a fold holds one account, one journal or one user at a time. Hashes are computed
here anew, by this code and not by the database's.

L1 sums are zero per currency; L2 of each journal; L3 chains are intact; L4 cash is never below zero and holds are the
open stakes; L5 what makes the ledger append-only stands; L6 balances are folds of entries; L7 a hold resolves once;
L8 turns of a bet follow each other, each with journals of its own; C1 cash-outs of a bet are what it says, each of one
key, and of the one hold that it took; C2 deposits and withdrawals, as limits count them, are those of the journals.
What results make of bets, R1 and R6, gateway/settlement/recount.py knows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal, NamedTuple

Rule = Literal["L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "B1", "C1", "C2", "R1", "R5", "R6"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Difference(NamedTuple):
    """What is not as it must be."""

    rule: Rule
    where: str
    what: str


Differences = Iterator[Difference]


class AccountRow(NamedTuple):
    """An account, with one of its entries and that entry's journal; `version` None: it has no entry."""

    account: int
    owner: str
    kind: str
    currency: str
    held_balance: int
    held_version: int
    held_hash: bytes
    version: int | None
    place: int | None
    amount: int
    previous: int
    balance: int
    hash: bytes
    source_key: str | None
    journal_kind: str | None
    bet: str | None
    at: datetime | None


class Accounts:
    """Rows by account and version: L1, L3, L4 (cash), L6."""

    def __init__(self) -> None:
        self.entries = 0
        self.accounts = 0
        self._sums: Counter[str] = Counter()
        self._last: AccountRow | None = None
        self._balance = 0
        self._version = 0
        self._hash = b""

    def row(self, row: AccountRow) -> Differences:
        """The next row."""
        if self._last is None or row.account != self._last.account:
            yield from self._account_ends()
            self._balance, self._version, self._hash = 0, 0, b""
            self.accounts += 1
        self._last = row
        if row.version is not None:
            self.entries += 1
            yield from self._entry(row)

    def end(self) -> Differences:
        """There is no other row."""
        yield from self._account_ends()
        for currency, total in sorted(self._sums.items()):
            if total:
                yield Difference("L1", currency, f"all accounts sum to {total}")

    def _entry(self, row: AccountRow) -> Differences:
        where = f"{row.owner} {row.kind} {row.account}, version {row.version}"
        if row.source_key is None:
            yield Difference("L2", where, "its journal is missing")
        if row.version != self._version + 1:
            yield Difference("L3", where, f"follows version {self._version}")
        if (row.previous, row.balance) != (self._balance, self._balance + row.amount):
            told = f"{row.previous} + {row.amount} = {row.balance}"
            yield Difference("L6", where, f"says {told}, entries before it sum to {self._balance}")
        if row.hash != entry_hash(self._hash, row):
            yield Difference("L3", where, "its hash does not follow from what is before it")
        if row.balance < 0 and row.kind in ("user:cash", "user:open_stakes"):
            yield Difference("L4", where, f"is {row.balance}, below zero")
        if row.balance > 0 and row.kind == "user:receivable":
            yield Difference("L4", where, f"is {row.balance}: the user would owe less than nothing")
        self._sums[row.currency] += row.amount
        self._balance += row.amount
        self._version, self._hash = row.version or 0, row.hash

    def _account_ends(self) -> Differences:
        row = self._last
        if row is None:
            return
        folded = (self._balance, self._version, self._hash)
        if folded != (row.held_balance, row.held_version, row.held_hash):
            where = f"{row.owner} {row.kind} {row.account}"
            held = f"{row.held_balance} at version {row.held_version}"
            yield Difference("L6", where, f"holds {held}, its entries give {folded[0]} at version {folded[1]}")


def entry_hash(before: bytes, row: AccountRow) -> bytes:
    """The hash of an entry after that of the one before it, as the migration 0003 defines it."""
    since = (row.at or _EPOCH) - _EPOCH
    at_us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    journal = (row.source_key, row.journal_kind, row.bet or "", at_us, row.place)
    said = (*journal, row.account, row.version, row.currency, row.amount, row.previous, row.balance)
    return hashlib.sha256(before + "|".join(map(str, said)).encode()).digest()


class JournalRow(NamedTuple):
    """A journal with one of its entries; `place` None: it has none."""

    journal: int
    source_key: str
    entries: int
    place: int | None
    currency: str | None
    amount: int


class Journals:
    """Rows by journal: L2."""

    def __init__(self) -> None:
        self.journals = 0
        self._last: JournalRow | None = None
        self._sums: Counter[str] = Counter()
        self._entries = 0

    def row(self, row: JournalRow) -> Differences:
        """The next row."""
        if self._last is None or row.journal != self._last.journal:
            yield from self.end()
            self._sums.clear()
            self._entries = 0
            self.journals += 1
        self._last = row
        if row.place is not None:
            self._entries += 1
            self._sums[row.currency or "no account"] += row.amount

    def end(self) -> Differences:
        """There is no other row, of this journal at least."""
        row = self._last
        if row is None:
            return
        if self._entries != row.entries:
            yield Difference("L2", row.source_key, f"has {self._entries} entries, and says {row.entries}")
        for currency, total in sorted(self._sums.items()):
            if total:
                yield Difference("L2", row.source_key, f"sums to {total} {currency}")


class HoldRow(NamedTuple):
    """A hold, what its journals moved on the user's open stakes, and its bet. `in_order`: the turn before it is
    resolved, and by an earlier journal than the one that opened it; `last`: there is no later turn."""

    owner: str
    bet: str
    turn: int
    amount: int
    state: str
    opened_moved: int | None
    resolved_moved: int | None
    in_order: bool
    bet_state: str | None
    last: bool


_HOLD_OF = {
    "pending_acceptance": "open",
    "accepted": "open",
    "under_review": None,
    "won": "resolved",
    "lost": "resolved",
    "void": "resolved",
    "cashed_out": "posted",
    "refused": "voided",
}
"""The state of a bet's last hold, by the bet's; `resolved`: not open, and as the first result had it, which another one
may have corrected since; None: any."""


class Holds:
    """Rows by bet and turn: L7, L8. Of each user the open holds are summed up: L4, by `check_open`."""

    def __init__(self) -> None:
        self.holds = 0

    def row(self, row: HoldRow) -> Differences:
        """The next row."""
        self.holds += 1
        where = f"{row.owner} {row.bet}, turn {row.turn}"
        if row.opened_moved != row.amount:
            yield Difference("L7", where, f"holds {row.amount}, its journal put aside {row.opened_moved}")
        if row.state != "open" and row.resolved_moved != -row.amount:
            yield Difference("L7", where, f"was {row.state}, its journal moved {row.resolved_moved} of {row.amount}")
        if not row.in_order:
            yield Difference("L8", where, "did not begin when the turn before it was resolved")
        if row.bet_state is None:
            yield Difference("L7", where, "there is no such bet")
        elif row.last and not _fits(row.state, _HOLD_OF[row.bet_state]):
            yield Difference("L7", where, f"is {row.state}, and the bet {row.bet_state}")


def _fits(state: str, wanted: str | None) -> bool:
    return wanted is None or state == wanted or (wanted == "resolved" and state != "open")


def check_open(owner: str, currency: str, *, held: int, open_stakes: int) -> Differences:
    """L4: the holds of a user are the user's open stakes."""
    if held != open_stakes:
        yield Difference("L4", f"{owner} {currency}", f"holds of {held}, and open stakes of {open_stakes}")


def check_bet(bet: str, state: str, *, keys: int, holds: int) -> Differences:
    """B1: a bet is of one key, and has put its stake aside unless it was refused."""
    if keys != 1:
        yield Difference("B1", bet, f"{keys} keys made it")
    if not holds and state != "refused":
        yield Difference("L7", bet, f"is {state}, and never put its stake aside")


class CashOutRow(NamedTuple):
    """A bet of which something was cashed out, with one of its cash-outs; `cash_out` None: it has none. `held`: the
    hold that was posted, `its_own` by a journal of this cash-out, which moved `cash_moved`; `rest_held`: the next."""

    bet: str | None
    whole: bool
    bet_stake: int
    cashed_stake: int
    cashed_out: int
    cash_out: str | None
    stake: int
    amount: int
    open_stake: int
    keys: int
    held: int | None
    its_own: bool | None
    cash_moved: int | None
    rest_held: int | None


class CashOuts:
    """Rows by bet and turn: C1."""

    def __init__(self) -> None:
        self.cash_outs = 0
        self._last: CashOutRow | None = None
        self._stake = 0
        self._amount = 0

    def row(self, row: CashOutRow) -> Differences:
        """The next row."""
        if self._last is None or row.bet != self._last.bet:
            yield from self.end()
            self._stake, self._amount = 0, 0
        self._last = row
        if row.cash_out is None:
            return
        self.cash_outs += 1
        self._stake += row.stake
        self._amount += row.amount
        yield from self._cash_out(row, row.cash_out)

    def _cash_out(self, row: CashOutRow, where: str) -> Differences:
        if row.bet is None:
            yield Difference("C1", where, "there is no such bet")
            return
        if row.keys != 1:
            yield Difference("C1", where, f"{row.keys} keys made it")
        if row.held != row.stake + row.open_stake or row.its_own is not True:
            yield Difference("C1", where, f"took {row.stake} and left {row.open_stake}, of a hold of {row.held}")
        if row.cash_moved != row.amount:
            yield Difference("C1", where, f"is of {row.amount}, and paid {row.cash_moved}")
        if row.open_stake != row.bet_stake - self._stake or (row.open_stake and row.rest_held != row.open_stake):
            yield Difference("C1", where, f"left {row.open_stake}, and {row.rest_held} were put aside again")

    def end(self) -> Differences:
        """There is no other row, of this bet at least."""
        row = self._last
        if row is None or row.bet is None:
            return
        if (self._stake, self._amount) != (row.cashed_stake, row.cashed_out):
            said = f"{row.cashed_out} for {row.cashed_stake}"
            yield Difference("C1", row.bet, f"says {said}, its cash-outs are {self._amount} for {self._stake}")
        if row.whole != (row.cashed_stake == row.bet_stake):
            yield Difference("C1", row.bet, f"{row.cashed_stake} of {row.bet_stake} are cashed out")


def check_movement(source_key: str) -> Differences:
    """C2: `source_key` differs."""
    yield Difference("C2", source_key, "is not what its journal says")


GUARDS = {
    "account": ("account_begins_empty", "account_only_by_entries", "account_stays"),
    "entry": ("entry_chained", "entry_stays"),
    "journal": ("journal_sums_to_zero", "journal_stays"),
    "posting": ("posting_posts",),
    "outbox": ("outbox_stays",),
    "hold": ("hold_begins_open", "hold_resolves_once", "hold_stays"),
    "key": ("key_only_forgets", "key_stays"),
    "wallet": ("wallet_stays",),
    "movement": ("movement_stays",),
}
"""The triggers that keep the ledger, by table of `money`."""


def check_guards(working: set[tuple[str, str]]) -> Differences:
    """L5: `working` are table and name of the triggers that are there and not disabled."""
    for table, names in GUARDS.items():
        for name in names:
            if (table, name) not in working:
                yield Difference("L5", f"money.{table}", f"trigger {name} is missing or disabled")
