"""The live client against a simulated Exchange Stream over TLS: connecting, refusals, health, reconnects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import httpx
import pytest
import structlog.testing

from feeds.contract.errors import Refused
from feeds.contract.model import FeedState, Market
from feeds.contract.results import MarketResult
from feeds.ports import State
from feeds.providers.betfair.backoff import Backoff
from feeds.providers.betfair.live import BetfairLive
from feeds.providers.betfair.settings import BetfairSettings
from tests.bus import eventually
from tests.feeds.betfair_server import Stage, settings, staged


class _Sink:
    """Remembers health, and the last state of everything."""

    def __init__(self) -> None:
        self.healths: list[FeedState] = []
        self.last: dict[str, State] = {}
        self.settled: list[MarketResult] = []

    def put(self, states: Iterable[State]) -> None:
        self.last.update({state.id: state for state in states})

    def results(self, results: Iterable[MarketResult]) -> None:
        self.settled += results

    def health(self, state: FeedState) -> None:
        self.healths.append(state)

    @property
    def markets(self) -> list[Market]:
        return [state for state in self.last.values() if isinstance(state, Market) and not state.gone]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        yield made


@asynccontextmanager
async def _running(
    configured: BetfairSettings, *, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[_Sink]:
    sink = _Sink()
    live = BetfairLive(configured, feed="betfair", lanes=4, transport=transport)
    running = asyncio.create_task(live.run(sink))
    try:
        yield sink
    finally:
        running.cancel()
        await asyncio.wait([running])


async def _refusal(configured: BetfairSettings) -> Refused:
    with pytest.raises(BaseExceptionGroup) as raised:
        await asyncio.wait_for(BetfairLive(configured, feed="betfair", lanes=4).run(_Sink()), 20)
    (refusal,) = raised.value.exceptions
    assert isinstance(refusal, Refused)
    return refusal


async def test_the_whole_slate_and_then_live(stage: Stage) -> None:
    async with _running(stage.settings()) as sink:
        await eventually(lambda: sink.healths == ["recovering", "live"])
        assert len(sink.markets) == len(stage.server.board.image())
        before = dict(sink.last)
        await eventually(lambda: sum(before.get(each.id) != each for each in sink.markets) > 20)


async def test_only_what_is_subscribed_to_comes(stage: Stage) -> None:
    async with _running(stage.settings(event_types="1", market_types="MATCH_ODDS")) as sink:
        await eventually(lambda: "live" in sink.healths)
        assert {(market.topic.partition(".")[0], market.type) for market in sink.markets} == {
            ("soccer", "match_result")
        }


async def test_a_server_that_nobody_vouches_for_is_not_spoken_to(stage: Stage) -> None:
    with structlog.testing.capture_logs() as logs:
        async with _running(settings(stage.port, "", down_after_s=0.2)) as sink:
            await eventually(lambda: sink.healths == ["recovering", "down"])
            await eventually(lambda: any("certificate verify failed" in entry.get("detail", "") for entry in logs))
    assert stage.server.connected == 0


@pytest.mark.parametrize(
    "code",
    [
        *("NO_APP_KEY", "INVALID_APP_KEY", "NOT_AUTHORIZED", "INVALID_INPUT", "INVALID_REQUEST"),
        "SUBSCRIPTION_LIMIT_EXCEEDED",
    ],
)
async def test_what_trying_again_cannot_mend_is_refused(stage: Stage, code: str) -> None:
    stage.server.command(f"refuse {code}")
    refusal = await _refusal(stage.settings())
    assert refusal.code == f"betfair_{code.lower()}"
    assert code in str(refusal)


@pytest.mark.parametrize(
    "code", ["MAX_CONNECTION_LIMIT_EXCEEDED", "TOO_MANY_REQUESTS", "TIMEOUT", "UNEXPECTED_ERROR", "A_NEW_WORD"]
)
async def test_what_may_pass_is_tried_again(stage: Stage, code: str) -> None:
    stage.server.command(f"refuse {code}")
    stage.server.command(f"refuse {code}")
    async with _running(stage.settings()) as sink:
        await eventually(lambda: "live" in sink.healths)
    assert stage.server.connected == 3


async def test_a_bad_session_without_an_account_is_refused(stage: Stage) -> None:
    stage.server.command("refuse INVALID_SESSION_INFORMATION")
    assert (await _refusal(stage.settings())).code == "betfair_login"


async def test_no_app_key_is_refused_before_anything() -> None:
    with pytest.raises(Refused, match="APP_KEY") as refusal:
        BetfairLive(BetfairSettings(), feed="betfair", lanes=4)
    assert refusal.value.code == "bad_settings"


async def test_a_cut_connection_is_resumed_by_clk(stage: Stage) -> None:
    async with _running(stage.settings()) as sink:
        await eventually(lambda: "live" in sink.healths)
        stage.server.command("cut")
        await eventually(lambda: sink.healths == ["recovering", "live", "recovering", "live"])
        assert (stage.server.connected, stage.server.resumed) == (2, 1)


async def test_a_clk_that_is_refused_asks_for_an_image(stage: Stage) -> None:
    async with _running(stage.settings()) as sink:
        await eventually(lambda: "live" in sink.healths)
        stage.server.forget_clks()
        stage.server.command("cut")
        await eventually(lambda: sink.healths.count("live") == 2)
        assert (stage.server.connected, stage.server.resumed) == (3, 1)


async def test_a_degraded_publisher_is_recovering_on_the_same_connection(stage: Stage) -> None:
    async with _running(stage.settings(down_after_s=0.1)) as sink:
        await eventually(lambda: "live" in sink.healths)
        stage.server.command("degraded 0.5")
        await eventually(lambda: sink.healths == ["recovering", "live", "recovering", "live"])
        assert stage.server.connected == 1


async def test_silence_is_noticed_and_long_silence_is_down(stage: Stage) -> None:
    async with _running(stage.settings(down_after_s=0.4)) as sink:
        await eventually(lambda: "live" in sink.healths)
        stage.server.command("silence 2")
        await eventually(lambda: "down" in sink.healths)
        await eventually(lambda: sink.healths[-1] == "live")


async def test_results_follow_what_closed(stage: Stage) -> None:
    async with _running(stage.settings()) as sink:
        await eventually(lambda: "live" in sink.healths)
        stage.playing = False
        stage.ahead_ms = 1_200_000
        await eventually(lambda: bool(stage.play(200)) and len(sink.settled) > 10)
        result = sink.settled[0]
        market = sink.last[result.market]
        assert isinstance(market, Market)
        assert (market.gone, result.kind, result.event) == (True, "settled", market.event)
        assert {each.id for each in result.selections} == {each.id for each in market.selections}


def _betting_api(request: httpx.Request) -> httpx.Response:
    """Logs anybody in, knows every market's competition, and one event of it."""
    if request.url.path == "/api/login":
        return httpx.Response(200, json={"status": "SUCCESS", "token": "new"})
    if request.url.path.endswith("/listEvents/"):
        return httpx.Response(200, json=[{"event": {"id": "30000001", "name": "Elms v Oaks"}}])
    wanted = json.loads(request.content)["filter"]["marketIds"]
    competition = {"id": "9", "name": "Sylvan League"}
    return httpx.Response(200, json=[{"marketId": each, "competition": competition} for each in wanted])


