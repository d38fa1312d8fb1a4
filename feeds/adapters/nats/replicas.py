"""How many servers hold each lane, looked at now and then: one that lost a replica still serves, and tells nobody."""

from __future__ import annotations

import asyncio
import random

import structlog

from feeds.adapters.nats.streams import Streams
from feeds.contract.errors import LogUnavailable
from feeds.metrics import FeedMetrics

log = structlog.get_logger(__name__)

LOOK_S = 10.0
"""Between two looks, give or take a fifth, so that processes do not look in step."""


async def watch_replicas(streams: Streams, metrics: FeedMetrics, wanted: int) -> None:
    """Until cancelled. A lane that does not answer is held by nobody, for all we know."""
    metrics.log_replicas_wanted.set(wanted)
    while True:
        for lane in range(streams.lanes):
            try:
                metrics.log_replicas.labels(str(lane)).set(await streams.replicas(lane))
            except LogUnavailable as error:
                metrics.log_replicas.labels(str(lane)).set(0)
                log.info("replicas_unseen", lane=lane, why=str(error))
        await asyncio.sleep(LOOK_S * random.uniform(0.8, 1.2))
