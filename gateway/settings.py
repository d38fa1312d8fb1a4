"""Every setting of this package, described for `oddswire settings`."""

from __future__ import annotations

from feeds.contract.settings import describe
from gateway.desk.settings import DeskSettings
from gateway.history.settings import HistorySettings
from gateway.local.settings import UpSettings
from gateway.store.settings import DatabaseSettings


def described() -> list[dict[str, str]]:
    """`variable`, `default`, `limit`, `meaning` of each setting."""
    return [
        row for settings in (UpSettings, DeskSettings, DatabaseSettings, HistorySettings) for row in describe(settings)
    ]
