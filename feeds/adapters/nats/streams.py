"""The streams of the log, one a lane: how they are made, and what they say of themselves.

Only writers make them; readers wait until all exist. Nothing here ever changes a stream that is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import (
    DiscardPolicy,
    RePublish,
    RetentionPolicy,
    StorageType,
    StoreCompression,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import BadRequestError, NotFoundError

from feeds.adapters.nats.connection import Connection
from feeds.contract.errors import LogUnavailable
from feeds.contract.subjects import lane_subjects, live_subjects, stream_name

log = structlog.get_logger(__name__)

_DUPLICATE_WINDOW_S = 10.0
"""Message ids are not used in the lanes, so JetStream need remember them no longer than the shortest log."""

_NAME_IN_USE = 10058

FALL_BACK_S = 15.0
"""Longer than an election and a replica's catching up take."""


class LaneInfo(NamedTuple):
    """A lane's stream at one moment. `created` tells one log from the next; an empty lane has first = last + 1."""

    created: str
    first_s: int
    last_s: int
    replicas: int


class FallBack:
    """Tells whether lanes that hold less than was acknowledged have lost it.

    A lone server is believed at once. Of several, one that was just elected leader may not have applied yet all that
    the others stored: it is believed after FALL_BACK_S in which it did not catch up. (Measured at R3: a lane was
    deleted that had lost nothing.)
    """

    def __init__(self) -> None:
        self._since_s: float | None = None

    def lost(self, lanes: Iterable[tuple[LaneInfo, int]], now_s: float) -> bool:
        """Each lane now, and the position that was acknowledged or read. Raises LogUnavailable while it is in doubt."""
        fallen = [(info, s) for info, s in lanes if info.last_s < s]
        if not fallen:
            self._since_s = None
            return False
        if all(info.replicas == 1 for info, _ in fallen):
            return True
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s < FALL_BACK_S:
            info, s = fallen[0]
            raise LogUnavailable(f"a lane ends at {info.last_s}, not yet at {s}")
        return True


class Streams:
    """The streams of all lanes. Calls raise LogUnavailable where the log does not answer or a stream is missing."""

    def __init__(self, connection: Connection, *, lanes: int) -> None:
        self._connection = connection
        self.lanes = lanes

    @property
    def _jetstream(self) -> JetStreamContext:
        return self._connection.jetstream()

    async def ensure(self, lane: int, *, log_age_s: int, replicas: int) -> None:
        """Makes a lane's stream where it is missing; says aloud where one that is there was made otherwise."""
        await self.make(stream_config(lane, log_age_s=log_age_s, replicas=replicas))

    async def make(self, config: StreamConfig) -> None:
        """Makes a stream where it is missing; says aloud where one that is there was made otherwise."""
        assert config.name is not None
        try:
            await self._jetstream.add_stream(config)
        except BadRequestError as error:
            if error.err_code != _NAME_IN_USE:
                raise LogUnavailable(f"stream {config.name} was refused: {error.description}") from error
        except NatsError as error:
            raise LogUnavailable(f"stream {config.name}: {error}") from error
        else:
            return
        _compare((await self._stream_info(config.name)).config, config)

    async def _stream_info(self, name: str) -> StreamInfo:
        try:
            return await self._jetstream.stream_info(name)
        except NotFoundError as error:
            raise LogUnavailable(f"stream {name} does not exist") from error
        except NatsError as error:
            raise LogUnavailable(f"stream {name}: {error}") from error

    async def info(self, lane: int) -> LaneInfo:
        """One lane now."""
        info = await self._stream_info(stream_name(lane))
        assert info.created is not None
        replicas = info.config.num_replicas or 1
        return LaneInfo(info.created.isoformat(), info.state.first_seq, info.state.last_seq, replicas)

    async def replicas(self, lane: int) -> int:
        """Servers that hold the lane as it is now, its leader among them."""
        cluster = (await self._stream_info(stream_name(lane))).cluster
        peers = [] if cluster is None else cluster.replicas or []
        return 1 + sum(bool(peer.current) and not peer.offline for peer in peers)

    async def infos(self) -> list[LaneInfo]:
        """All lanes now, lane 0 first."""
        return await asyncio.gather(*(self.info(lane) for lane in range(self.lanes)))

    async def delete(self, lane: int) -> None:
        """Deletes a lane's log because it fell back behind what it had acknowledged; `ensure` then makes another."""
        log.error("log_lost", stream=stream_name(lane), why="it holds less than it had acknowledged")
        try:
            await self._jetstream.delete_stream(stream_name(lane))
        except NotFoundError:
            return
        except NatsError as error:
            raise LogUnavailable(f"stream {stream_name(lane)}: {error}") from error


def stream_config(lane: int, *, log_age_s: int, replicas: int) -> StreamConfig:
    """How a lane's stream is made: forgets by age alone, republishes what it stored, takes atomic batches."""
    return StreamConfig(
        name=stream_name(lane),
        subjects=[lane_subjects(lane)],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        compression=StoreCompression.S2,
        num_replicas=replicas,
        max_age=float(log_age_s),
        duplicate_window=_DUPLICATE_WINDOW_S,
        allow_direct=True,
        allow_atomic=True,
        republish=RePublish(src=lane_subjects(lane), dest=live_subjects(lane)),
    )


def _compare(found: StreamConfig, wanted: StreamConfig) -> None:
    for field in ("max_age", "num_replicas", "storage", "allow_atomic", "allow_direct", "republish"):
        if getattr(found, field) != getattr(wanted, field):
            log.warning(
                "stream_differs",
                stream=wanted.name,
                setting=field,
                found=str(getattr(found, field)),
                wanted=str(getattr(wanted, field)),
            )
