"""The simulator as The Odds API: addresses, keys, credits, ETags and faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from feeds.contract.errors import Refused
from feeds.providers.simulator.serving.theoddsapi import KEY
from feeds.providers.theoddsapi.parse import parse
from tests.feeds.odds_api import Source

_NFL = "/v4/sports/americanfootball_nfl"
_ODDS = f"{_NFL}/odds"

Get = Callable[..., Any]


@pytest.fixture
def source() -> Source:
    return Source(quota=1_000)


@pytest.fixture
async def get(source: Source) -> AsyncIterator[Get]:
    async with source.server.serving() as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

        async def get(path: str, *, headers: dict[str, str] | None = None, **query: str) -> httpx.Response:
            return await http.get(path, params={"apiKey": KEY, **query}, headers=headers, timeout=5)

        yield get


async def test_odds_of_a_sport(get: Get) -> None:
    answer = await get(_ODDS, markets="h2h,spreads,totals", bookmakers="oddswire")
    (event,) = parse(answer.content).events
    assert event.bookmakers is not None
    assert {market.key for market in event.bookmakers[0].markets} <= {"h2h", "spreads", "totals"}
    assert (answer.headers["x-requests-remaining"], answer.headers["x-requests-last"]) == ("997", "3")


async def test_odds_of_an_event_in_either_format(get: Get) -> None:
    (event,) = parse((await get(_ODDS)).content).events
    path = f"{_NFL}/events/{event.id}/odds"
    decimal = parse((await get(path, markets="alternate_totals")).content)
    american = parse((await get(path, markets="alternate_totals", oddsFormat="american")).content)
    assert not decimal.listed
    ours, theirs = ([each.price for each in _outcomes(answer)] for answer in (decimal, american))
    assert all(price < 100 for price in ours)
    assert all(abs(price) >= 100 and price == int(price) for price in theirs)


def _outcomes(snapshot: Any) -> list[Any]:
    return snapshot.events[0].bookmakers[0].markets[0].outcomes  # type: ignore[no-any-return]


async def test_scores(get: Get) -> None:
    events = parse((await get(f"{_NFL}/scores", daysFrom="1")).content).events
    assert [(event.completed, event.scores is not None) for event in events] == [(False, True), (False, False)][:1]


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (_ODDS, {"apiKey": "wrong"}, 401),
        (_ODDS, {"bookmakers": "other"}, 422),
        ("/v4/sports/none/odds", {}, 404),
        (f"{_NFL}/events/none/odds", {}, 404),
        (_ODDS, {"markets": ",".join(f"m{number}" for number in range(2_000))}, 401),
        ("/v4/sports", {}, 200),
    ],
)
async def test_what_is_refused(get: Get, path: str, query: dict[str, str], status: int) -> None:
    assert (await get(path, **query)).status_code == status


async def test_an_answer_that_did_not_change_is_not_sent_again(get: Get, source: Source) -> None:
    etag = (await get(_ODDS)).headers["etag"]
    again = await get(_ODDS, headers={"if-none-match": etag})
    assert (again.status_code, again.content, again.headers["x-requests-last"]) == (304, b"", "0")
    source.advance(400)
    assert (await get(_ODDS, headers={"if-none-match": etag})).status_code == 200


async def test_garbage_and_what_it_hid(get: Get, source: Source) -> None:
    whole = (await get(_ODDS)).content
    source.server.command("garbage 600")
    bodies = [(await get(_ODDS)).content for _ in range(40)]
    assert whole in bodies
    assert any(body != whole for body in bodies)


async def test_a_replay_answers_with_older_snapshots(get: Get, source: Source) -> None:
    async def content() -> bytes:
        """Of enough markets that no two snapshots are the same by chance."""
        return (await get(_ODDS, markets="h2h,spreads,totals")).content  # type: ignore[no-any-return]

    before = [await content()]
    for _ in range(3):
        source.advance(400)
        before.append(await content())
    source.advance(400)
    source.server.command("replay 600")
    assert [await content() for _ in before] == before
    assert await content() not in before


async def test_reordering_answers_with_an_older_snapshot_meanwhile(get: Get, source: Source) -> None:
    before = (await get(_ODDS)).content
    source.server.command("reordering 600")
    source.advance(400)
    assert (await get(_ODDS)).content == before


async def test_silence_is_no_answer(get: Get, source: Source) -> None:
    source.server.command("silence 600")
    asking = asyncio.create_task(get(_ODDS))
    done, _ = await asyncio.wait([asking], timeout=0.2)
    assert not done
    asking.cancel()


def test_a_fault_that_is_none_is_refused(source: Source) -> None:
    with pytest.raises(Refused):
        source.server.command("earthquake 3")
