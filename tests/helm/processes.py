"""Every process as the chart starts it, and the settings that it reads."""

from __future__ import annotations

import os

import pytest
from pydantic_settings import BaseSettings

from fanout.settings import FanoutSettings
from feeds.contract.settings import BusSettings
from feeds.providers.betfair.settings import BetfairSettings
from feeds.providers.sportradar.settings import SportradarSettings
from feeds.providers.theoddsapi.settings import TheOddsApiSettings
from feeds.settings import FeedsSettings
from gateway.access.settings import AccessSettings
from gateway.api.settings import ApiSettings, TicketSettings
from gateway.bets.settings import BetsSettings
from gateway.desk.settings import PageSettings
from gateway.history.settings import HistorySettings
from gateway.location.settings import LocationSettings
from gateway.money.settings import MoneySettings
from gateway.news.settings import NewsSettings
from gateway.protection.settings import ProtectionSettings
from gateway.settlement.corrections.settings import CorrectionSettings
from gateway.settlement.settings import SettlementSettings
from gateway.store.settings import DatabaseSettings

Settings = tuple[type[BaseSettings], ...]

MONEY: Settings = (DatabaseSettings, MoneySettings)
API: Settings = (ApiSettings, AccessSettings, TicketSettings, LocationSettings, BetsSettings, PageSettings)
TAKEN: dict[tuple[str, ...], Settings] = {
    ("feeds", "run"): (BusSettings, FeedsSettings, BetfairSettings, SportradarSettings, TheOddsApiSettings),
    ("fanout", "run"): (BusSettings, FanoutSettings),
    ("gateway", "serve"): (BusSettings, *MONEY, *API, ProtectionSettings, CorrectionSettings),
    ("settler",): (BusSettings, *MONEY, SettlementSettings),
    ("news",): (BusSettings, DatabaseSettings, NewsSettings),
    ("archive",): (BusSettings, DatabaseSettings, HistorySettings),
    ("migrate",): (DatabaseSettings,),
}
"""Every process, by what it is started with, and the settings it reads."""

OF_THE_DRIVER = "PGSSLROOTCERT"
"""A variable that asyncpg reads, not we."""

SECRETS = {
    "database-password": "secret",
    "ticket-keys": f"a:{'s' * 32}",
    "offer-keys": f"a:{'s' * 32}",
    "receipt-keys": f"a:{'s' * 32}",
    "desk-session-keys": f"a:{'s' * 32}",
    "desk-client-secret": "s",
    "nats-url": "nats://odds:secret@nats:4222",
}
"""What might stand under the keys of the Secret."""


def taken(arguments: tuple[str, ...], variables: dict[str, str], patch: pytest.MonkeyPatch) -> list[str]:
    """Reads the settings of a process from exactly these variables; gives those that nothing reads."""
    for name in [name for name in os.environ if name.startswith("ODDSWIRE_")]:
        patch.delenv(name)
    for name, value in variables.items():
        patch.setenv(name, SECRETS.get(value, value))
    known = set()
    for settings in TAKEN[arguments]:
        if settings is not DatabaseSettings or "ODDSWIRE_DATABASE_URL" in variables:
            settings()
        prefix = settings.model_config.get("env_prefix", "")
        known |= {f"{prefix}{name}".upper() for name in settings.model_fields}
    return sorted(name for name in variables.keys() - known if name != OF_THE_DRIVER)
