"""What we ship: licences that were looked at, no secret in a file, no vulnerability that is known."""

from __future__ import annotations

import pytest
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import transient_settings

from tests.supply import audit, licences, secrets
from tests.supply.__main__ import LICENCES

CREDENTIALS = (
    "ODDSWIRE_ACCESS_DEVELOPMENT_DIR",
    "ODDSWIRE_BETFAIR_PASSWORD",
    "ODDSWIRE_BETS_OFFER_KEYS",
    "ODDSWIRE_DATABASE_PASSWORD",
    "ODDSWIRE_DESK_CLIENT_SECRET",
    "ODDSWIRE_DESK_SESSION_KEYS",
    "ODDSWIRE_FANOUT_TICKET_KEYS",
    "ODDSWIRE_LOCATION_RECEIPT_KEYS",
    "ODDSWIRE_LOCATION_VENDOR_KEYS",
    "ODDSWIRE_NATS_URL",
    "ODDSWIRE_SPORTRADAR_TOKEN",
    "ODDSWIRE_THEODDSAPI_API_KEY",
)


def test_licences_are_those_we_take_and_listed() -> None:
    packages = licences.licensed()
    assert [one for one in packages if not one.taken] == []
    assert {"nats-py", "websockets", "aerospike", "locust"} <= {one.name for one in packages}
    assert LICENCES.read_text() == licences.page(packages), "make supply writes it"


@pytest.mark.parametrize("licence", ["", "GPL-3.0-only", "MIT AND SSPL-1.0", "LicenseRef-Ours"])
def test_another_licence_is_a_finding(licence: str) -> None:
    assert not licences.Licensed("x", "1", licence).taken


def test_no_file_holds_a_secret() -> None:
    assert secrets.found() == []


def test_a_secret_would_be_seen() -> None:
    with transient_settings({"plugins_used": [{"name": "PrivateKeyDetector"}, {"name": "AWSKeyDetector"}]}):
        assert list(scan_line("-----BEGIN EC PRIVATE " + "KEY-----"))
        assert list(scan_line("AKIA" + "Q" * 16))


def test_nothing_installed_is_known_to_be_vulnerable() -> None:
    seen = audit.audit()
    assert seen.vulnerable == []
    if not seen.audited:
        pytest.skip(f"the index tells no advisories here: {seen.unknown} packages were not audited")


def test_the_page_of_threats_names_every_credential() -> None:
    threats = (secrets.ROOT / "helm" / "threats.md").read_text()
    assert (secrets.ROOT / "SECURITY.md").exists()
    for setting in CREDENTIALS:
        assert setting in threats, setting
