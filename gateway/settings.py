"""Every setting of this package, described for `oddswire settings`."""

from __future__ import annotations

from feeds.contract.settings import describe
from gateway.api.settings import ApiSettings
from gateway.local.settings import UpSettings


def described() -> list[dict[str, str]]:
    """`variable`, `default`, `limit`, `meaning` of each setting."""
    return [row for settings in (UpSettings, ApiSettings) for row in describe(settings)]
