"""The client's address behind proxies: only what a trusted hop says is believed, whatever stands in the header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout.contract.addresses import HOPS_MAX, Networks, client_address

TRUSTED = Networks(["10.0.0.0/8", "2001:db8:aa::/48"])
PROXY = "10.0.0.1"


def seen(peer: str, *forwarded_for: str, trusted: Networks = TRUSTED) -> str | None:
    address = client_address(peer, forwarded_for, trusted)
    return None if address is None else str(address)


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("198.51.100.7", (), "198.51.100.7"),
        ("198.51.100.7", ("203.0.113.9",), "198.51.100.7"),
        (PROXY, (), PROXY),
        (PROXY, ("203.0.113.9",), "203.0.113.9"),
        (PROXY, ("6.6.6.6, 203.0.113.9",), "203.0.113.9"),
        (PROXY, ("6.6.6.6,203.0.113.9 , 10.1.1.1,10.2.2.2",), "203.0.113.9"),
        (PROXY, ("6.6.6.6", "203.0.113.9", "10.1.1.1"), "203.0.113.9"),
        (PROXY, ("10.3.3.3, 10.2.2.2",), "10.3.3.3"),
        (PROXY, ("203.0.113.9:4711",), "203.0.113.9"),
        (PROXY, ("2001:db8::1",), "2001:db8::1"),
        (PROXY, ("[2001:db8::1]",), "2001:db8::1"),
        (PROXY, ("[2001:DB8:0::1]:4711",), "2001:db8::1"),
        (PROXY, ("203.0.113.9, 2001:db8:aa::5",), "203.0.113.9"),
        ("::ffff:10.0.0.1", ("::ffff:203.0.113.9",), "203.0.113.9"),
        ("2001:db8:aa::1", ("203.0.113.9",), "203.0.113.9"),
        ("", ("203.0.113.9",), None),
        ("/run/socket", (), None),
    ],
)
def test_the_right_most_hop_that_is_not_trusted(peer: str, forwarded_for: tuple[str, ...], address: str) -> None:
    assert seen(peer, *forwarded_for) == address


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        " ",
        "unknown",
        "_hidden",
        "1.2.3",
        "[2001:db8::1",
        "[::1]x",
        "[]:80",
        "1.2.3.4:x",
        "1.2.3.4:5:6",
        "x" * 9_000,
    ],
)
def test_behind_a_hop_that_is_no_address_the_last_trusted_one_counts(rubbish: str) -> None:
    assert seen(PROXY, rubbish) == PROXY
    assert seen(PROXY, f"203.0.113.9, {rubbish}, 10.1.1.1") == "10.1.1.1"
    assert seen(PROXY, f"{rubbish}, 203.0.113.9") == "203.0.113.9"


def test_a_long_way_back_is_walked_up_to_a_bound() -> None:
    hops = [f"10.0.1.{number}" for number in range(HOPS_MAX + 1)]
    assert seen(PROXY, ", ".join(["203.0.113.9", *hops[1:]])) == "10.0.1.1"
    assert seen(PROXY, ", ".join(["203.0.113.9", *hops[2:]])) == "203.0.113.9"


def test_nobody_is_trusted_by_default() -> None:
    assert not Networks(())
    assert seen("127.0.0.1", "203.0.113.9", trusted=Networks(())) == "127.0.0.1"


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        Networks(["10.0.0.0/33"])


@given(st.text(), st.lists(st.text(alphabet="0123456789.:,[]af x"), max_size=5))
def test_no_header_is_too_odd(peer: str, forwarded_for: list[str]) -> None:
    client_address(peer, forwarded_for, TRUSTED)
    assert client_address(PROXY, forwarded_for, TRUSTED) is not None


@given(st.lists(st.ip_addresses(v=4).map(str), max_size=20))
def test_what_a_device_wrote_itself_changes_nothing(written: list[str]) -> None:
    assert seen(PROXY, ",".join([*written, "203.0.113.9"])) == "203.0.113.9"
