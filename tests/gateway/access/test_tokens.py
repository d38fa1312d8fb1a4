"""Tokens: the good one is taken, and of the bad ones every kind is refused for what it is."""

import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.errors import Refused
from gateway.access.plans import PLANS
from gateway.access.tokens import (
    TOKEN_BYTES_MAX,
    TOKEN_S_MAX,
    KeySet,
    Rules,
    UnknownKey,
    account_of,
    check_token,
    issuer_of,
)
from tests.gateway.access.issuing import AUDIENCE, Signer, by_hand, claims

ISSUER = "https://issuer.example"
RULES = Rules(ISSUER, AUDIENCE, frozenset(("RS256", "PS256", "ES256", "EdDSA")), PLANS["professional"], skew_s=10)
SIGNERS = {name: Signer(name, name) for name in ("RS256", "ES256", "EdDSA", "ES384")}
SIGNERS["PS256"] = Signer("PS256", "PS256", SIGNERS["RS256"].key)
KEYS = KeySet({"keys": [signer.jwk for signer in SIGNERS.values()]}, RULES.algorithms)
ES = SIGNERS["ES256"]


def check(token: bytes, keys: KeySet = KEYS) -> Any:
    return check_token(token, RULES, keys, time.time())


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_good_token_says_who_it_is_and_what_they_may(algorithm: str) -> None:
    said = claims(ISSUER, scope="odds bets openid", scp=["stream", "email"], aud=["other", AUDIENCE])
    token = check(SIGNERS[algorithm].token(said))
    assert token.principal.account == "account-1"
    assert token.principal.subject == "sub:account-1"
    assert token.principal.scopes == {"odds", "bets", "stream"}
    assert token.principal.plan is PLANS["professional"]
    assert (token.exp, token.minted_s) == (said["exp"], said["iat"])


def test_claims_that_need_not_be_there_need_not() -> None:
    token = check(ES.token(claims(ISSUER, iat=None, nbf=None, scope=None)))
    assert token.principal.scopes == frozenset()
    assert token.minted_s == 0, "any revocation ends it"
    assert check(ES.token(claims(ISSUER, scope=None, scp="odds desk"))).principal.scopes == {"odds", "desk"}


NOW_S = int(time.time())

BAD_CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"exp": NOW_S - 60}, "over"),
    ({"exp": None}, "lacks a claim"),
    ({"exp": "never"}, "not a token"),
    ({"exp": 1e400}, "not a token"),
    ({"exp": NOW_S + 2 * TOKEN_S_MAX}, "lasts up to"),
    ({"nbf": NOW_S + 600}, "does not hold yet"),
    ({"nbf": "soon"}, "not a token"),
    ({"aud": "https://other.example"}, "another audience"),
    ({"aud": [AUDIENCE + "/"]}, "another audience"),
    ({"aud": []}, "lacks a claim"),
    ({"aud": None}, "lacks a claim"),
    ({"iss": "https://other.example"}, "another issuer"),
    ({"iss": ISSUER + "/"}, "another issuer"),
    ({"iss": None}, "lacks a claim"),
    ({"sub": None}, "lacks a claim"),
    ({"sub": ""}, "sub has"),
    ({"sub": "s" * 256}, "sub has"),
    ({"sub": 7}, "not a token"),
    ({"sub": "\ud800"}, "not a token"),
    ({"iat": 1e400}, "not a token"),
    ({"iat": []}, "not a token"),
    ({"scope": {"odds": True}}, "not a token"),
    ({"scp": [1]}, "not a token"),
]


