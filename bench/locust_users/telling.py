"""Events beside the requests, as Locust counts them: all of the type `WS`."""

from __future__ import annotations

import time
from typing import Any

from locust.env import Environment

from fanout.contract.replica import Message


def took(environment: Environment, name: str, began_s: float, *, error: Exception | None = None) -> None:
    """Something that began then (monotonic) is done, or failed."""
    _fire(environment, name, (time.monotonic() - began_s) * 1000, error=error)


def told_late(environment: Environment, message: Message, now_ms: float, length: int) -> None:
    """A live frame: its own latency, and that of every market in it, both never negative."""
    for name, ts in (("delta", message["ts"]), *(("provider to app", part["ts"]) for part in message["m"])):
        _fire(environment, name, max(0.0, now_ms - ts), length=length)


def news(environment: Environment, message: Message, length: int) -> None:
    """News of an account, from its transaction's time to here."""
    _fire(environment, "news", max(0.0, time.time() * 1000 - message["ts"]), length=length)


def _fire(
    environment: Environment, name: str, took_ms: float, *, length: int = 0, error: Exception | None = None
) -> None:
    said: dict[str, Any] = {"request_type": "WS", "name": name, "response_time": took_ms, "response_length": length}
    environment.events.request.fire(**said, exception=error, context={})  # type: ignore[no-untyped-call]
