"""One batch of bets, settled in one transaction: locked, held against all their legs, and posted set-based.

Bets are read after they are locked, and their results after that, so of two who settle the same bet at once the second
finds it settled by the newest results and does nothing. Whoever dies leaves nothing half done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from gateway.money.journals import AccountKind
from gateway.settlement.outcome import Outcome, outcome_from_text
from gateway.settlement.sql import statement
from gateway.settlement.steps import Purse, SettledBet, Step, steps_of
from gateway.settlement.targets import Leg, target_of

INERT = frozenset({"pending_acceptance", "refused", "cashed_out"})
"""States of bets that a result does nothing to. Those that wait are refused, or accepted and then found again."""

Accounts = Mapping[tuple[str, AccountKind], int]
"""Numbers of accounts, by owner and kind."""


class Cause(NamedTuple):
    """By which result a bet is settled, and whose step it is: None, the settler's."""

    market: str
    revision: int
    correction: str | None = None


class Batch(NamedTuple):
    """Bets, locked and read, with the outcomes of all their legs' markets. `waiting` are to be accepted first,
    `reviewed` are a correction's for now."""

    bets: list[SettledBet]
    waiting: frozenset[str]
    reviewed: frozenset[str]
    outcomes: dict[str, Outcome]
    purses: dict[str, Purse]
    accounts: dict[tuple[str, AccountKind], int]


async def read_batch(connection: Any, bets: Sequence[str], *, reviewing: bool = False) -> Batch:
    """Locks the wallets of these bets and the bets, in the transaction under way, and reads what decides them.
    `reviewing`: for the correction that has them under review; others leave such bets alone."""
    await connection.execute(statement("lock_wallets"), bets)
    rows = await connection.fetch(statement("lock_bets"), bets)
    legs: dict[str, list[Leg]] = {}
    for bet, *leg in await connection.fetch(statement("legs"), bets):
        legs.setdefault(bet, []).append(Leg(*leg))
    reviewed = frozenset(row[0] for row in rows if row[-1] and not reviewing)
    held = [SettledBet._make((*row[:-1], tuple(legs[row[0]]))) for row in rows]
    waiting = frozenset(bet.bet for bet in held if bet.state == "pending_acceptance")
    live = [bet for bet in held if bet.state not in INERT and bet.bet not in reviewed]
    markets = sorted({leg.market for bet in held for leg in bet.legs if bet.bet in waiting or bet.state not in INERT})
    outcomes = {
        market: outcome_from_text(text) for market, text in await connection.fetch(statement("outcomes"), markets)
    }
    accounts: dict[tuple[str, AccountKind], int] = {}
    holdings: dict[str, dict[str, int]] = {}
    for owner, kind, account, balance in await connection.fetch(statement("accounts"), sorted({b.owner for b in live})):
        accounts[owner, kind] = account
        holdings.setdefault(owner, {})[kind.removeprefix("user:")] = balance
    purses = {owner: Purse(**held) for owner, held in holdings.items()}
    return Batch(live, waiting, reviewed, outcomes, purses, accounts)


def aimed(batch: Batch, kept_whole: frozenset[str] = frozenset()) -> list[Step]:
    """The steps of all bets of a batch to what they come to. `kept_whole`: see steps_of."""
    aims = [(bet, target_of(bet.stake, bet.legs, bet.placed_ms, batch.outcomes)) for bet in batch.bets]
    return steps_of(aims, dict(batch.purses), kept_whole)