async def test_a_session_that_is_over_is_logged_in_anew_and_markets_get_their_league(stage: Stage) -> None:
    stage.server.command("refuse INVALID_SESSION_INFORMATION")
    configured = stage.settings(username="me", password="p", betting_url="https://betting.test")
    async with _running(configured, transport=httpx.MockTransport(_betting_api)) as sink:
        await eventually(lambda: "live" in sink.healths)
        assert stage.server.connected == 2
        assert {market.topic.split(".")[1] for market in sink.markets} == {"sylvan_league"}


async def test_a_competition_is_subscribed_to_by_its_events(stage: Stage) -> None:
    configured = stage.settings(competitions="9", betting_url="https://betting.test")
    async with _running(configured, transport=httpx.MockTransport(_betting_api)) as sink:
        await eventually(lambda: "live" in sink.healths)
        assert len({market.event for market in sink.markets}) == 1


async def test_an_account_that_does_not_answer_is_tried_again(stage: Stage) -> None:
    answers = iter([503, 503])

    def answer(request: httpx.Request) -> httpx.Response:
        status = next(answers, 200)
        return httpx.Response(status) if status != 200 else _betting_api(request)

    configured = stage.settings(session="", username="me", password="p")
    async with _running(configured, transport=httpx.MockTransport(answer)) as sink:
        await eventually(lambda: "live" in sink.healths)


def test_waits_are_anything_up_to_a_ceiling_that_doubles() -> None:
    backoff = Backoff(first_s=1, max_s=10, rng=Random(3))
    for ceiling in (1, 2, 4, 8, 10, 10):
        assert 0 <= backoff.next_s() <= ceiling
    backoff.succeeded()
    assert max(Backoff(first_s=1, max_s=10, rng=Random(seed)).next_s() for seed in range(200)) > 0.9
    assert min(Backoff(first_s=1, max_s=10, rng=Random(seed)).next_s() for seed in range(200)) < 0.1
    assert backoff.next_s() <= 1
