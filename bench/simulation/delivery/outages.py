"""What a shard survives beside a slow and lossy bus: its process killed, records out of order or twice."""

from __future__ import annotations

from random import Random

from bench.simulation.delivery.devices import SimulatedDevice
from bench.simulation.delivery.shards import SimulatedShard

AWAY_MS_MAX = 2_000


def kill(shard: SimulatedShard, devices: list[SimulatedDevice], random: Random, now_ms: int) -> int:
    """The process is gone and another one begins, which knows nothing. Gives how many devices lost it, without a close
    frame, and with all that they had not read."""
    lost = [device for device in devices if device.socket is not None and device.socket.shard is shard]
    for device in lost:
        device.away_until_ms = now_ms + random.randint(0, AWAY_MS_MAX)
        device.cut_off()
    shard.restart()
    return len(lost)


def muddle(shard: SimulatedShard, random: Random) -> None:
    """Of the records that are on their way two of a lane change places, or one comes once more, later."""
    for followed in shard.followed.values():
        pipe = followed.pipe
        if len(pipe) < 2:
            continue
        if random.random() < 0.5:
            first = random.randrange(len(pipe) - 1)
            pipe[first], pipe[first + 1] = pipe[first + 1], pipe[first]
        else:
            pipe.insert(random.randint(1, len(pipe)), random.choice(pipe))
