"""Receipts: opened by nobody else, bound, over in time; the development signer; what the commands tell."""

from __future__ import annotations

import argparse
import stat
from collections import defaultdict
from ipaddress import ip_address
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from feeds.contract.errors import Refused
from gateway.commands import parser
from gateway.location import command
from gateway.location.checks import network_of
from gateway.location.receipts import ReceiptKeys
from gateway.location.refusals import GeoRefused
from gateway.location.settings import LocationSettings
from gateway.location.wiring import known
from tests.gateway.location.vendor import CLAIMANT, NOW, Desk, vendor


async def test_a_receipt_is_its_claimants_until_it_is_over() -> None:
    desk = Desk()
    got = await desk.locations.verify(vendor().sign(), CLAIMANT)
    assert (got.jurisdiction, got.expires_s) == ("US-NJ", NOW - 2 + 1_200)
    decision = desk.locations.admit(got.receipt, CLAIMANT)
    assert (decision.lat, decision.lon, decision.accuracy_m) == (39.93, -75.02, 25.0)
    assert decision == desk.records.rows[0].decision
    for wrong, code in (
        (CLAIMANT._replace(account="A2"), "geo_not_yours"),
        (CLAIMANT._replace(device="phone-2"), "geo_not_yours"),
        (CLAIMANT._replace(session="session-2"), "geo_not_yours"),
        (CLAIMANT._replace(network="203.0.114.0/24"), "geo_network_changed"),
    ):
        with pytest.raises(GeoRefused) as refusal:
            desk.locations.admit(got.receipt, wrong)
        assert refusal.value.code == code
    assert desk.locations.admit(got.receipt, CLAIMANT, now_s=got.expires_s - 1) == decision
    with pytest.raises(GeoRefused) as refusal:
        desk.locations.admit(got.receipt, CLAIMANT, now_s=got.expires_s)
    assert refusal.value.code == "geo_expired"


async def test_what_we_did_not_seal_is_no_receipt() -> None:
    desk = Desk()
    receipt = (await desk.locations.verify(vendor().sign(), CLAIMANT)).receipt
    form, kid, body = receipt.split(".")
    changed = body[:20] + ("A" if body[20] != "A" else "B") + body[21:]
    bad = [
        "",
        "g1",
        "g1.k1.",
        f"g1.k2.{body}",
        f"g2.{kid}.{body}",
        f"{form}.{kid}.{changed}",
        f"{receipt}AAAA",
        "é" * 9,
    ]
    for text in [*bad, "g1.k1." + "A" * 3_000, None]:
        with pytest.raises(GeoRefused) as refusal:
            desk.locations.admit(text, CLAIMANT)
        assert refusal.value.code == "geo_no_receipt"


def test_receipt_keys_rotate_and_short_ones_are_refused() -> None:
    with pytest.raises(Refused):
        ReceiptKeys({"k": b"short"})
    with pytest.raises(GeoRefused):
        ReceiptKeys({}).open("g1.k1.AAAA")


@pytest.mark.parametrize(
    ("address", "network"),
    [("203.0.113.77", "203.0.113.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("127.0.0.1", "127.0.0.0/24")],
)
def test_networks(address: str, network: str) -> None:
    assert network_of(ip_address(address)) == network


def options(*words: str) -> argparse.Namespace:
    return parser(defaultdict(lambda: lambda _: 0)).parse_args(words)


async def test_a_development_packet_is_believed_in_development_only(tmp_path: Path) -> None:
    words = ("dev", "locate", "--account", "A1", "--lat", "39.9259", "--lon", "-75.0196", "--data-dir", str(tmp_path))
    said: list[str] = []
    more = ("--device", CLAIMANT.device, "--session", CLAIMANT.session, "--network", CLAIMANT.network)
    assert command.locate(options(*words, *more), said.append, now_s=NOW) == 0
    file = tmp_path / "location" / "development.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    made = known(LocationSettings(environment="development", development_dir=tmp_path))
    desk = Desk()
    assert await desk.verdict(said[0]) == "geo_bad_packet"
    desk.locations._known = made
    assert await desk.verdict(said[0]) == "accepted"
    with pytest.raises(ValidationError, match="not believed in production"):
        LocationSettings(development_dir=tmp_path)
    file.chmod(0o644)
    with pytest.raises(Refused, match="read by others"):
        known(LocationSettings(environment="development", development_dir=tmp_path))


def test_settings_name_keys_and_without_any_nothing_is_believed() -> None:
    assert not known(LocationSettings()).keys
    sealed = known(LocationSettings(receipt_keys=SecretStr(f"a:{'x' * 32}, b:{'y' * 32}"))).receipts
    assert sealed
    assert "x" * 32 not in repr(LocationSettings(receipt_keys=SecretStr(f"a:{'x' * 32}")))


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("--lat", "39.9259", "--lon", "-75.0196"), 0, "accepted  US-NJ  for 1200 s"),
        (("--lat", "39.9526", "--lon", "-75.1652", "--moving"), 0, "accepted  US-PA  for 104 s"),
        (("--lat", "39.9526", "--lon", "-75.1652", "--state", "US-NJ"), 2, "geo_outside"),
        (("--lat", "39.9450", "--lon", "-75.1300"), 2, "geo_undetermined"),
        (("--lat", "39.9259", "--lon", "-75.0196", "--accuracy", "300"), 2, "geo_inaccurate"),
        (("--lat", "0", "--lon", "0"), 2, "in no state"),
    ],
)
def test_geo_check(words: tuple[str, ...], status: int, told: str) -> None:
    said: list[str] = []
    assert command.check(options("geo", "check", *words), LocationSettings(), said.append) == status
    assert told in said[0]


def test_geo_rules_name_their_sources_and_unknown_states_are_refused() -> None:
    said: list[str] = []
    assert command.rules(options("geo", "rules", "nj"), said.append) == 0
    assert "13:69N-1.1" in "\n".join(said)
    with pytest.raises(Refused, match="everything is refused"):
        command.rules(options("geo", "rules", "US-CO"), said.append)
    with pytest.raises(Refused):
        command.check(options("geo", "check", "--lat", "nan", "--lon", "0"), LocationSettings(), said.append)
