"""The outbox in PostgreSQL, as news are read from it. Every call may raise DatabaseUnavailable; nothing is written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import structlog

from fanout.contract.news import DATA_BYTES_MAX, NEWS_MAX, Answer, News, Question
from gateway.bets.bet import bet_body
from gateway.bets.tables import bet_of
from gateway.news.bodies import data_body, milliseconds, state_body
from gateway.news.sql import statement
from gateway.store.pool import Database

log = structlog.get_logger(__name__)

BETS_MAX = 50
"""Running bets in a state, the newest; the others are told by GET /v1/bets."""


class Committed(NamedTuple):
    """What has committed since a snapshot: a page of news, and its last position. `snapshot`: the one it was read by.
    `too_large`: how many were left out."""

    news: tuple[News, ...]
    position: int
    snapshot: str
    rows: int
    too_large: int


class Events(NamedTuple):
    """News of one account after a number, and the number of its newest."""

    items: tuple[News, ...]
    newest: int


class NewsTables:
    """Reads of `money.outbox`, and of the state that news change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def snapshot(self) -> str:
        """The present one."""
        row = await self._database.row(statement("snapshot"))
        assert row is not None
        text: str = row["snapshot"]
        return text

    async def committed(self, since: str, *, after: int, limit: int) -> Committed:
        """What has committed since a snapshot, in the order of each account."""
        rows = await self._database.fetch(statement("committed"), since, after, limit)
        found = [row for row in rows if row["position"] is not None]
        news = [_news(row) for row in found]
        told = tuple(one for one in news if len(bytes(one.data)) <= DATA_BYTES_MAX)
        position = found[-1]["position"] if found else after
        return Committed(told, position, rows[0]["snapshot"], len(found), len(news) - len(told))

    async def events(self, account: str, *, after: int, limit: int) -> Events:
        """A page of an account's news."""
        rows = await self._database.fetch(statement("events"), [account], [after], limit)
        items = tuple(_news(row) for row in rows if row["seq"] is not None)
        return Events(items, rows[0]["newest"] if rows else 0)

    async def answers(self, questions: Sequence[Question]) -> list[Answer]:
        """The answers, in no order. Who asks for more news than are told at once gets the state."""
        afters = {question.account: question.after for question in questions}
        behind = {account: after for account, after in afters.items() if after is not None}
        found = await self._since(behind) if behind else {}
        lacking = [account for account, after in afters.items() if after is None or account not in found]
        return [*found.values(), *(await self.states(lacking) if lacking else ())]

    async def _since(self, behind: dict[str, int]) -> dict[str, Answer]:
        """Of those of whom not too much was missed."""
        limit = NEWS_MAX + 1
        rows = await self._database.fetch(statement("events"), list(behind), list(behind.values()), limit)
        by_account: dict[str, list[Any]] = {}
        for row in rows:
            by_account.setdefault(row["owner"], []).append(row)
        now_ms = int(time.time() * 1000)
        answers: dict[str, Answer] = {}
        for account, found in by_account.items():
            newest: int = found[0]["newest"]
            news = tuple(_news(row) for row in found if row["seq"] is not None)
            if len(news) <= NEWS_MAX and all(len(bytes(one.data)) <= DATA_BYTES_MAX for one in news):
                answers[account] = Answer(account, newest, now_ms, news)
        return answers

    async def states(self, accounts: Sequence[str]) -> list[Answer]:
        """Wallet and running bets of each account, all as of one moment."""
        async with (
            self._database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            wallets = await connection.fetch(statement("wallets"), accounts)
            running = await connection.fetch(statement("running"), accounts, BETS_MAX + 1)
        now_ms = int(time.time() * 1000)
        held = {row["owner"]: tuple(row)[1:] for row in wallets}
        bets: dict[str, list[bytes]] = {}
        for row in running:
            owner, *facts = row
            bets.setdefault(owner, []).append(bet_body(bet_of(facts)))
        answers = []
        for account in accounts:
            wallet, own = held.get(account), bets.get(account, [])
            state = state_body(wallet, own[:BETS_MAX], more=len(own) > BETS_MAX)
            answers.append(Answer(account, 0 if wallet is None else wallet[1], now_ms, data=msgspec.Raw(state)))
        return answers


def _news(row: Any) -> News:
    data = data_body(row["data"], row["seq"], row["currency"])
    return News(row["owner"], row["seq"], milliseconds(row["at"]), row["kind"], msgspec.Raw(data))
