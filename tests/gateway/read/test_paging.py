"""Page tokens lead back to their key, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.contract.errors import Refused
from gateway.read.paging import Key, make_token, read_token

KEYS = st.lists(st.text(max_size=40), min_size=1, max_size=3).map(tuple)


@given(st.text(max_size=40), KEYS)
def test_a_token_leads_back_to_its_key(scope: str, key: Key) -> None:
    token = make_token(scope, key)
    assert token.replace("-", "").replace("_", "").isalnum()
    assert len(token) > 512 or read_token(scope, token) == key


@given(st.text(max_size=60))
def test_what_was_made_up_is_refused(token: str) -> None:
    with pytest.raises(Refused) as refused:
        read_token("events", token)
    assert refused.value.code == "bad_page_token"


@given(KEYS)
def test_a_token_is_good_for_its_own_list_alone(key: Key) -> None:
    with pytest.raises(Refused):
        read_token("futures None", make_token("events None", key))
