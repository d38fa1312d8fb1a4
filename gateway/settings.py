"""Every setting of this package, described for `oddswire settings`."""

from __future__ import annotations

from feeds.contract.settings import describe
from gateway.access.settings import AccessSettings
from gateway.api.settings import ApiSettings, TicketSettings
from gateway.bets.settings import BetsSettings
from gateway.desk.settings import DeskSettings, PageSettings
from gateway.history.settings import HistorySettings
from gateway.local.settings import UpSettings
from gateway.location.settings import LocationSettings
from gateway.money.settings import MoneySettings
from gateway.news.settings import NewsSettings
from gateway.protection.settings import ProtectionSettings
from gateway.settlement.corrections.settings import CorrectionSettings
from gateway.settlement.settings import SettlementSettings
from gateway.store.settings import DatabaseSettings

_SETTINGS = (
    UpSettings,
    ApiSettings,
    AccessSettings,
    TicketSettings,
    LocationSettings,
    BetsSettings,
    MoneySettings,
    ProtectionSettings,
    SettlementSettings,
    CorrectionSettings,
    DeskSettings,
    PageSettings,
    DatabaseSettings,
    HistorySettings,
    NewsSettings,
)


def described() -> list[dict[str, str]]:
    """`variable`, `default`, `limit`, `meaning` of each setting."""
    return [row for settings in _SETTINGS for row in describe(settings)]
