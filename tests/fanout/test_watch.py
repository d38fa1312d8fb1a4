"""`python -m fanout watch` as its user sees it: a process, its output, its exit status."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest

from feeds.contract.records import Beat
from tests.fanout.memory_log import MemoryLog
from tests.fanout.serving import event, shard, spread, url_of


@asynccontextmanager
async def watching(*arguments: str, stdout: int = PIPE) -> AsyncIterator[Process]:
    """A watch that is killed at the end if it has not ended."""
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "ODDSWIRE_WATCH_URL")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fanout",
        "watch",
        *arguments,
        stdout=stdout,
        stderr=PIPE,
        env=environment | {"TERM": "xterm"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line_with(process: Process, text: str) -> str:
    """Reads lines until one has this text in it."""
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        if text in line:
            return line.rstrip("\n")
    assert process.stderr is not None
    raise AssertionError(f"no {text!r}; {(await process.stderr.read()).decode()}")


@pytest.mark.parametrize("way", [(), ("--sse",)], ids=["websocket", "sse"])
async def test_one_plain_line_for_each_change(way: tuple[str, ...]) -> None:
    log = MemoryLog()
    log.append(event())
    log.append(spread())
    async with shard(log) as server, watching("football", "--url", url_of(server), "--for", "120", *way) as process:
        assert (await line_with(process, "connected")).endswith(f"connected  {url_of(server)}")
        assert (await line_with(process, "live")).endswith("live  football  1 markets  1 events")
        log.append(spread(home=-115))
        moved = await line_with(process, "Chiefs -3.5")
        assert re.fullmatch(
            r"\d\d:\d\d:\d\d\.\d{3}  football\.nfl\.E1  Bills @ Chiefs  spread  Chiefs -3\.5  -110 -> -115  \d+ ms",
            moved,
        )
        log.append(spread(home=-115, st="suspended", reason="possible_score"))
        assert "  spread  open -> suspended (possible_score)  " in await line_with(process, "suspended")
        log.append(Beat("alpha", "recovering", 1))
        assert (await line_with(process, "alpha-0")).endswith("down  alpha-0")
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
        assert process.stderr is not None
        assert await process.stderr.read() == b""


async def test_json_is_every_message_as_it_came() -> None:
    log = MemoryLog()
    log.append(spread())
    async with shard(log) as server, watching("football", "--json", "--url", url_of(server), "--for", "1.5") as process:
        output, errors = await process.communicate()
        assert process.returncode == 0
        kinds = [orjson.loads(line)["t"] for line in output.splitlines()]
        assert kinds[:4] == ["welcome", "subscribed", "img", "live"]
        assert "hb" in kinds
        assert errors.decode() == f"connected  {url_of(server)}\n"


async def test_nobody_there_is_said_once_and_ends_with_1(unused_tcp_port: int) -> None:
    url = f"ws://127.0.0.1:{unused_tcp_port}/v1/stream"
    async with watching("football", "--url", url, "--for", "2.5") as process:
        output, errors = await process.communicate()
        assert process.returncode == 1
        assert output == b""
        assert errors.decode() == f"cannot reach {url}: connection refused; trying again\n"


async def test_a_refusal_is_one_line() -> None:
    async with shard(MemoryLog()) as server, watching("No Such", "--url", url_of(server)) as process:
        _, errors = await process.communicate()
        assert process.returncode == 1
        assert errors.decode().startswith("refused: bad_topic, a topic is sport")
        assert errors.count(b"\n") == 1


async def test_a_closed_pipe_ends_it_quietly() -> None:
    log = MemoryLog()
    log.append(spread())
    reading, writing = os.pipe()
    async with shard(log) as server, watching("football", "--json", "--url", url_of(server), stdout=writing) as process:
        os.close(writing)
        os.close(reading)
        _, errors = await process.communicate()
        assert process.returncode == 0
        assert b"Traceback" not in errors


async def test_a_terminal_gets_a_table_and_its_screen_back() -> None:
    log = MemoryLog()
    log.append(event())
    log.append(spread())
    ours, theirs = pty.openpty()
    async with shard(log) as server, watching("football", "--url", url_of(server), stdout=theirs) as process:
        os.close(theirs)
        screen = await _screen_with(ours, "\x1b[2m  Chiefs -3.5 \x1b[0m")
        assert screen.startswith("\x1b[?1049h")
        log.append(spread(home=-105))
        await _screen_with(ours, "▲")
        process.terminate()
        assert (await _screen_with(ours, "\x1b[?1049l")).endswith("\x1b[?25h\x1b[?1049l")
        assert await process.wait() == 0
    os.close(ours)


async def _screen_with(terminal: int, text: str) -> str:
    """Reads what is drawn until this text is in it."""
    drawn = b""
    while text.encode() not in drawn:
        drawn += await asyncio.to_thread(os.read, terminal, 65_536)
    return drawn.decode(errors="replace")
