"""Where coordination is: how it is written, what is refused, and that a client is imported only where it is chosen."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from feeds.adapters.coordination.opening import coordinating
from feeds.adapters.nats.connection import Connection
from feeds.adapters.server import free_port
from feeds.contract.coordination import Unavailable
from feeds.contract.coordination_address import CoordinationAddress, parse_coordination
from feeds.contract.errors import Refused
from feeds.contract.settings import BusSettings


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("memory:", CoordinationAddress("memory")),
        ("memory", CoordinationAddress("memory")),
        ("nats:", CoordinationAddress("nats")),
        ("nats", CoordinationAddress("nats")),
        ("aerospike://host", CoordinationAddress("aerospike", (("host", 3000),), "oddswire")),
        (
            "aerospike://a.example:3100,10.0.0.2,[::1]:3300/odds",
            CoordinationAddress("aerospike", (("a.example", 3100), ("10.0.0.2", 3000), ("::1", 3300)), "odds"),
        ),
        ("aerospike://a/odds/staging", CoordinationAddress("aerospike", (("a", 3000),), "odds", "staging")),
    ],
)
def test_an_address_is_read(text: str, address: CoordinationAddress) -> None:
    assert parse_coordination(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "redis://a",
        "nats://a",
        "aerospike:a",
        "aerospike://",
        "aerospike://a,",
        "aerospike://a:0",
        "aerospike://a:70000",
        "aerospike://a:x",
        "aerospike://a/odds/x/y",
        "aerospike://a/o.d",
        "aerospike://a/" + "n" * 32,
        "aerospike://me:secret@a",
        "aerospike://" + ",".join(["a"] * 33),
    ],
)
def test_what_is_none_is_refused_without_repeating_a_password(text: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_coordination(text)
    assert refused.value.code == "bad_address"
    assert "secret" not in str(refused.value)
    with pytest.raises(ValidationError, match="coordination is memory:"):
        BusSettings(coordination=text)


async def test_a_cluster_that_is_not_there_is_said_within_the_time_a_command_has() -> None:
    where = f"aerospike://127.0.0.1:{free_port()}"
    bus = BusSettings(coordination=where)
    with pytest.raises(Unavailable, match=f"no node answers at {where}"):
        async with coordinating(bus, Connection(bus.nats_url, name="test"), reach_s=0.1):
            pass


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_nothing_of_aerospike_is_imported_by_who_has_not_chosen_it() -> None:
    told = python(
        "import sys, feeds.main, fanout.main, gateway.main, gateway.api.main\n"
        "assert not [name for name in sys.modules if name.startswith('aerospike')]"
    )
    assert told.returncode == 0, told.stderr


def test_without_its_package_the_choice_is_refused_with_what_to_do() -> None:
    told = python(
        "import sys; sys.modules['aerospike'] = None; from feeds.main import main\n"
        "sys.exit(main(['run', '--coordination', 'aerospike://127.0.0.1:1']))"
    )
    assert told.returncode == 2
    assert told.stderr == (
        "feeds: coordination on Aerospike needs the package `aerospike`: pip install 'oddswire[aerospike]'\n"
    )
