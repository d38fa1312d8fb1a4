"""What is found out before a stack starts."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.local.errors import CannotStart
from gateway.local.preflight import check_input, check_network
from gateway.local.settings import UpSettings
from tests.journeys.stack_process import free_port_base


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        yield server


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize(("shift", "part"), [(0, "gateway"), (100, "fanout-1"), (101, "fanout-2")])
def test_a_busy_port_is_named_with_its_part(shift: int, part: str) -> None:
    base = free_port_base()
    with (
        socket.create_server(("127.0.0.1", base + shift)),
        pytest.raises(CannotStart, match=f"^port {base + shift} on 127.0.0.1, for {part}, is busy"),
    ):
        check_network(UpSettings(port=base))


def test_a_host_that_is_not_ours_is_refused() -> None:
    with pytest.raises(CannotStart, match="Cannot assign requested address"):
        check_network(UpSettings(host="192.0.2.1", port=20_000))


def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(CannotStart, match=r"^--host x+: not the name or address of a host$"):
        check_network(UpSettings(host="x" * 64))


def test_nats_gets_a_port_that_is_free(listener: socket.socket) -> None:
    settings = UpSettings(port=port_of(listener) - 200, parts="nats")
    assert check_network(settings).nats > port_of(listener)


def test_a_nats_that_is_not_there_is_said(listener: socket.socket) -> None:
    port = port_of(listener)
    listener.close()
    with pytest.raises(CannotStart, match=f"no nats-server at 127.0.0.1:{port}: Connection refused"):
        check_network(UpSettings(nats=f"nats://127.0.0.1:{port}", parts="feeds"))


def test_a_database_that_is_not_there_is_said_without_its_password(listener: socket.socket) -> None:
    port = port_of(listener)
    listener.close()
    url = f"postgresql://me:secret@127.0.0.1:{port}/odds"
    with pytest.raises(CannotStart, match=f"^no PostgreSQL at 127.0.0.1:{port}: Connection refused$"):
        check_network(UpSettings(database=url, parts="archive"))


def test_a_recording_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"absent\.bz2: No such file or directory"):
        check_input(UpSettings(feed=f"betfair:{tmp_path}/absent.bz2"))
    with pytest.raises(CannotStart, match="Is a directory"):
        check_input(UpSettings(feed=f"betfair:{tmp_path}"))
    (tmp_path / "present.bz2").touch()
    check_input(UpSettings(feed=f"betfair:{tmp_path}/present.bz2"))


def test_a_recording_is_not_looked_for_when_no_feed_is_started() -> None:
    check_input(UpSettings(feed="betfair:absent.bz2", parts="nats,fanout"))
