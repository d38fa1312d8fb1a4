"""The cursor: text and back, and that whatever a device sends is a cursor or none, never an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout.contract.cursor import CURSOR_MAX_CHARS, Cursor, decode_cursor, encode_cursor

positions = st.dictionaries(st.integers(0, 1_295), st.integers(0, 2**63), max_size=20)
epochs = st.from_regex(r"[0-9a-z-]{1,48}", fullmatch=True)


@given(epochs, positions)
def test_text_and_back(epoch: str, at: dict[int, int]) -> None:
    text = encode_cursor(epoch, at.items())
    assert decode_cursor(text) == Cursor(epoch, at)


@given(st.text(max_size=200) | st.from_regex(r"1\.[0-9a-z.-]{0,40}", fullmatch=True))
def test_whatever_is_sent_is_a_cursor_or_none(text: str) -> None:
    decoded = decode_cursor(text)
    assert decoded is None or decode_cursor(encode_cursor(decoded.epoch, decoded.positions.items())) == decoded


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.", "2.e1.0-1", "1.e1.0-1.", "1.e1.0", "1.E1.0-1", "1.e1.0-1\n", "1.e1" + ".0-1" * CURSOR_MAX_CHARS],
)
def test_rubbish_is_none(text: str) -> None:
    assert decode_cursor(text) is None
