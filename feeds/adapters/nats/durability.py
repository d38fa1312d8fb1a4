"""Whether what nats-server acknowledges is on disk, by its monitoring page. The client protocol does not tell.

A log that may forget what it acknowledged is said aloud at start; it is never a reason not to start.
"""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

import structlog

log = structlog.get_logger(__name__)

_TIMEOUT_S = 2.0


async def report_durability(monitor_url: str, *, replicas: int) -> None:
    """Logs whether a loss of power can lose odds. `monitor_url` is http://HOST:PORT, or empty for unknown."""
    if not monitor_url:
        log.info("durability_unknown", why="no address of nats-server's monitoring page is set")
        return
    try:
        config = await asyncio.to_thread(_jetstream_config, monitor_url)
    except (OSError, urllib.error.URLError, ValueError, KeyError) as error:
        log.warning("durability_unknown", url=monitor_url, why=str(error))
        return
    if durable(config, replicas=replicas):
        log.info("log_durable", replicas=replicas)
    else:
        log.warning("log_not_durable", replicas=replicas, why="one replica, and sync_interval is not `always`")


def durable(jetstream: dict[str, Any], *, replicas: int) -> bool:
    """By the `config` of /jsz: a lone replica must sync before it acknowledges; several cover for each other."""
    return bool(jetstream.get("sync_always")) or replicas > 1


def _jetstream_config(monitor_url: str) -> dict[str, Any]:
    if not monitor_url.startswith(("http://", "https://")):
        raise ValueError("not an http address")
    with urllib.request.urlopen(f"{monitor_url.rstrip('/')}/jsz?config=true", timeout=_TIMEOUT_S) as answer:  # noqa: S310
        config: dict[str, Any] = json.load(answer)["config"]
    return config
