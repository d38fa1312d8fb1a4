"""How one producer is: down, recovering or live, and when its recovery is to be asked for. Pure: `now_ms` in.

Owns the rules of alive messages and recoveries. One request is under way at a time; only the answer to it ends a
recovery. The request asks for what came after the last alive that was received while live; where that is too long ago,
or nothing is known, it asks for all that is on offer (`whole`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from feeds.contract.model import FeedState
from feeds.providers.sportradar.spec import Alive, AnySystemMessage, SnapshotComplete

LIVE_WINDOW_MS: Final = 10 * 3_600_000
OTHER_WINDOW_MS: Final = 72 * 3_600_000
"""How far back a recovery may reach."""

ALIVE_TIMEOUT_MS: Final = 20_000
RETRY_MS: Final = 5_000
"""Before a request that failed is made again; twice as long after each failure."""

RETRY_MS_MAX: Final = 300_000
RECOVERY_TIMEOUT_MS: Final = 900_000
"""A recovery that is not complete by then is asked for anew."""

REQUEST_IDS: Final = 2_000_000_000
"""Request ids count up to this and begin again."""


class RecoveryRequest(NamedTuple):
    """To be sent. `after_ms` None: all that is on offer now."""

    id: int
    after_ms: int | None

    @property
    def whole(self) -> bool:
        """Whether everything on offer is told, so that what is not told is not on offer."""
        return self.after_ms is None


class Timing(NamedTuple):
    """Limits, each in milliseconds; see the constants."""

    window_ms: int = LIVE_WINDOW_MS
    alive_timeout_ms: int = ALIVE_TIMEOUT_MS
    retry_ms: int = RETRY_MS
    recovery_timeout_ms: int = RECOVERY_TIMEOUT_MS


class Producer:
    """A producer. Call `due` often: it tells of a request to make, and notices silence."""

    def __init__(self, product: int, *, now_ms: int, first_request: int = 1, timing: Timing | None = None) -> None:
        self.product = product
        self.state: FeedState = "recovering"
        self.unknown_snapshots = 0
        self._timing = timing or Timing()
        self._heard_ms = now_ms
        self._needs_recovery = True
        self._subscribed = False
        self._recovered_to_ms: int | None = None
        self._last_alive_ms: int | None = None
        self._request: RecoveryRequest | None = None
        self._request_id = first_request % REQUEST_IDS or 1
        self._requested_ms = 0
        self._failures = 0
        self._retry_at_ms = 0

    @property
    def request(self) -> RecoveryRequest | None:
        """The recovery under way."""
        return self._request

    def connected(self, now_ms: int) -> None:
        """The line is there, again. What came meanwhile is lost."""
        self._heard_ms = now_ms
        self._recover("recovering")

    def disconnected(self) -> None:
        """The line is cut."""
        self._recover("down")

    def hear(self, message: AnySystemMessage, now_ms: int) -> RecoveryRequest | None:
        """A system message. Gives the recovery that it completes; `complete` is to be called when all of it was put."""
        if message.product != self.product:
            return None
        match message:
            case Alive():
                self._alive(message, now_ms)
            case SnapshotComplete():
                if self._request is not None and message.request_id == self._request.id:
                    return self._request
                self.unknown_snapshots += 1
            case _:
                self._recover("down")
        return None

    def _alive(self, message: Alive, now_ms: int) -> None:
        """One that comes late or again is no sign of life: what came before it is as old."""
        late = now_ms - message.timestamp > self._timing.alive_timeout_ms
        if late or (self._last_alive_ms is not None and message.timestamp < self._last_alive_ms):
            return
        self._heard_ms = now_ms
        if (not message.subscribed and self._subscribed) or (self.state == "live" and not message.subscribed):
            self._recover("recovering")
        elif self.state == "live":
            self._recovered_to_ms = max(message.timestamp, self._recovered_to_ms or 0)
        elif self.state == "down":
            self.state = "recovering"
        self._subscribed = message.subscribed
        self._last_alive_ms = message.timestamp

    def _recover(self, state: FeedState) -> None:
        """What is known is not all any more, and a recovery under way is not enough."""
        self.state = state
        self._needs_recovery = True
        self._request = None

    def due(self, now_ms: int) -> RecoveryRequest | None:
        """A request to make now. It is under way then: `failed` is to be told if it could not be made."""
        if now_ms - self._heard_ms > self._timing.alive_timeout_ms and self.state != "down":
            self._recover("down")
        if self._request is not None and now_ms - self._requested_ms > self._timing.recovery_timeout_ms:
            self.failed(self._request, now_ms)
        if (
            not self._needs_recovery
            or self._last_alive_ms is None
            or self.state != "recovering"
            or now_ms < self._retry_at_ms
        ):
            return None
        self._needs_recovery = False
        self._requested_ms = now_ms
        self._request = RecoveryRequest(self._request_id, self._after(now_ms))
        self._request_id = self._request_id % REQUEST_IDS + 1
        return self._request

    def failed(self, request: RecoveryRequest, now_ms: int) -> None:
        """A request was refused, or nothing came of it."""
        if request != self._request:
            return
        self._failures += 1
        wait_ms = min(self._timing.retry_ms * 2 ** min(self._failures - 1, 16), RETRY_MS_MAX)
        self._retry_at_ms = now_ms + wait_ms
        self._recover(self.state)

    def complete(self, request: RecoveryRequest) -> bool:
        """All that a recovery told was put. False: meanwhile it is not enough any more."""
        if request != self._request:
            return False
        self.state = "live"
        self._request = None
        self._failures = 0
        self._recovered_to_ms = self._last_alive_ms
        return True

    def _after(self, now_ms: int) -> int | None:
        after_ms = self._recovered_to_ms
        if after_ms is None or after_ms < now_ms - self._timing.window_ms:
            return None
        return min(after_ms, now_ms)