class House:
    """The house's accounts that one connection posts to, a stripe of its own: no two of a pool wait for each other."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[int, str], dict[AccountKind, int]] = {}

    async def accounts(self, connection: Any, currency: str) -> dict[AccountKind, int]:
        """By kind."""
        stripe = connection.get_server_pid() & 31
        known = self._accounts.get((stripe, currency))
        if known is None:
            rows = await connection.fetch(statement("house"), currency, stripe)
            known = self._accounts[stripe, currency] = dict(map(tuple, rows))
        return known


async def post(  # noqa: PLR0917 all of it is of one transaction
    connection: Any, steps: Sequence[Step], causes: Mapping[str, Cause], accounts: Accounts, house: House, at: datetime
) -> None:
    """Writes steps of bets, at least one, in the transaction under way. `causes`: by bet."""
    await _post_money(connection, steps, accounts, house, at)
    await _put_bets(connection, steps, causes, at)
    await _move_holds(connection, steps)
    await _expose(connection, steps)


async def _post_money(connection: Any, steps: Sequence[Step], accounts: Accounts, house: House, at: datetime) -> None:
    entries: list[tuple[int, str, str, str, int, int]] = []
    number = 0
    for step in steps:
        if step.journal is None:
            continue
        number += 1
        houses = await house.accounts(connection, step.bet.currency)
        for kind, amount in step.lines:
            account = accounts[step.bet.owner, kind] if kind.startswith("user:") else houses[kind]
            entries.append((number, step.source_key, step.journal, step.bet.bet, account, amount))
    if entries:
        await connection.execute(statement("post"), at, *_columns(entries))


async def _put_bets(connection: Any, steps: Sequence[Step], causes: Mapping[str, Cause], at: datetime) -> None:
    rows = []
    for step in steps:
        bet, target, cause = step.bet, step.target, causes[step.bet.bet]
        rows.append(
            (
                *(bet.bet, step.revision, cause.market, cause.revision, bet.state, bet.payout),
                *(target.state, target.payout, step.cash, step.receivable, step.waived),
                step.source_key if step.journal else None,
            )
        )
    correction = causes[steps[0].bet.bet].correction
    await connection.execute(statement("put_steps"), *_columns(rows), correction, at)
    done = await connection.execute(
        statement("put_bets"),
        *_columns([(step.bet.bet, step.revision, step.target.state, step.target.payout) for step in steps]),
    )
    assert done == f"UPDATE {len(steps)}", done


async def _move_holds(connection: Any, steps: Sequence[Step]) -> None:
    ended = [(step.bet.bet, step.hold, step.source_key) for step in steps if step.hold in ("posted", "voided")]
    if ended:
        done = await connection.execute(statement("resolve_holds"), *_columns(ended))
        assert done == f"UPDATE {len(ended)}", done
    opened = [
        (step.bet.bet, step.bet.owner, step.bet.currency, step.bet.stake, step.source_key)
        for step in steps
        if step.hold == "open"
    ]
    if opened:
        await connection.execute(statement("open_holds"), *_columns(opened))


async def _expose(connection: Any, steps: Sequence[Step]) -> None:
    """What is settled is at risk no more; what was taken back is again."""
    stakes: Counter[tuple[str, str, str]] = Counter()
    liabilities: Counter[tuple[str, str, str]] = Counter()
    for step in steps:
        bet = step.bet
        for leg in bet.legs if step.opened else ():
            stakes[bet.currency, leg.market, leg.selection] += step.opened * bet.stake
            liabilities[bet.currency, leg.market, leg.selection] += step.opened * bet.liability
    if stakes:
        rows = [(*selection, amount, liabilities[selection]) for selection, amount in sorted(stakes.items())]
        await connection.execute(statement("expose"), *_columns(rows))


async def tell(connection: Any, steps: Sequence[Step], purses: Mapping[str, Purse], at: datetime) -> None:
    """News of each step, for its user, in the transaction under way. `purses`: as they were before."""
    holdings = dict(purses)
    news = []
    for step in steps:
        purse = holdings[step.bet.owner] = step.after(holdings[step.bet.owner])
        news.append((step.bet.owner, _kind(step), _said(step, purse)))
    await connection.execute(statement("tell"), *_columns(news), at)


def _kind(step: Step) -> str:
    return "bet_settled" if step.bet.state == "accepted" else "bet_corrected"


def _said(step: Step, purse: Purse) -> str:
    bet, target = step.bet, step.target
    said = {
        "bet": bet.bet,
        "revision": step.revision,
        "state": target.state,
        "payout": target.payout,
        "state_before": bet.state,
        "payout_before": bet.payout,
        **purse._asdict(),
    }
    return orjson.dumps(said).decode()


def _columns(rows: Sequence[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
