"""What a gateway has around it: its log aside, each may be missing."""

from __future__ import annotations

from typing import NamedTuple

from fanout.contract.tickets import TicketKeys
from feeds.contract.coordination import Coordination
from gateway.api.tracing import NoTraces, Tracing
from gateway.api.workers import ALONE, Member
from gateway.bets.settings import BetsSettings
from gateway.desk.settings import PageSettings
from gateway.location.settings import LocationSettings
from gateway.money.settings import MoneySettings
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings


class Money(NamedTuple):
    """Where bets and money are kept, and how."""

    database: DatabaseSettings
    settings: MoneySettings
    bets: BetsSettings
    location: LocationSettings | None = None
    """None: as the settings of bets say, where nobody verifies."""


class Around(NamedTuple):
    """What a gateway has around it, besides its log: each may be missing. `history`: the archive's database.
    `coordination` None: on the server of the log. `page` None: by the environment."""

    history: Database | None = None
    tickets: TicketKeys = TicketKeys({})
    tracing: Tracing = NoTraces()
    member: Member = ALONE
    money: Money | None = None
    coordination: Coordination | None = None
    page: PageSettings | None = None
