"""Whatever a request's head is, and however it is cut: an answer, an upgrade, or more of it is awaited. Seeded."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conformance import saying
from tests.conformance.theatre import HEAD_BYTES, HEAD_END, Theatre, assert_answered_or_awaited
from tests.conformance.transport import cut

seeded = settings(
    max_examples=400, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
NO_URL = b"GET //[ HTTP/1.1\r\n\r\n"
TWO_ORIGINS = b"GET /live HTTP/1.1\r\nOrigin: a\r\nOrigin: b\r\n\r\n"
TWO_LAST_EVENTS = b"GET /v1/stream/sse?topics=football HTTP/1.1\r\nLast-Event-ID: a\r\nLast-Event-ID: b\r\n\r\n"
MANY_FIELDS = b"GET /v1/stream/sse?" + b"a=b&" * 17 + b" HTTP/1.1\r\n\r\n"

TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
paths = (
    st.sampled_from(["/v1/stream", "/v1/stream/sse", "/live", "/ready", "/metrics", "/", "*", "//[", "http://x/live"])
    | st.text(max_size=20).map(lambda text: "/" + quote(text))
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
)
queries = st.lists(
    st.sampled_from(["topics=football", "topics=", "conflate_ms=100", "conflate_ms=x", "cursor=1.a.0-1", "a=b"])
    | st.text(max_size=8).map(quote),
    max_size=20,
).map("&".join)
values = (
    st.sampled_from(["websocket", "Upgrade", "13", "8", "dGhlIHNhbXBsZSBub25jZQ==", "https://example.org", "chunked"])
    | st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=20)
    | st.integers().map(str)
)
names = st.sampled_from(
    [
        "Host",
        "Upgrade",
        "Connection",
        "Origin",
        "Last-Event-ID",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Content-Length",
        "Transfer-Encoding",
        "X-Forwarded-For",
        "Authorization",
    ]
) | st.text(TOKEN, max_size=12)
UPGRADING = (
    ("Host", "x"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """A head that is one more or less, and what comes behind it."""
    method = draw(st.sampled_from(["GET", "GET", "GET", "OPTIONS", "POST", "HEAD", "get", ""]) | st.text(max_size=5))
    path = draw(paths) + draw(st.just("") | queries.map(lambda query: f"?{query}"))
    version = draw(st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2", ""]))
    fields = draw(st.permutations([*draw(st.sampled_from([UPGRADING, ()])), *draw(st.lists(st.tuples(names, values)))]))
    lines = [f"{method} {path} {version}", *(f"{name}: {value}" for name, value in fields)]
    head = "\r\n".join(lines).encode("latin-1", "replace") + HEAD_END
    return head + draw(st.just(b"") | saying.anything)


anything = heads() | st.binary(max_size=3 * HEAD_BYTES) | st.integers(0, 4 * HEAD_BYTES).map(lambda size: b"x" * size)


@seeded
@example(said=NO_URL, places=[])
@given(said=anything, places=saying.places)
def test_a_head_is_answered_or_awaited(theatre: Theatre, said: bytes, places: list[int]) -> None:
    line = theatre.knocks(cut(said, places))
    assert_answered_or_awaited(line, said)
    theatre.leaves(line)


@seeded
@example(said=TWO_ORIGINS, places=[], others=[])
@given(said=anything, places=saying.places, others=saying.places)
def test_how_a_head_is_cut_into_reads_changes_nothing(
    theatre: Theatre, said: bytes, places: list[int], others: list[int]
) -> None:
    one = theatre.knocks(cut(said, places))
    theatre.leaves(one)
    other = theatre.knocks(cut(said, others))
    theatre.leaves(other)
    assert one.closed == other.closed
    assert type(one.get_protocol()) is type(other.get_protocol())
    assert one.written.partition(b" ")[2][:3] == other.written.partition(b" ")[2][:3]


@pytest.mark.parametrize(
    "head",
    [TWO_ORIGINS, TWO_LAST_EVENTS, NO_URL, MANY_FIELDS],
    ids=["two origins", "two last events", "no URL", "many fields"],
)
def test_a_head_that_makes_no_sense_is_a_bad_request(theatre: Theatre, head: bytes) -> None:
    line = theatre.knocks([head])
    assert line.written.startswith(b"HTTP/1.1 400 ")
    theatre.leaves(line)