@pytest.mark.parametrize(("changed", "words"), BAD_CLAIMS)
def test_bad_claims_are_refused(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        check(ES.token(claims(ISSUER, **changed)))
    assert refused.value.code == "bad_token"


def test_a_clock_that_is_off_by_little_is_forgiven() -> None:
    check(ES.token(claims(ISSUER, exp=int(time.time()) - 2, nbf=int(time.time()) + 5)))


BAD_HEADERS: list[tuple[str, bytes]] = [
    ("none", by_hand({"alg": "none", "kid": "ES256"}, claims(ISSUER))),
    ("None", by_hand({"alg": "None", "kid": "ES256"}, claims(ISSUER))),
    ("no alg", by_hand({"kid": "ES256"}, claims(ISSUER))),
    ("alg that is a list", by_hand({"alg": ["ES256"], "kid": "ES256"}, claims(ISSUER))),
    ("HS256 by the public key", by_hand({"alg": "HS256", "kid": "RS256"}, claims(ISSUER), SIGNERS["RS256"].pem)),
    ("HS256 by nothing", by_hand({"alg": "HS256", "kid": "ES256"}, claims(ISSUER), b"")),
    ("not of our list", SIGNERS["ES384"].token(claims(ISSUER))),
    ("unsigned", ES.token(claims(ISSUER)).rpartition(b".")[0] + b"."),
    ("crit", ES.token(claims(ISSUER), crit=["exp"])),
    ("a key of its own", Signer("ES256").token(claims(ISSUER))),
    ("kid that is no text", by_hand({"alg": "ES256", "kid": 7}, claims(ISSUER), b"")),
    ("kid that is a list", by_hand({"alg": "ES256", "kid": []}, claims(ISSUER), b"")),
    ("claims that are a list", by_hand({"alg": "ES256", "kid": "ES256"}, [1], b"")),  # type: ignore[arg-type]
    ("nested too deep", b"e30." + b"W1tb" * 1_900 + b".e30"),
    ("nothing", b""),
    ("dots", b".."),
    ("bytes", b"\xff\xfe.\x00.\x80"),
]


@pytest.mark.parametrize("token", [token for _, token in BAD_HEADERS], ids=[name for name, _ in BAD_HEADERS])
def test_tokens_that_are_not_signed_by_the_issuer_are_refused(token: bytes) -> None:
    with pytest.raises(Refused) as refused:
        check(token)
    assert refused.value.code == "bad_token"


@pytest.mark.parametrize("header", [{"kid": "another"}, {"kid": None}])
def test_a_key_that_is_not_in_the_set_may_be_a_new_one(header: dict[str, Any]) -> None:
    with pytest.raises(UnknownKey):
        check(ES.token(claims(ISSUER), **header))


def test_a_key_takes_no_algorithm_of_another_kind() -> None:
    with pytest.raises(UnknownKey):
        check(by_hand({"alg": "ES256", "kid": "RS256"}, claims(ISSUER), b""))
    bound = KeySet({"keys": [SIGNERS["RS256"].jwk | {"alg": "RS256"}]}, RULES.algorithms)
    with pytest.raises(UnknownKey):
        check(SIGNERS["PS256"].token(claims(ISSUER), kid="RS256"), bound)


def test_where_there_is_one_key_it_need_not_be_named() -> None:
    check(ES.token(claims(ISSUER), kid=None), KeySet({"keys": [ES.jwk]}, RULES.algorithms))


def test_keys_that_cannot_be_used_are_left_out() -> None:
    weak = Signer("weak", "RS256", rsa.generate_private_key(65_537, 1_024))
    kept = KeySet(
        {
            "keys": [
                weak.jwk,
                ES.jwk | {"use": "enc", "kid": "enc"},
                {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
                {"kty": "RSA", "n": "AA", "e": "AQAB", "kid": "broken"},
                {"kty": "EC", "crv": "P-999", "kid": "curve"},
                ES.jwk | {"kid": 7},
                ES.jwk | {"kid": "private", "d": "c2VjcmV0"},
                {"kid": "nothing", "kty": []},
                "not a key",
                ES.jwk,
            ]
        },
        RULES.algorithms,
    )
    assert len(kept) == 1
    assert kept.key("ES256", "ES256") is kept.key(None, "ES256") is not None
    nothings: list[object] = [[], {}, {"keys": {}}, None, 7]
    for nothing in nothings:
        with pytest.raises(Refused, match="JWK set"):
            KeySet(nothing, RULES.algorithms)


def test_a_huge_token_is_not_looked_at() -> None:
    with pytest.raises(Refused, match=str(TOKEN_BYTES_MAX)):
        issuer_of(b"a" * (TOKEN_BYTES_MAX + 1))


@given(st.binary(max_size=300))
def test_whatever_comes_is_refused(token: bytes) -> None:
    with pytest.raises(Refused):
        issuer_of(token)
    with pytest.raises((Refused, UnknownKey)):
        check(token)


@given(st.text(min_size=1, max_size=255), st.text(min_size=1, max_size=255))
def test_every_sub_is_an_account_of_its_own(one: str, other: str) -> None:
    accounts = account_of(one), account_of(other)
    assert (accounts[0] == accounts[1]) == (one == other)
    assert all(1 <= len(account) <= 64 for account in accounts)
    assert account_of(accounts[0]) != accounts[0] or accounts[0] == one
