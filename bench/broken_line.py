"""`python -m bench.broken_line --seed N PORT...`: a fault proxy before each port, in a process of their own.

Says `line PORT...` once it serves, and every second, on one line, what was dropped and reset so far.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from bench.faults.plan import Faults
from bench.faults.proxy import FaultProxy
from feeds.adapters import process

LINE = Faults(drop_answers=0.3, reset_answers=0.1, hold_s=3.0)
READY = "line"
_TOLD_EVERY_S = 1.0


async def line(ports: list[int], seed: int) -> int:
    """Until a signal."""
    async with contextlib.AsyncExitStack() as stack:
        proxies = [
            await stack.enter_async_context(FaultProxy(("127.0.0.1", port), LINE, seed=seed + number))
            for number, port in enumerate(ports)
        ]
        print(READY, *(proxy.port for proxy in proxies), flush=True)
        telling = asyncio.create_task(_tell(proxies))
        await process.until_signalled()
        telling.cancel()
    return 0


async def _tell(proxies: list[FaultProxy]) -> None:
    while True:
        await asyncio.sleep(_TOLD_EVERY_S)
        dropped = sum(proxy.counters.answers_dropped for proxy in proxies)
        reset = sum(proxy.counters.answers_reset for proxy in proxies)
        print("dropped", dropped, "reset", reset, flush=True)


def main() -> int:
    """Until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("ports", type=int, nargs="+")
    options = parser.parse_args()
    process.configure_logs("warning")
    return process.run(line(options.ports, options.seed))


if __name__ == "__main__":
    raise SystemExit(main())
