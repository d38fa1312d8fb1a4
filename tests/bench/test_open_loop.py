"""Load that does not wait for answers, against a real server; and when all was normal again."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from bench.openloop import LOST, NORMAL_SHARE, WINDOW_S, Asker, Outcome, recovered_s
from bench.scenarios.registry import SCENARIOS
from tests.tcp import listening


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers /ok with a body in parts, /no with 503, /gone by closing."""
    with contextlib.suppress(ConnectionError):
        while line := await reader.readline():
            while (await reader.readline()).strip():
                pass
            if b"/gone" in line:
                break
            status = b"200 OK" if b"/ok" in line else b"503 No"
            writer.write(b"HTTP/1.1 %b\r\nContent-Length: 6\r\n\r\nabc" % status)
            await writer.drain()
            await asyncio.sleep(0)
            writer.write(b"def")
    writer.close()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with listening(serve) as port:
        yield port


async def test_every_request_has_an_outcome_whether_it_is_answered_refused_or_lost(port: int) -> None:
    asker = Asker("127.0.0.1", port, ["/ok", "/no", "/gone"])
    outcomes = await asker.open(300, 0.4)
    counts = Counter(outcome.status for outcome in outcomes)
    assert set(counts) == {200, 503, LOST}
    assert outcomes == sorted(outcomes)
    assert all(outcome.took_s >= 0 for outcome in outcomes)
    only = Asker("127.0.0.1", port, ["/ok"])
    assert await only.closed(3, 0.1) > 0
    asker.close()
    only.close()


@pytest.mark.parametrize(
    ("bad", "expected"),
    [([], 0.0), ([0], WINDOW_S), ([0, 3], 4 * WINDOW_S), ([9], None), (list(range(10)), None)],
)
def test_normal_is_from_when_on_no_window_is_bad(bad: list[int], expected: float | None) -> None:
    outcomes = [
        Outcome(100 + (window + part / 10) * WINDOW_S, 0.01, 503 if window in bad and part < 2 else 200)
        for window in range(10)
        for part in range(10)
    ]
    assert NORMAL_SHARE > 0.8
    assert recovered_s(outcomes, 100.0) == expected


def test_late_answers_are_not_good() -> None:
    assert Outcome(0, 0.9, 200).good
    assert not Outcome(0, 1.1, 200).good
    assert not Outcome(0, 0.1, 503).good


def test_the_scenario_is_registered() -> None:
    assert "overload" in [scenario.name for scenario in SCENARIOS]
