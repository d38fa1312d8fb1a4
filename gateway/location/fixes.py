"""Where each account was last, in the coordination store: what the speed since then is measured from.

Kept for an hour: who was across the country an hour ago has not jumped. If the store does not answer there is no
last fix to be had, and nothing is accepted.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from feeds.contract.coordination import ABSENT, Conflict, Coordination, Unavailable
from gateway.location.checks import Fix
from gateway.location.refusals import GeoRefused

FIX_S = 3_600
_KIND = "geo-fix"


class Remembered(NamedTuple):
    """The last fix, and the version of its record, which the next one replaces."""

    fix: Fix | None
    version: int


class Fixes:
    """The last fix of every account."""

    def __init__(self, coordination: Coordination) -> None:
        self._coordination = coordination

    async def last(self, account: str) -> Remembered:
        """Raises GeoRefused("geo_unavailable")."""
        try:
            record = await self._coordination.get(_KIND, account)
        except Unavailable as error:
            raise GeoRefused("geo_unavailable") from error
        if record is None:
            return Remembered(None, ABSENT)
        return Remembered(msgspec.json.decode(record.value, type=Fix), record.version)

    async def replace(self, account: str, fix: Fix, *, version: int) -> None:
        """Raises GeoRefused("geo_superseded") where another fix came meanwhile, GeoRefused("geo_unavailable")."""
        try:
            await self._coordination.put(_KIND, account, value=msgspec.json.encode(fix), ttl_s=FIX_S, version=version)
        except Conflict as error:
            raise GeoRefused("geo_superseded") from error
        except Unavailable as error:
            raise GeoRefused("geo_unavailable") from error
