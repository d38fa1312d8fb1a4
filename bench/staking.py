"""Bets by the hundred thousand, straight into a database: rows as placing writes them, but many in one statement.

The database's own rules hold for them as for any other; `ledger verify` finds nothing. Users begin with what no
deposit brought.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import count, islice
from typing import Any, NamedTuple, TypeVar

from gateway.money import journals
from gateway.money.amounts import payout_of
from gateway.money.journals import Lines
from gateway.settlement.sql import statement
from gateway.store.pool import Database

_T = TypeVar("_T")

CURRENCY = "USD"
BATCH = 1_000

_OPENINGS = count(1)

_WALLETS = "SELECT money.open_wallet(owner, $2) FROM unnest($1::text []) AS owner"
_ACCOUNTS = """
SELECT owner, kind, account FROM money.account
WHERE owner = ANY($1) OR (owner = 'house' AND currency = 'USD' AND stripe = 0)
"""
_KEYS = """
INSERT INTO money.key (owner, client_key, verb, fingerprint, subject, status, made)
SELECT owner, client_key, 'bet', '\\x00', bet, 201, $4
FROM unnest($1::text [], $2::text [], $3::text []) AS one (owner, client_key, bet)
"""
_BETS = """
INSERT INTO bets.bet (
    bet, owner, client_key, type, stake, currency, potential_payout, state, click, location, placed
)
SELECT bet, owner, client_key, type, stake, 'USD', potential, 'accepted', decode(md5(bet), 'hex'), '{}', $7
FROM unnest($1::text [], $2::text [], $3::text [], $4::text [], $5::bigint [], $6::bigint [])
    AS one (bet, owner, client_key, type, stake, potential)
"""
_LEGS = """
INSERT INTO bets.leg (bet, place, event, market, selection, milli, asked, asked_s, s, policy)
SELECT bet, place, 'E1', market, selection, milli, milli, 1, 1, 'exact'
FROM unnest($1::text [], $2::smallint [], $3::text [], $4::text [], $5::integer [])
    AS one (bet, place, market, selection, milli)
"""
_HOLDS = """
INSERT INTO money.hold (bet, owner, currency, amount, opened)
SELECT one.bet, one.owner, 'USD', one.stake, (
    SELECT journal FROM money.journal WHERE source_key = 'bet/' || one.bet || '/hold/0'
)
FROM unnest($1::text [], $2::text [], $3::bigint []) AS one (bet, owner, stake)
"""
_NEWS = "SELECT money.tell_all($1, $2, $3, $4)"


class Staked(NamedTuple):
    """A bet to be written. `legs`: market, selection, price in thousandths."""

    bet: str
    owner: str
    stake: int
    legs: tuple[tuple[str, str, int], ...]

    @property
    def potential(self) -> int:
        """What it may pay."""
        return payout_of(self.stake, (milli for _, _, milli in self.legs))


def bet_id(number: int, seed: str = "") -> str:
    """Ids as the gateway's: nobody knows where the next one falls."""
    return "B" + hashlib.blake2b(f"{seed}{number}".encode(), digest_size=12).hexdigest()


async def fund(database: Database, owners: Sequence[str], cents: int, at: datetime) -> None:
    """A wallet for each, with so much in it."""
    for part in _parts(owners):
        async with database.connection() as connection, connection.transaction():
            await connection.execute(_WALLETS, part, CURRENCY)
            accounts = await _accounts(connection, part)
            paid = [(f"opening/{o}/{next(_OPENINGS)}", "opening", None, o, journals.deposit(cents)) for o in part]
            await _post(connection, at, paid, accounts)


async def stake(database: Database, bets: Iterable[Staked], at: datetime) -> None:
    """Writes bets of funded users, all placed at the same time."""
    for part in _parts(bets):
        async with database.connection() as connection, connection.transaction():
            await _stake(connection, part, at)


async def _stake(connection: Any, bets: list[Staked], at: datetime) -> None:
    owners = sorted({bet.owner for bet in bets})
    await connection.execute("SELECT FROM money.wallet WHERE owner = ANY($1) ORDER BY owner FOR UPDATE", owners)
    accounts = await _accounts(connection, owners)
    held = [(f"bet/{b.bet}/hold/0", "hold", b.bet, b.owner, journals.hold(b.stake)) for b in bets]
    await _post(connection, at, held, accounts)
    ids, whose, stakes = [b.bet for b in bets], [b.owner for b in bets], [b.stake for b in bets]
    keys = [f"staked-bet-{b.bet:0>12}" for b in bets]
    types = ["single" if len(b.legs) == 1 else "parlay" for b in bets]
    await connection.execute(_KEYS, whose, keys, ids, at)
    await connection.execute(_BETS, ids, whose, keys, types, stakes, [b.potential for b in bets], at)
    legs = [(b.bet, place, *leg) for b in bets for place, leg in enumerate(b.legs, start=1)]
    await connection.execute(_LEGS, *map(list, zip(*legs, strict=True)))
    await connection.execute(_HOLDS, ids, whose, stakes)
    exposed: dict[tuple[str, str], list[int]] = {}
    for bet in bets:
        for market, selection, _ in bet.legs:
            sums = exposed.setdefault((market, selection), [0, 0])
            sums[0] += bet.stake
            sums[1] += bet.potential - bet.stake
    rows = [(CURRENCY, *where, *sums) for where, sums in sorted(exposed.items())]
    await connection.execute(statement("expose"), *map(list, zip(*rows, strict=True)))
    markets = sorted({market for market, _ in exposed})
    await connection.execute(statement("open_results"), markets, ["E1"] * len(markets))
    await connection.execute(_NEWS, whose, ["bet_placed"] * len(bets), [f'{{"bet":"{b}"}}' for b in ids], at)


async def _accounts(connection: Any, owners: Sequence[str]) -> dict[tuple[str, str], int]:
    rows = await connection.fetch(_ACCOUNTS, owners)
    return {(owner, kind): account for owner, kind, account in rows}


async def _post(
    connection: Any,
    at: datetime,
    written: Sequence[tuple[str, str, str | None, str, Lines]],
    accounts: dict[tuple[str, str], int],
) -> None:
    entries = [
        (number, key, kind, bet, accounts[owner if line.kind.startswith("user:") else "house", line.kind], line.amount)
        for number, (key, kind, bet, owner, lines) in enumerate(written, start=1)
        for line in lines
    ]
    await connection.execute(statement("post"), at, *map(list, zip(*entries, strict=True)))


def _parts(items: Iterable[_T]) -> Iterator[list[_T]]:
    source = iter(items)
    while part := list(islice(source, BATCH)):
        yield part
