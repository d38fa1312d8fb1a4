"""Accept-Encoding and If-None-Match, as clients write them and as nobody should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.read.negotiation import encoding_of, matches


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        (None, None),
        (b"", None),
        (b"identity", None),
        (b"gzip", "gzip"),
        (b"x-gzip", "gzip"),
        (b"gzip, deflate, br", "gzip"),
        (b"gzip, deflate, br, zstd", "zstd"),
        (b"GZIP;Q=0.5 , ZSTD ; q=0.1", "gzip"),
        (b"zstd;q=0, gzip;q=0", None),
        (b"zstd;q=0, *", "gzip"),
        (b"*;q=0.1", "zstd"),
        (b"*;q=0", None),
        (b"gzip;q=2", None),
        (b"gzip;q=nan", None),
        (b"gzip;level=3", "gzip"),
        (b"gzip," * 100, None),
    ],
)
def test_the_encoding_a_client_gets(accept: bytes | None, encoding: str | None) -> None:
    assert encoding_of(accept) == encoding


@given(st.binary(max_size=300))
def test_no_header_is_a_fault(header: bytes) -> None:
    assert encoding_of(header) in (None, "gzip", "zstd")
    assert matches(header, b'"x"') in (True, False)


@pytest.mark.parametrize(
    ("held", "same"),
    [
        (b'"a"', True),
        (b'W/"a"', True),
        (b'"b", "a"', True),
        (b"*", True),
        (b'"b"', False),
        (b"a", False),
        (b'"a-gzip"', False),
        (b'"b",' * 2_000 + b'"a"', False),
    ],
)
def test_what_a_client_holds(held: bytes, same: bool) -> None:
    assert matches(held, b'"a"') is same
