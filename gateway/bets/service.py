"""All of bets and money in one worker: what it is made of, and what runs beside the requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog

from feeds.contract.coordination import Coordination
from gateway.bets.accepting import Accepting
from gateway.bets.cash_out import CashDesk, Terms
from gateway.bets.cash_out_tables import CashOutTables
from gateway.bets.cashier import Cashier
from gateway.bets.checks import Bounds
from gateway.bets.development import DevelopmentLocations, NoLocations
from gateway.bets.placing import Placing
from gateway.bets.ports import Locations
from gateway.bets.quotes import Quotes
from gateway.bets.rates import Rates
from gateway.bets.settings import BetsSettings
from gateway.bets.tables import BetTables, Exposures
from gateway.money.claims import Claims
from gateway.money.finals import Finals
from gateway.money.gate import Gate
from gateway.money.once import Limits, Once
from gateway.money.settings import MoneySettings
from gateway.money.tables import LedgerTables
from gateway.news.tables import NewsTables
from gateway.protection.revoking import Revoke, Revoking
from gateway.protection.settings import ProtectionSettings
from gateway.protection.tables import ProtectionTables
from gateway.read.book import ReadBook
from gateway.store.errors import DatabaseUnavailable, MigrationRefused
from gateway.store.pool import Database, open_database
from gateway.store.settings import DatabaseSettings
from gateway.store.waiting import until_migrated

log = structlog.get_logger(__name__)

_MIB = 1 << 20
FORGET_EVERY_S = 60.0
FORGET_BATCH = 5_000
HOUSE_EVERY_S = 2.0
"""How old what the house may lose in all is at most, when a bet is held against it."""


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Around(NamedTuple):
    """What a worker's bets stand in. `worker` is unique to it; `slots`: statements at once; `problem`: the bytes that
    tell a code to a request id; `locations` None: as the settings say; `revoke` takes an account's tickets back, None:
    there are none; `protecting` None: as the environment says."""

    worker: str
    slots: int
    problem: Callable[[str, str], bytes]
    coordination: Coordination | None = None
    locations: Locations | None = None
    revoke: Revoke | None = None
    protecting: ProtectionSettings | None = None


class BetsService:
    """Bets and money over one database, by the odds of one book."""

    def __init__(self, database: Database, book: ReadBook, settings: BetsSettings, around: Around) -> None:
        clock = time.monotonic
        quotes = Quotes(book, age_ms_max=int(settings.book_age_s_max * 1000))
        chosen = around.locations or (DevelopmentLocations() if settings.development else NoLocations())
        exposures = Exposures(
            timedelta(seconds=settings.duplicate_s), settings.market_liability_max, settings.house_liability_max
        )
        self.settings = settings
        self.ledger = LedgerTables(database)
        self.news = NewsTables(database)
        self.bets = BetTables(database, exposures)
        self.claims = Claims(around.coordination, around.worker, clock)
        self.finals = Finals(settings.finals_mib * _MIB)
        self.gate = Gate(around.slots, settings.queue_s_max, clock)
        limits = Limits(answer_s=settings.answer_s_max, running_max=settings.running_max)
        self.once = Once(self.ledger, self.claims, self.finals, self.gate, limits)
        self.placing = Placing(
            quotes=quotes,
            tables=self.bets,
            locations=chosen,
            rates=Rates(settings.rate_per_s, settings.rate_burst, clock),
            bounds=Bounds(settings.stake_min, settings.stake_max, settings.payout_max),
            delay=timedelta(seconds=settings.in_play_delay_s),
            now=utc_now,
            problem=around.problem,
        )
        self.cash_outs = CashOutTables(database)
        self.cash_desk = self._cash_desk() if settings.offers() else None
        self.protecting = around.protecting or ProtectionSettings()
        self.protection = ProtectionTables(database)
        self.revoking = Revoking(self.protection, around.revoke or _no_tickets, utc_now)
        self.cashier = Cashier(self.ledger, chosen, utc_now) if settings.development else None
        self.accepting = Accepting(self.bets, quotes, utc_now)

    async def run(self) -> None:
        """Decides waiting bets and lets go of old answers, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.accepting.run())
            group.create_task(self.revoking.run())
            group.create_task(self._forget())
            group.create_task(self._look_at_house())

    def _cash_desk(self) -> CashDesk:
        placing, settings = self.placing, self.settings
        return CashDesk(
            quotes=placing.quotes,
            tables=self.cash_outs,
            locations=placing.locations,
            rates=placing.rates,
            gate=self.gate,
            keys=settings.offers(),
            terms=Terms(
                settings.cash_out_margin_bp,
                timedelta(seconds=settings.cash_out_s),
                settings.cash_out_min,
                settings.cash_out_while_excluded,
            ),
            now=placing.now,
        )

    async def _look_at_house(self) -> None:
        while True:
            try:
                await self.bets.look_at_house()
            except DatabaseUnavailable as error:
                log.warning("house_unseen", error=str(error))
            await asyncio.sleep(HOUSE_EVERY_S)

    async def _forget(self) -> None:
        kept = timedelta(hours=self.settings.answers_kept_h)
        while True:
            try:
                forgotten = await self.ledger.forget_answers(utc_now() - kept, limit=FORGET_BATCH)
            except DatabaseUnavailable as error:
                log.warning("answers_wait", error=str(error))
                forgotten = 0
            await asyncio.sleep(0 if forgotten == FORGET_BATCH else FORGET_EVERY_S)


async def _no_tickets(account: str) -> None:
    """Where no stream asks for one there is nothing to take back."""
    del account


class BetsDesk:
    """The service once there is a database for it: `service` is None until its schema is this version's."""

    def __init__(self, make: Callable[[Database, int], BetsService]) -> None:
        self._make = make
        self.service: BetsService | None = None

    async def run(self, database: DatabaseSettings, money: MoneySettings) -> None:
        """Serves until cancelled; what is under way then may finish first. Where the schema is another version's there
        are no bets: the odds are served all the same."""
        try:
            await until_migrated(database)
        except MigrationRefused as error:
            log.warning("no_bets", error=str(error))
            return
        limited = database.model_copy(
            update={"connections": money.connections, "statement_timeout_s": money.statement_timeout_s}
        )
        async with open_database(limited, money.server_settings, stateless=True) as pool:
            self.service = service = self._make(pool, money.connections)
            log.info("bets_served", database=database.shown)
            try:
                await service.run()
            finally:
                await service.once.finish()
