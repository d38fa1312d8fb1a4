"""Keys as text and as what is kept of them; and what may not be wanted of one."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.errors import Refused
from gateway.access.address import holds_credential, redacted
from gateway.access.keys import KeyRecord, checked_id, is_that_of, wish
from gateway.access.secret import hash_of, id_of, make_key

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def record(key: str, **changed: object) -> KeyRecord:
    key_id = id_of(key.encode())
    assert key_id is not None
    made = KeyRecord(key_id, hash_of(key.encode()), "", ("odds",), "free", None, NOW, None, None)
    return made._replace(**changed)  # type: ignore[arg-type]


def test_a_key_is_256_random_bits_behind_a_public_id() -> None:
    keys = {make_key() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert re.fullmatch(r"ow_[0-9a-f]{12}_[0-9a-f]{64}", key)
        assert id_of(key.encode()) == key[3:15]
        assert key.encode() not in hash_of(key.encode())
        assert is_that_of(hash_of(key.encode()), record(key))
        assert not is_that_of(hash_of(key.encode()), record(make_key()))


@given(st.binary(max_size=200))
def test_what_is_no_key_has_no_id(text: bytes) -> None:
    assert id_of(text) is None


@pytest.mark.parametrize("spoilt", [lambda key: key[:-1], lambda key: key + "0", str.upper, lambda key: key + "\n"])
def test_a_key_is_exact(spoilt: object) -> None:
    assert id_of(spoilt(make_key()).encode()) is None  # type: ignore[operator]


def test_a_key_is_good_until_it_ends_or_is_revoked() -> None:
    key = make_key()
    assert record(key).good_until(NOW) == float("inf")
    later = NOW + timedelta(days=1)
    assert record(key, expires=later).good_until(NOW) == later.timestamp()
    assert record(key, expires=later).good_until(later) is None
    assert record(key, revoked=NOW).good_until(NOW) is None


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"scopes": ()}, "bad_scope"),
        ({"scopes": ("odds", "everything")}, "bad_scope"),
        ({"plan": "golden"}, "bad_plan"),
        ({"account": "a b"}, "bad_account"),
        ({"account": ""}, "bad_account"),
        ({"account": "a" * 65}, "bad_account"),
        ({"name": "n" * 101}, "bad_name"),
        ({"name": "line\nbreak"}, "bad_name"),
    ],
)
def test_what_may_not_be_wanted_of_a_key(changed: dict[str, object], code: str) -> None:
    wanted: dict[str, object] = {"name": "", "scopes": ("odds",), "plan": "free", **changed}
    with pytest.raises(Refused) as refused:
        wish(**wanted)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_a_whole_key_is_no_id_and_is_not_repeated() -> None:
    key = make_key()
    with pytest.raises(Refused) as refused:
        checked_id(key)
    assert key[16:] not in str(refused.value)


KEY = f"ow_0123456789ab_{'5a' * 32}"
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0xxxx.c2lnbmF0dXJlMTIz"


@pytest.mark.parametrize(
    ("path", "query", "holds"),
    [
        ("/v1/markets/M1", "", False),
        ("/v1/markets/M1", "odds_format=all", False),
        ("/v1/events", "page_token=AAAA&league=nfl", False),
        ("/v1/bets/by-key/abc", "", False),
        ("/v1/markets/M1", f"x={KEY}", True),
        ("/v1/markets/M1", f"x={KEY[:30]}", True),
        ("/v1/markets/M1", "api_key=1", True),
        ("/v1/markets/M1", "a=b&X-API-Key=1", True),
        ("/v1/markets/M1", "apikey=", True),
        ("/v1/markets/M1", "api%5Fkey=1", True),
        ("/v1/markets/M1", f"x={KEY.replace('_', '%5f')}", True),
        ("/v1/markets/M1", "access_token=1", True),
        ("/v1/markets/M1", f"t={TOKEN}", True),
        (f"/v1/markets/{KEY}", "", True),
        (f"/v1/{TOKEN}", "", True),
    ],
)
def test_a_credential_in_an_address_is_seen_and_never_logged(path: str, query: str, holds: bool) -> None:
    assert holds_credential(path, query.encode()) is holds
    assert KEY[16:] not in redacted(path)
    assert TOKEN not in redacted(path)
    assert holds or redacted(path) == path
