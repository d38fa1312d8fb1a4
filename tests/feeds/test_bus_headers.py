"""Headers of records: read by us as nats-py reads them."""

from __future__ import annotations

import pytest
from nats.aio.client import Client

from feeds.adapters.nats.connection import _OddsClient

REPUBLISHED = (
    b"NATS/1.0\r\nNats-Stream: ODDS_0\r\nNats-Subject: odds.0.football.nfl.E1.M1\r\nNats-Sequence: 8119\r\n"
    b"Nats-Time-Stamp: 2026-11-26T18:00:00.5Z\r\nNats-Last-Sequence: 8100\r\n\r\n"
)


@pytest.mark.parametrize(
    "headers",
    [
        REPUBLISHED,
        b"NATS/1.0\r\nA:b\r\nC:\td e \r\n\r\n",
        "NATS/1.0\r\nName: Žižkov\r\n\r\n".encode(),
        b"NATS/1.0\r\nName: \xff\r\n\r\n",
        b"NATS/1.0\r\nwith space: no\r\nEmpty:\r\n\r\n",
        b"NATS/1.0\r\n\r\n",
        b"NATS/1.0 404 No Messages\r\n\r\n",
        b"NATS/1.0 100\r\nIdle Heartbeat\r\nNats-Last-Stream: 1\r\n\r\n",
        None,
    ],
    ids=["republished", "blanks", "utf8", "not_utf8", "odd_names", "none_within", "status", "beat", "none"],
)
async def test_they_are_what_the_client_says(headers: bytes | None) -> None:
    assert await _OddsClient()._process_headers(headers) == await Client()._process_headers(headers)
