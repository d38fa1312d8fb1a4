"""`oddswire archive` and `oddswire history` as people run them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import urllib.request
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer, free_port
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.bus import LANES, HandFed, event, feeding, market
from tests.gateway.history.archiving import equals_log
from tests.gateway.history.made import MadeArchive, beat

pytestmark = pytest.mark.journey


def environment(settings: DatabaseSettings) -> dict[str, str]:
    return os.environ | {"ODDSWIRE_LANES": str(LANES), "ODDSWIRE_DATABASE_URL": settings.url.get_secret_value()}


@asynccontextmanager
async def gateway(settings: DatabaseSettings, *words: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", *words), env=environment(settings), stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(settings: DatabaseSettings, *words: str) -> tuple[int | None, list[dict[str, object]], str]:
    """Exit status, answers and complaints of a command that ends by itself."""
    async with gateway(settings, *words) as process:
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, [json.loads(line) for line in out.splitlines()], err.decode()


async def test_the_archiver_says_ready_shows_metrics_and_ends_by_sigterm(
    nats_server: NatsServer, connection: Connection, settings: DatabaseSettings, database: Database
) -> None:
    port = free_port()
    words = ("archive", "--nats", nats_server.url, "--metrics-port", str(port))
    provider = HandFed([event("E1"), market("M1", "E1")])
    async with feeding(connection, provider), gateway(settings, *words) as process:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"archive ready\n"
        assert await equals_log(database, connection) == 2
        page = await asyncio.to_thread(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read())
        assert b"oddswire_history_active 1.0" in page
        for name in (b"lag_seconds", b"lag_alarm", b"pending_records", b"position", b"holes_total"):
            assert b"oddswire_history_" + name in page
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_questions_are_answered_in_json(settings: DatabaseSettings, database: Database, tmp_path: Path) -> None:
    await migrate(settings)
    await MadeArchive(database).write(
        [(0, event("E1")), (0, market("M1", "E1")), beat(0.1), (1, market("M1", "E1", ts=2))]
    )
    status, [first, second], _ = await said(settings, "history", "prices", "M1")
    assert status == 0
    assert first["market"]["x"][0]["d"] == "2.010"  # type: ignore[index]
    assert second["market"]["x"][0]["d"] == "2.020"  # type: ignore[index]
    _, [bar], _ = await said(settings, "history", "prices", "M1", "--interval", "1m")
    assert (bar["open"], bar["close"]) == (2_010, 2_020)
    _, [board], _ = await said(settings, "history", "board", "E1", "--at", "2023-11-15T00:00:00.5Z")
    assert [one["s"] for one in board["items"]] == [2]  # type: ignore[attr-defined]
    _, [line], _ = await said(settings, "history", "line", "M1")
    assert line["whole"] is True
    _, [proof], _ = await said(settings, "history", "live", "M1", "O1", "2.01", "1.e1.0-2")
    assert (proof["live"], proof["doubt"]) == (False, "source_down")
    assert await said(settings, "history", "holes") == (0, [], "")
    file = str(tmp_path / "event.parquet")
    assert (await said(settings, "history", "export", "--event", "E1", file))[:2] == (0, [{"changes": 3}])
    status, [same], _ = await said(settings, "history", "import-check", file)
    assert (status, same["same"]) == (0, True)


@pytest.mark.parametrize(
    ("words", "status", "complaint"),
    [
        (("history", "board", "E1", "--cursor", "x"), 2, "oddswire: not a cursor"),
        (("history", "export", "--event", "E9", "x.parquet"), 2, "oddswire: the archive has no changes of event E9"),
        (("history", "live", "M1", "O1", "1,9", "c"), 2, "not decimal odds with up to 3 decimals: '1,9'"),
        (("history", "prices", "M1", "--from", "yesterday"), 2, "not a time such as 2026-09-21T20:00:00Z"),
        (("migrate", "--database", "mysql://me:secret@db/x"), 2, "not an address such as postgresql://"),
        (
            ("migrate", "--database", "postgresql://me:secret@127.0.0.1:1/x"),
            1,
            "database postgresql://me@127.0.0.1:1/x",
        ),
    ],
)
async def test_what_cannot_be_answered_is_refused_in_one_line(
    settings: DatabaseSettings, words: tuple[str, ...], status: int, complaint: str
) -> None:
    await migrate(settings)
    found, answers, err = await said(settings, *words)
    assert (found, answers) == (status, [])
    assert complaint in err.splitlines()[-1]
    assert "secret" not in err
