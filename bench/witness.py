"""`python -m bench.witness HOST PORT TIER_MS TOPICS`: a few devices that read and time what comes, and nothing else.

A swarm that plays thousands of devices is busy with them at times, with their connects above all; what it would read
late then looks like a late shard. Says `live`, forgets what it saw at SIGUSR1, tells it as a line of JSON at SIGUSR2;
and once a second p50, p99 and the longest from ingest to device of what came since.
bench/witnesses.py is its other side.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys

import uvloop

from bench.latency import Recent
from bench.swarm import Address, Swarm, allow_files

TOLD = "told "
LIVE = "live"
SECOND = "second "
_SECOND_S = 1.0
_NICE = -10


async def watch(address: Address, topics: list[str], *, conflate_ms: int) -> None:
    """One device for each topic, until the process is ended."""
    swarm = Swarm(address, conflate_ms=conflate_ms)
    for topic in topics:
        await swarm.read((topic,))
    tally = swarm.tally
    tally.ingest_to_device = recent = Recent()

    def tell() -> None:
        latencies = (tally.ingest_to_device, tally.ingest_to_flush, tally.flush_to_device)
        seen = {"latencies": [each.encoded() for each in latencies], "gaps": tally.gaps, "closed": tally.closed}
        print(TOLD + json.dumps(seen), flush=True)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, tally.reset)
    loop.add_signal_handler(signal.SIGUSR2, tell)
    gc.collect()
    gc.freeze()
    print(LIVE, flush=True)
    while True:
        await asyncio.sleep(_SECOND_S)
        seen = recent.recent_ms()
        if seen is not None:
            print(SECOND + json.dumps(seen), flush=True)


def main() -> None:
    """Runs until it is killed. Raises CannotMeasure."""
    host, port, tier_ms, topics = sys.argv[1:]
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    wanted = json.loads(topics)
    allow_files(len(wanted))
    uvloop.run(watch(Address(host, int(port)), wanted, conflate_ms=int(tier_ms)))


if __name__ == "__main__":
    main()
