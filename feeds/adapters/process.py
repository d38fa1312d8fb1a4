"""What every process of ours needs around its work: the event loop, structured logs on stderr, its end by a signal."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import orjson
import structlog
import uvloop


def configure_logs(level: str) -> None:
    """JSON lines on stderr, from `level` (debug, info, warning, error) up. Stdout is for what people asked for."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _dumps(event: dict[str, Any], **_: object) -> str:
    return orjson.dumps(event, default=str).decode()


T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs to the end on uvloop; gives what it gives, usually the exit status."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def until_ended(work: Coroutine[Any, Any, None]) -> None:
    """Works until the first SIGTERM or SIGINT. Raises what the work raises; it should not end by itself."""
    working = asyncio.create_task(work)
    signalled = asyncio.create_task(until_signalled())
    await asyncio.wait((working, signalled), return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait((working,))
        return
    working.result()


async def until_signalled() -> None:
    """Waits for the first SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    signalled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled.set)
    await signalled.wait()
