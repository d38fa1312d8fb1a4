"""The streams of the log, one a lane: how they are made, and what they say of themselves.

Only writers make them; readers wait until all exist. Nothing here ever changes a stream that is there.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RePublish, RetentionPolicy, StorageType, StoreCompression, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from feeds.adapters.nats.connection import Connection
from feeds.contract.epoch import epoch_of
from feeds.contract.errors import LogUnavailable
from feeds.contract.subjects import lane_subjects, live_subjects, stream_name

log = structlog.get_logger(__name__)

_DUPLICATE_WINDOW_S = 10.0
"""Message ids are not used in the lanes, so JetStream need remember them no longer than the shortest log."""

_NAME_IN_USE = 10058


class LaneInfo(NamedTuple):
    """A lane's stream at one moment. `created` tells one log from the next; an empty lane has first = last + 1."""

    created: str
    first_s: int
    last_s: int


class Streams:
    """The streams of all lanes. Calls raise LogUnavailable where the log does not answer or a stream is missing."""

    def __init__(self, connection: Connection, *, lanes: int) -> None:
        self._connection = connection
        self.lanes = lanes

    @property
    def _jetstream(self) -> JetStreamContext:
        return self._connection.jetstream()

    async def ensure(self, *, log_age_s: int, replicas: int) -> None:
        """Makes the streams that are missing; says aloud where one that is there was made otherwise."""
        for lane in range(self.lanes):
            config = stream_config(lane, log_age_s=log_age_s, replicas=replicas)
            try:
                made = await self._jetstream.add_stream(config)
            except BadRequestError as error:
                if error.err_code != _NAME_IN_USE:
                    raise LogUnavailable(f"stream {config.name} was refused: {error.description}") from error
                await self._compare(lane, config)
            except NatsError as error:
                raise LogUnavailable(f"stream {config.name}: {error}") from error
            else:
                if made.config.storage != StorageType.FILE:
                    log.warning("log_not_durable", stream=config.name, storage=str(made.config.storage))

    async def _compare(self, lane: int, wanted: StreamConfig) -> None:
        found = (await self._jetstream.stream_info(stream_name(lane))).config
        for field in ("max_age", "num_replicas", "storage", "allow_atomic", "allow_direct", "republish"):
            if getattr(found, field) != getattr(wanted, field):
                log.warning(
                    "stream_differs",
                    stream=wanted.name,
                    setting=field,
                    found=str(getattr(found, field)),
                    wanted=str(getattr(wanted, field)),
                )

    async def info(self, lane: int) -> LaneInfo:
        """One lane now."""
        try:
            info = await self._jetstream.stream_info(stream_name(lane))
        except NotFoundError as error:
            raise LogUnavailable(f"stream {stream_name(lane)} does not exist") from error
        except NatsError as error:
            raise LogUnavailable(f"stream {stream_name(lane)}: {error}") from error
        assert info.created is not None
        return LaneInfo(info.created.isoformat(), info.state.first_seq, info.state.last_seq)

    async def infos(self) -> list[LaneInfo]:
        """All lanes now, lane 0 first."""
        return await asyncio.gather(*(self.info(lane) for lane in range(self.lanes)))

    async def epoch(self) -> str:
        """Identity of the log now."""
        return epoch_of(info.created for info in await self.infos())

    async def replace(self, lane: int) -> None:
        """The lane's log fell back behind what was acknowledged: deletes it. `ensure` then makes a new one."""
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
