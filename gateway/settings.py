"""Every setting of this package, described for `oddswire settings`."""

from __future__ import annotations

from feeds.contract.settings import describe
from gateway.desk.settings import DeskSettings
from gateway.local.settings import UpSettings


def described() -> list[dict[str, str]]:
    """`variable`, `default`, `limit`, `meaning` of each setting."""
    return describe(UpSettings) + describe(DeskSettings)
