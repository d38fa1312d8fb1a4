"""What each movement of money writes: the entries of a journal, by kind of account. Pure.

Of every journal the amounts sum to zero; the database refuses any other. Positive: the account has more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

AccountKind = Literal[
    "user:cash",
    "user:open_stakes",
    "user:receivable",
    "house:stakes",
    "house:payouts",
    "house:corrections",
    "suspense",
]
"""`user:open_stakes` are the holds; `user:receivable` is what the user owes, and so never above zero; `suspense` is the
other side of what comes from outside or leaves."""

ACCOUNT_KINDS: tuple[AccountKind, ...] = get_args(AccountKind)


class Line(NamedTuple):
    """One entry: how an account changes, in minor units."""

    kind: AccountKind
    amount: int


Lines = Sequence[Line]


def deposit(amount: int) -> Lines:
    """Money from outside."""
    return (Line("user:cash", amount), Line("suspense", -amount))


def withdrawal(amount: int) -> Lines:
    """Money that leaves."""
    return (Line("user:cash", -amount), Line("suspense", amount))


def hold(stake: int) -> Lines:
    """A stake is put aside."""
    return (Line("user:cash", -stake), Line("user:open_stakes", stake))


def void(stake: int) -> Lines:
    """A hold is given back: the bet was refused, or is void."""
    return (Line("user:cash", stake), Line("user:open_stakes", -stake))


def post(stake: int, payout: int) -> Lines:
    """A hold is taken: the stake is the house's, and the payout, if there is one, the user's."""
    taken = (Line("user:open_stakes", -stake), Line("house:stakes", stake))
    return (*taken, Line("user:cash", payout), Line("house:payouts", -payout)) if payout else taken


def hold_again(stake: int) -> Lines:
    """What is left of a stake, after all of it was taken: it is put aside again. Nothing of nothing."""
    return (Line("user:open_stakes", stake), Line("house:stakes", -stake)) if stake else ()


def columns(lines: Lines) -> tuple[list[str], list[int]]:
    """Kinds and amounts, as the database takes them."""
    return [line.kind for line in lines], [line.amount for line in lines]
