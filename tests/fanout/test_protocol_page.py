"""The users' protocol page tells the truth: its messages are understood, and its program runs."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import fanout
from fanout.contract import messages
from fanout.contract.account import AccountReplica
from fanout.contract.closing import RETRY
from fanout.contract.cursor import decode_cursor
from fanout.contract.replica import Replica
from fanout.server import Server
from fanout.settings import FanoutSettings
from tests.bus import event, market
from tests.fanout.memory_log import MemoryLog

PAGE = (Path(fanout.__file__).parent / "PROTOCOL.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for block in blocks("json") for line in block.splitlines()]


SAID = [line for line in lines() if "op" in line]
HEARD = [line for line in lines() if "t" in line]


@pytest.mark.parametrize("said", SAID, ids=lambda said: str(said["op"]))
def test_a_shard_understands_what_the_page_says(said: dict[str, Any]) -> None:
    understood = messages.decode_client(json.dumps(said).encode())
    assert understood.id == said["id"]


def test_the_page_shows_every_message_and_code() -> None:
    kinds = {heard["t"] for heard in HEARD}
    assert kinds == {
        *("welcome", "subscribed", "img", "live", "d", "src", "hb", "unsubscribed"),
        *("slow", "drain", "error", "pong", "account", "waiting"),
    }
    assert all(code in PAGE for code in RETRY)


def test_a_client_that_hears_the_page_ends_where_the_page_ends() -> None:
    replica = Replica()
    seen: list[tuple[str, int]] = []
    for heard in HEARD:
        replica.receive(json.loads(json.dumps(heard)))
        held = replica.markets.get("M9")
        if held is not None:
            seen.append((replica.status(held), held["x"][0]["a"]))
    assert replica.gaps == 0
    assert replica.markets == {}
    assert list(dict.fromkeys(seen)) == [("open", -110), ("open", -115), ("suspended", -115), ("open", -140)]
    assert replica.cursor is not None
    assert decode_cursor(replica.cursor) is not None


def test_an_account_that_hears_the_page_has_what_the_page_says() -> None:
    account = AccountReplica()
    news = [heard for heard in HEARD if heard["t"] == "account"]
    assert [shown for heard in news for shown in account.receive(heard)] == news
    assert (account.seq, account.missing, account.wallet) == (20, None, news[-1]["data"]["wallet"])


def test_what_a_shard_writes_has_the_shape_of_the_page() -> None:
    shown = {heard["t"]: heard for heard in HEARD}
    written = [
        messages.welcome(session="a", shard="b", hb_ms=1, tiers_ms=[0], limits=shown["welcome"]["limits"]),
        messages.subscribed(op=1, epoch="9f", tier_ms=100, topics={}, why={}),
        messages.live(topics=[], src={}, cursor="c"),
        messages.source("alpha-2", "stale", 1),
        messages.heartbeat(ts=1, src={}, age_ms={}, lag_ms={}, cursor="c"),
        messages.slow(1, 2),
        messages.drain(after_ms=1, deadline_ms=2, url="ws://x"),
        messages.unsubscribed(1, []),
        messages.error("topic_limit", "m", op=1),
        messages.pong(1, 2),
        messages.account(1, 2, "balance", b"{}"),
        messages.waiting("account", 1),
        messages.image_frame([], [b"{}"], "topics"),
    ]
    for text in written:
        message = json.loads(text)
        assert list(message) == list(shown[message["t"]]), message["t"]


async def test_the_program_on_the_page_runs() -> None:
    log = MemoryLog()
    log.append(event("E1"))
    log.append(market("M1", "E1", lanes=1))
    server = Server(FanoutSettings(port=0), lanes=1, connected=lambda: True, make_reader=log.reader)
    (program,) = blocks("python")
    async with server.serve():
        program = program.replace("127.0.0.1:8100", f"127.0.0.1:{server.port}")
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await asyncio.wait_for(running.communicate(), 30)
    assert running.returncode == 0, err.decode()
    assert b"M1 open" in out
