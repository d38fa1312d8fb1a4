"""How the live feed stands, from what its connection does: `recovering`, `live`, and `down` when cut off for long."""

from __future__ import annotations

import asyncio

from feeds.providers.betfair.telling import Teller


class Standing:
    """Tells health by `teller`. Without the whole of a stream for `down_after_s` is `down`; a publisher that says 503
    never is."""

    def __init__(self, teller: Teller, down_after_s: float) -> None:
        self._teller = teller
        self._down_after_s = down_after_s
        self._timer: asyncio.TimerHandle | None = None

    def cut_off(self) -> None:
        """There is no stream (any more), or not all of it yet."""
        if self._teller.told != "down":
            self._teller.say("recovering")
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._down_after_s, self._teller.say, "down")

    def complete(self, *, healthy: bool) -> None:
        """All of the stream is in. `healthy`: the publisher does not say 503."""
        self.end()
        self._teller.say("live" if healthy else "recovering")

    def end(self) -> None:
        """Nothing more is told by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
