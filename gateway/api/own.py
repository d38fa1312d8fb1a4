"""What a worker tells the desk of itself."""

from __future__ import annotations

import time

from gateway.api.load import Pressure
from gateway.api.traffic import Traffic
from gateway.desk.status import GatewayStatus
from gateway.desk.tally import Tally

_NAME_CHARS_MAX = 100


class Own:
    """Of one worker, from what it counts anyway."""

    def __init__(self, name: str, pressure: Pressure, traffic: Traffic, tally: Tally) -> None:
        self._name = "".join(char if char.isalnum() or char in "_-" else "-" for char in name)[:_NAME_CHARS_MAX]
        self._since_ms = _now_ms()
        self._pressure = pressure
        self._traffic = traffic
        self._tally = tally

    def status(self) -> GatewayStatus:
        """Now."""
        return GatewayStatus(
            name=self._name,
            since_ms=self._since_ms,
            at_ms=_now_ms(),
            delay_ms=round(self._pressure.delay_s * 1000),
            database_ms=round(self._pressure.database_s() * 1000),
            requests=sum(sum(route.answers.values()) for route in self._traffic.routes.values()),
            bets=self._tally.placed,
            refused=self._tally.refused,
            shed={str(what): times for what, times in self._pressure.shed.items()},
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
