"""Tickets: what one minted is what another checks, and nothing else passes."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout.contract.tickets import TICKET_S, Grant, TicketKeys, parse_keys
from fanout.contract.topics import parse_topic
from feeds.contract.errors import Refused

NOW_S = 1_790_000_000
NEW, OLD = "n" * 32, "o" * 40
KEYS = parse_keys(f"new:{NEW}, old:{OLD}")
GRANT = Grant("A1", ("football.nfl", "soccer:main"), 100, NOW_S + 3_600)
CLAIMS: dict[str, Any] = {
    "aud": "oddswire-stream",
    "sub": "A1",
    "topics": ["football"],
    "tier_ms": 0,
    "session_exp": NOW_S + 60,
    "iat": NOW_S,
    "exp": NOW_S + 10,
    "jti": "J1",
}


def forged(key: str = NEW, *, kid: object = "new", algorithm: str = "HS256", **changes: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def test_a_ticket_is_checked_as_it_was_minted_and_no_two_are_the_same() -> None:
    first, second = (KEYS.check(KEYS.mint(GRANT, NOW_S), NOW_S) for _ in range(2))
    assert first.grant == second.grant == GRANT._replace(minted_s=NOW_S)
    assert first.exp == NOW_S + TICKET_S
    assert first.jti != second.jti


def test_it_never_outlives_the_session() -> None:
    ticket = KEYS.mint(GRANT._replace(session_exp=NOW_S + 5), NOW_S)
    assert KEYS.check(ticket, NOW_S + 4.9).exp == NOW_S + 5
    with pytest.raises(Refused, match="over"):
        KEYS.check(ticket, NOW_S + 5)


def test_keys_are_rotated_by_their_ids() -> None:
    old = parse_keys(f"old:{OLD}").mint(GRANT, NOW_S)
    assert KEYS.check(old, NOW_S).grant == GRANT._replace(minted_s=NOW_S)
    with pytest.raises(Refused):
        parse_keys(f"new:{NEW}").check(old, NOW_S)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "a.b.c",
        "x" * 10_000,
        forged("f" * 32),
        forged(OLD),
        forged(kid="nobody"),
        forged(kid=None),
        forged(NEW * 2, algorithm="HS512"),
        jwt.encode(CLAIMS, "", algorithm="none", headers={"kid": "new"}),
        forged(aud="another"),
        forged(aud=None),
        forged(exp=NOW_S),
        forged(exp=NOW_S + 3_600),
        forged(exp=None),
        forged(session_exp=NOW_S),
        forged(session_exp=None),
        forged(jti="../x"),
        forged(jti=None),
        forged(sub=""),
        forged(topics="football"),
        forged(topics=["Nope"]),
        forged(topics=["football"] * 201),
        forged(tier_ms="0"),
        forged(tier_ms=-1),
        forged(iat=None),
        forged(iat=-1),
    ],
)
def test_what_is_no_ticket_of_ours_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        KEYS.check(text, NOW_S)
    assert refusal.value.code == "unauthenticated"
    assert not text or text not in str(refusal.value)


def test_only_what_is_changed_makes_it_forged() -> None:
    assert KEYS.check(forged(), NOW_S).jti == "J1"


@given(st.text(max_size=200))
def test_nothing_odd_passes(text: str) -> None:
    with pytest.raises(Refused):
        KEYS.check(text, NOW_S)


@given(st.integers(0, 400), st.characters(codec="ascii", categories=["L", "N"]))
def test_a_ticket_with_one_letter_changed_is_none(place: int, letter: str) -> None:
    ticket = KEYS.mint(GRANT, NOW_S)
    place %= len(ticket) - 1  # the last one carries bits that base64url does not use
    if ticket[place] in (letter, "."):
        return
    with pytest.raises(Refused):
        KEYS.check(ticket[:place] + letter + ticket[place + 1 :], NOW_S)


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        ("football.nfl", True),
        ("football.nfl:prop", True),
        ("football.nfl.E1.M1", True),
        ("football", False),
        ("football.nflx", False),
        ("soccer:main", True),
        ("soccer.epl.E1:main", True),
        ("soccer", False),
        ("soccer.epl:prop", False),
    ],
)
def test_a_topic_is_allowed_with_all_below_it(topic: str, allowed: bool) -> None:
    assert GRANT.allows(parse_topic(topic)) is allowed
    assert GRANT._replace(topics=("*",)).allows(parse_topic(topic))
    assert not GRANT._replace(topics=()).allows(parse_topic(topic))


@pytest.mark.parametrize("text", ["short:secret", "nokid", f":{NEW}", f"a b:{NEW}"])
def test_keys_that_are_none_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_keys(text)
    assert "secret" not in str(refusal.value).lower().replace("kid:secret", "").replace("its secret", "")
    assert NEW not in repr(KEYS)


def test_nothing_is_minted_without_a_key_or_for_a_topic_that_is_none() -> None:
    assert not parse_keys("")
    with pytest.raises(Refused, match="no ticket key"):
        TicketKeys({}).mint(GRANT, NOW_S)
    with pytest.raises(Refused):
        KEYS.mint(GRANT._replace(topics=("Nope",)), NOW_S)
