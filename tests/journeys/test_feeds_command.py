"""`python -m feeds` as people and `oddswire up` run it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import NatsServer, free_port
from tests.bus import eventually, reading

pytestmark = pytest.mark.journey


@asynccontextmanager
async def feeds(*arguments: str, **environment: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "feeds", *arguments),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=2**20,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(*arguments: str) -> tuple[int | None, str, str]:
    """Exit status, stdout and stderr of a command that ends by itself."""
    async with feeds(*arguments) as process:
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()


async def line(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()


async def test_leads_until_sigterm(nats_server: NatsServer, connection: Connection) -> None:
    async with feeds("run", "--nats", nats_server.url, "--feed", "demo", "--events", "10") as process:
        assert await line(process) == "feed demo ready"
        async with reading(connection, lanes=4) as (_, mirror):
            await eventually(lambda: mirror.boards == 4 and len(mirror.records) > 50)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 10) == 0
            beats = [mirror.last[lane][f"{lane}.beat.demo"].data for lane in range(4)]
            await eventually(lambda: all(b'"down"' in mirror.last[lane][f"{lane}.beat.demo"].data for lane in range(4)))
            assert beats


@asynccontextmanager
async def exchange(folder: Path) -> AsyncIterator[tuple[Process, dict[str, str]]]:
    """A simulated exchange, and the environment of who connects to it."""
    ca_file = folder / "ca.pem"
    async with feeds("serve", "betfair", "--ca-file", str(ca_file), "--events", "6") as process:
        serving, _, port = (await line(process)).rpartition(":")
        assert serving == "serving betfair on 127.0.0.1"
        settings = {"HOST": "127.0.0.1", "PORT": port, "CA_FILE": str(ca_file), "APP_KEY": "k", "SESSION": "s"}
        yield process, {f"ODDSWIRE_BETFAIR_{name}": value for name, value in {**settings, "BETTING_URL": ""}.items()}


async def commanded(process: Process, words: str) -> None:
    assert process.stdin is not None
    process.stdin.write(words.encode() + b"\n")
    assert await line(process) == f"fault {words}"


async def test_betfair_live_from_a_simulated_exchange(nats_server: NatsServer, tmp_path: Path) -> None:
    run = ("run", "--nats", nats_server.url, "--provider", "betfair")
    async with exchange(tmp_path) as (served, environment):
        await commanded(served, "silence 0.1")
        async with feeds(*run, **environment) as process:
            assert await line(process) == "feed betfair ready"
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 10) == 0
        served.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(served.wait(), 10) == 0


async def test_what_betfair_refuses_is_one_clear_line(nats_server: NatsServer, tmp_path: Path) -> None:
    run = ("run", "--nats", nats_server.url, "--provider", "betfair")
    async with exchange(tmp_path) as (served, environment):
        await commanded(served, "refuse INVALID_APP_KEY")
        async with feeds(*run, **environment) as process:
            _, err = await asyncio.wait_for(process.communicate(), 30)
            assert process.returncode == 2
            assert b"feeds: Betfair refuses: INVALID_APP_KEY" in err
            assert b"Traceback" not in err


async def test_waits_for_a_server_that_comes_later(tmp_path: Path) -> None:
    server = NatsServer(data_dir=tmp_path / "nats")
    async with feeds("run", "--nats", server.url, "--events", "3") as process:
        assert process.stderr is not None
        complaint = json.loads(await asyncio.wait_for(process.stderr.readline(), 30))
        assert complaint["event"] == "nats_unavailable"
        async with server:
            assert await line(process) == "feed simulator ready"


async def test_sigterm_while_there_is_no_server() -> None:
    async with feeds("run", "--nats", f"nats://127.0.0.1:{free_port()}") as process:
        assert process.stderr is not None
        await asyncio.wait_for(process.stderr.readline(), 30)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_the_second_of_two_stands_by_and_takes_over_at_once_when_the_first_ends(nats_server: NatsServer) -> None:
    run = ("run", "--nats", nats_server.url, "--events", "3")
    async with feeds(*run, ODDSWIRE_FEED_LEASE_TTL_S="60") as old:
        assert await line(old) == "feed simulator ready"
        async with feeds(*run) as new:
            assert await line(new) == "feed simulator standby"
            old.send_signal(signal.SIGTERM)
            assert await line(new) == "feed simulator ready"
            assert await asyncio.wait_for(old.wait(), 10) == 0
            new.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(new.wait(), 10) == 0


async def test_a_standby_ends_on_sigterm(nats_server: NatsServer) -> None:
    run = ("run", "--nats", nats_server.url, "--events", "3")
    async with feeds(*run) as old, feeds(*run) as new:
        assert await line(old) in ("feed simulator ready", "feed simulator standby")
        assert await line(new) in ("feed simulator ready", "feed simulator standby")
        for process in (old, new):
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_lease_that_cannot_be_renewed_in_time_is_refused(nats_server: NatsServer) -> None:
    async with feeds("run", "--nats", nats_server.url, ODDSWIRE_FEED_LEASE_INTERVAL_S="1.5") as process:
        _, err = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 2
        assert b"lease_interval_s is at most half of lease_ttl_s" in err
        assert b"Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "--provider", "nobody"), "unknown provider 'nobody'"),
        (("run", "--provider", "betfair:/nowhere/x.bz2"), "no readable recording"),
        (("run", "--provider", "betfair"), "ODDSWIRE_BETFAIR_APP_KEY is not set"),
        (("run", "--provider", "simulator:x"), "takes nothing"),
        (("run", "--rate", "0"), "rate"),
        (("run", "--feed", "not a slug"), "feed's name"),
        (("check", "/nowhere/x.bz2", "--provider", "betfair"), "/nowhere/x.bz2"),
        (("check", "x", "--provider", "nobody"), "nobody"),
        (("run", "--mapping", "/nowhere.toml"), "/nowhere.toml"),
        (("run", "--provider", "theoddsapi"), "ODDSWIRE_THEODDSAPI_API_KEY"),
        (("serve", "nobody"), "unknown server 'nobody'"),
        (("serve", "betfair"), "--ca-file"),
    ],
)
async def test_bad_input_is_one_clear_line(arguments: tuple[str, ...], words: str) -> None:
    status, out, err = await said(*arguments)
    assert (status, out) == (2, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1


async def test_settings_name_every_variable() -> None:
    status, out, _ = await said("settings", "--json")
    assert status == 0
    assert {"ODDSWIRE_NATS_URL", "ODDSWIRE_LANES", "ODDSWIRE_BETFAIR_APP_KEY", "ODDSWIRE_THEODDSAPI_API_KEY"} <= {
        row["variable"] for row in json.loads(out)
    }


@pytest.mark.parametrize("command", ["run", "check", "settings", "nats", "serve"])
async def test_every_command_has_help(command: str) -> None:
    status, out, _ = await said(command, "--help")
    assert status == 0
    assert out.startswith("usage: python -m feeds")


async def test_becomes_a_nats_server(tmp_path: Path) -> None:
    port = free_port()
    async with feeds("nats", "--port", str(port), "--data-dir", str(tmp_path / "data")) as process:
        async with Connection(f"nats://127.0.0.1:{port}", name="test") as connection:
            await connection.jetstream().account_info()
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) in (0, 1)
