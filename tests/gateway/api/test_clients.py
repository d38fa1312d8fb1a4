"""Whose request it is: the peer, unless the peer is a proxy that is trusted. The rule itself: tests/fanout."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.api.clients import Clients
from gateway.api.settings import ApiSettings

PROXIED = [(b"x-forwarded-for", b"6.6.6.6"), (b"host", b"a"), (b"x-forwarded-for", b"203.0.113.9, 10.1.1.1")]


@pytest.mark.parametrize(
    ("trusted", "client", "headers", "address"),
    [
        ("", ("10.0.0.1", 1), PROXIED, "10.0.0.1"),
        ("10.0.0.0/8", ("10.0.0.1", 1), PROXIED, "203.0.113.9"),
        ("10.0.0.0/8", ("10.0.0.1", 1), [], "10.0.0.1"),
        ("10.0.0.0/8", ("198.51.100.7", 1), PROXIED, "198.51.100.7"),
        ("10.0.0.0/8", ("10.0.0.1", 1), [(b"x-forwarded-for", b"\xff\xfe")], "10.0.0.1"),
        ("10.0.0.0/8, 2001:db8::/32", ("2001:db8::1", 1), PROXIED, "203.0.113.9"),
        ("", ("::ffff:10.0.0.1", 1), [], "10.0.0.1"),
        ("10.0.0.0/8", None, PROXIED, ""),
    ],
)
def test_the_client_is_who_trusted_proxies_say(trusted: str, client: Any, headers: Any, address: str) -> None:
    clients = Clients(ApiSettings.model_validate({"trusted_proxies": trusted}).trusted_proxies)
    assert clients.address({"client": client, "headers": headers}) == address


@pytest.mark.parametrize("bad", ["everybody", "10.0.0.1/8", "10.0.0.0/33"])
def test_what_is_no_network_is_no_setting(bad: str) -> None:
    with pytest.raises(ValidationError):
        ApiSettings.model_validate({"trusted_proxies": bad})
