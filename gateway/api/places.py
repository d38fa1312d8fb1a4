"""The endpoint of locations. It translates; what is decided is decided in gateway/location."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import orjson

from gateway.api.calls import Asking, Endpoint, Said
from gateway.bets.bet import time_text
from gateway.location.betting import claimant_of
from gateway.location.refusals import GeoRefused
from gateway.location.service import LocationService


class PlaceEndpoints:
    """By the names in routes.py. `service` gives None while there is none."""

    def __init__(self, service: Callable[[], LocationService | None]) -> None:
        self._service = service
        self.by_name: dict[str, Endpoint] = {"verify_location": self._verify}

    async def _verify(self, asking: Asking) -> Said:
        service = self._service()
        if service is None:
            raise GeoRefused("geo_unavailable")
        got = await service.verify(asking.body.packet, claimant_of(asking.principal, asking.network))
        expires = time_text(datetime.fromtimestamp(got.expires_s, UTC))
        return Said(
            201, orjson.dumps({"receipt": got.receipt, "expires_at": expires, "jurisdiction": got.jurisdiction})
        )
