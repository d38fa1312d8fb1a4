"""An outsider at the two ports: smuggled requests, slow ones, compressed ones, tricks with paths. Afterwards both serve
as before, and nothing was answered that was not asked."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.attacks.conftest import ANSWER_S, Target, raw

pytestmark = pytest.mark.proof

HOST = b"Host: 127.0.0.1\r\n"
GATEWAY, SHARD = 0, 100


@pytest.fixture(autouse=True)
def _serves_afterwards(target: Target) -> Iterator[None]:
    yield
    assert httpx.get(f"{target.api}/ready", timeout=ANSWER_S).status_code == 200
    assert httpx.get(f"http://127.0.0.1:{target.port + SHARD}/ready", timeout=ANSWER_S).status_code == 200


SMUGGLED = {
    "two lengths": b"Content-Length: 5\r\nContent-Length: 44\r\n",
    "length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    "chunks hidden by a space": b"Content-Length: 4\r\nTransfer-Encoding : chunked\r\n",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "a coding that is none": b"Transfer-Encoding: xchunked\r\n",
    "a folded header": b"X: a\r\n\tTransfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    "a length with a sign": b"Content-Length: +4\r\n",
    "a length of words": b"Content-Length: 4 4\r\n",
    "a bare line feed": b"X: a\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    "a NUL": b"X: a\0b\r\n",
}
INNER = b"GET /v1/sports?smuggled=1 HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("offset", [GATEWAY, SHARD])
@pytest.mark.parametrize("how", SMUGGLED)
def test_a_request_in_a_body_is_no_request(target: Target, how: str, offset: int) -> None:
    head = b"POST /v1/stream/tickets HTTP/1.1\r\n" + HOST + SMUGGLED[how] + b"\r\n"
    answer = raw(target.port + offset, head + b"0\r\n\r\n" + INNER, wait_s=3)
    statuses = [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert len(statuses) <= 1 or all(b" 400" in status for status in statuses[1:]), answer
    assert not statuses or not statuses[0].startswith(b"HTTP/1.1 2"), answer


@pytest.mark.parametrize("offset", [GATEWAY, SHARD])
@pytest.mark.parametrize(
    "line",
    [
        b"GET http://127.0.0.1:1/v1/sports HTTP/1.1",
        b"CONNECT 127.0.0.1:4222 HTTP/1.1",
        b"TRACE / HTTP/1.1",
        b"GET /v1/sports HTTP/9.9",
        b"GET  /v1/sports HTTP/1.1",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0" * 64,
    ],
)
def test_request_lines_that_are_none(target: Target, line: bytes, offset: int) -> None:
    answer = raw(target.port + offset, line + b"\r\n" + HOST + b"\r\n\r\n", wait_s=3)
    assert b"Traceback" not in answer
    if answer.startswith(b"HTTP/1."):
        status = int(answer.split(b" ", 2)[1])
        absolute = line.startswith(b"GET http://") and status == 200  # RFC 9112 3.2.2: a server takes that form
        assert absolute or 400 <= status < 600, answer[:200]


@pytest.mark.parametrize("offset", [GATEWAY, SHARD])
def test_many_and_large_headers(target: Target, offset: int) -> None:
    many = b"".join(b"X-%d: y\r\n" % number for number in range(5_000))
    large = b"X: " + b"y" * 1_000_000 + b"\r\n"
    for headers in (many, large):
        answer = raw(target.port + offset, b"GET /v1/sports HTTP/1.1\r\n" + HOST + headers + b"\r\n", wait_s=5)
        assert not answer.startswith(b"HTTP/1.1 2"), answer[:100]


@pytest.mark.parametrize("offset", [GATEWAY, SHARD])
def test_who_never_ends_his_head_is_cut_off_and_hinders_nobody(target: Target, offset: int) -> None:
    lines: list[bytes] = []

    def dawdle() -> None:
        lines.append(raw(target.port + offset, b"GET /v1/sports HTTP/1.1\r\n" + HOST, wait_s=90))

    slow = [threading.Thread(target=dawdle) for _ in range(50)]
    for thread in slow:
        thread.start()
    began_s = time.monotonic()
    for _ in range(20):
        assert httpx.get(f"{target.api}/v1/sports", timeout=5).status_code == 200
    assert time.monotonic() - began_s < 20
    for thread in slow:
        thread.join(80)
        assert not thread.is_alive(), "nobody cut it off"
    assert not any(line.startswith(b"HTTP/1.1 2") for line in lines)


def test_who_never_ends_his_body_gets_408(target: Target) -> None:
    token = target.customer("slowpoke").token.encode()
    head = b"POST /v1/stream/tickets HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + token + b"\r\n"
    answer = raw(target.port, head + b"Content-Length: 100\r\n\r\n{", wait_s=30)
    assert answer.startswith((b"HTTP/1.1 408", b"HTTP/1.1 400")), answer[:200]


def test_bodies_that_grow(target: Target) -> None:
    http = target.customer("bomber").http
    bomb = gzip.compress(b'{"topics":["' + b"a" * 50_000_000 + b'"]}')
    said = http.post("/v1/stream/tickets", content=bomb, headers={"Content-Encoding": "gzip"})
    assert said.status_code in (400, 413, 415), said.text
    small = gzip.compress(json.dumps({"topics": ["football:main"]}).encode())
    said = http.post("/v1/stream/tickets", content=small, headers={"Content-Encoding": "gzip"})
    assert said.status_code in (400, 415), said.text
    for body in (
        b"[" * 15_000,
        b'{"a":' * 3_000,
        b'{"topics":["' + b"a" * 15_000 + b'"]}',
        b"\xff\xfe{}",
        b'{"topics":[NaN]}',
    ):
        said = http.post("/v1/stream/tickets", content=body)
        assert said.status_code == 400, (body[:20], said.text)
    said = http.post("/v1/stream/tickets", content=b" " * 10_000_000)
    assert said.status_code == 413, said.text


PATHS = (
    "/../../etc/passwd",
    "/sdk/../../../etc/passwd",
    "/sdk/..%2f..%2f..%2fetc%2fpasswd",
    "/docs/%2e%2e/%2e%2e/etc/passwd",
    "/demo/%00.html",
    "/v1/events/..%2f..%2fv1%2fwallet",
    "/v1/events/%2e%2e/%2e%2e/ready",
    "//v1/wallet",
    "/v1/wallet;account=victim",
    "/v1/wallet/%0d%0aSet-Cookie:%20a=b",
    "/v1/bets/' OR 1=1 --",
    "/v1/markets/%ff%fe",
    "/.git/config",
    "/metrics/../v1/wallet",
)


@pytest.mark.parametrize("offset", [GATEWAY, SHARD])
@pytest.mark.parametrize("path", PATHS)
def test_paths(target: Target, path: str, offset: int) -> None:
    line = b"GET " + path.replace(" ", "%20").encode() + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    answer = raw(target.port + offset, line, wait_s=5)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert int(answer.split(b" ", 2)[1]) in (400, 401, 403, 404, 405), answer[:200]
    assert b"root:" not in body
    assert b"set-cookie" not in head.lower()
    assert b"Traceback" not in body
