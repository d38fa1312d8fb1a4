"""The client that bets and does not give up; and a whole storm, small."""

from __future__ import annotations

import asyncio
import random
from argparse import Namespace
from collections import Counter

import pytest

from bench.bettor import Patience, request, until_final
from bench.scenarios.storm import STORM
from tests.tcp import listening

ANSWERS = (b"", b"HTTP/1.1 201 Cre", b"HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\n{}", b"nonsense\r\n\r\n")
FINAL = b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nbody"


async def test_a_client_asks_until_it_has_a_whole_final_answer() -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while len(heard) < 7:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            heard.append(head + await reader.readexactly(3))
            answer = ANSWERS[len(heard) - 1] if len(heard) <= len(ANSWERS) else FINAL
            writer.write(answer)
            if not answer.endswith((b"{}", b"body")):
                break
        writer.close()

    seen: Counter[str] = Counter()
    async with listening(serve) as port:
        loop = asyncio.get_running_loop()
        patience = Patience([port], 30.0, loop.time() + 60)
        asked = request("POST", "/v1/bets", {"idempotency-key": "k"}, b"bet")
        told = await until_final(asked, patience, seen, random.Random(1))
        assert told is not None
        assert (told.status, told.body) == (201, b"body")
        assert seen == {"IncompleteReadError": 2, "503": 1, "KeyError": 1, "201": 1}
        assert set(heard) == {asked}
        assert await until_final(asked, Patience([port], 1.0, loop.time()), seen, random.Random(1)) is None
        patience.close()


@pytest.mark.journey
@pytest.mark.proof
@pytest.mark.timeout(300)
async def test_a_small_storm_leaves_one_bet_for_each_intent() -> None:
    measured = await STORM.run(Namespace(intents=20, duplicates=5, seconds=5.0), print)
    for limit in STORM.limits:
        assert measured.figures[limit.figure].value == limit.limit
    assert measured.figures["bets"].value == 20
