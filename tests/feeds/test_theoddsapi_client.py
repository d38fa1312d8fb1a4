"""Polling The Odds API over HTTP: what is put, how the feed is, and what a server may do to it."""

from __future__ import annotations

import logging
from typing import Any

import orjson
import pytest
from pydantic import ValidationError
from starlette.responses import Response

from feeds.contract.errors import Refused
from feeds.contract.model import Event, Market
from feeds.providers.theoddsapi.settings import TheOddsApiSettings
from tests.bus import eventually
from tests.feeds.odds_api import Priced, Source, Troubled, client, going, on_offer, polling
from tests.feeds.theoddsapi_answers import event, h2h, outcome, score, total
from tests.feeds.theoddsapi_answers import market as odds_market

_NFL = "americanfootball_nfl"
_FAIL_FAST: dict[str, Any] = {
    "interval_s": 0.1,
    "live_interval_s": 0.1,
    "event_interval_s": 0.1,
    "event_live_interval_s": 0.1,
    "stale_s": 0.6,
    "down_s": 1.2,
}


async def test_everything_on_offer_is_put_before_live() -> None:
    source = Source()
    async with polling(source.server.app, source.sports) as (provider, sink):
        await eventually(lambda: on_offer(sink.last.values()) == on_offer(source.last.values()))
        await eventually(lambda: going(sink.last.values()) == going(source.last.values()))
        assert sink.healths == ["recovering", "live"]
        assert provider.tally.refused == 0
        assert provider._translator.skipped == {}
        for _ in range(5):
            source.advance()
            await eventually(lambda: on_offer(sink.last.values()) == on_offer(source.last.values()))


async def test_american_prices() -> None:
    source = Source()
    async with polling(source.server.app, source.sports, odds_format="american") as (provider, sink):
        await eventually(lambda: "live" in sink.healths)
        assert provider._translator.skipped == {}
        priced = {
            (selection.price.milli, selection.price.american)
            for state in source.last.values()
            if isinstance(state, Market)
            for selection in state.selections
            if selection.price
        }
        americans = {american for _, american in priced}
        await eventually(lambda: len(sink.last) > 20)
        for state in sink.last.values():
            if isinstance(state, Market):
                assert {each.price.american for each in state.selections if each.price} <= americans


async def test_answers_that_did_not_change_cost_nothing() -> None:
    source = Source()
    async with polling(source.server.app, _NFL, event_markets="") as (provider, sink):
        await eventually(lambda: provider.tally.understood > 4)
        used, states = source.server.used, sink.states
        before = provider.tally.understood
        await eventually(lambda: provider.tally.understood > before + 4)
        assert (source.server.used, sink.states) == (used, states)


async def test_the_key_is_never_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    source = Source(key="very-secret")
    app = Troubled(source.server.app)
    app.first = [Response(b"", status_code=500), Response(b"[garbage"), Response(b"{}", status_code=401)]
    async with polling(app, _NFL, api_key="very-secret") as (provider, sink):
        await eventually(lambda: provider.tally.refused == 3 and "live" in sink.healths)
    source.server.command("silence 60")
    async with polling(source.server.app, _NFL, api_key="very-secret", timeout_s=0.05) as (provider, _):
        await eventually(lambda: provider.tally.reasons["timeout"] > 1)
    told = capfd.readouterr()
    everything = caplog.text + told.out + told.err
    assert "http_401" in everything
    assert "very-secret" not in everything


async def test_too_many_requests_pause_everything() -> None:
    source = Source()
    app = Troubled(source.server.app)
    app.first = [Response(b"", status_code=429, headers={"retry-after": "3600"})]
    async with polling(app, _NFL, concurrency=1) as (provider, _):
        await eventually(lambda: provider.tally.reasons["too_many_requests"] == 1)
        assert provider._agenda.take(provider._agenda.next_s(1) - 1, 1) == []
        assert len(app.requests) == 1


async def test_a_short_pause_ends() -> None:
    source = Source()
    app = Troubled(source.server.app)
    app.first = [Response(b"", status_code=429, headers={"retry-after": "1"})]
    async with polling(app, _NFL) as (_, sink):
        await eventually(lambda: "live" in sink.healths)


async def test_a_body_beyond_the_limit_is_refused() -> None:
    app = Troubled(Source().server.app)
    app.always = Response(b" " * 1_025)
    async with polling(app, _NFL, body_bytes_max=1_024) as (provider, sink):
        await eventually(lambda: provider.tally.reasons["too_long"] > 2)
        assert "live" not in sink.healths


@pytest.mark.parametrize(
    "answer",
    [
        Response(b"", status_code=500),
        Response(b"<html>", status_code=200),
        Response(b"{}", status_code=200),
        Response(orjson.dumps(event(h2h(1.5, 2.5))), status_code=200),
        Response(b"", status_code=301, headers={"location": "http://127.0.0.1:1/"}),
    ],
    ids=["500", "html", "no_odds", "one_event", "redirect"],
)
async def test_an_outage_is_recovering_then_down_then_live_again(answer: Response) -> None:
    source = Source()
    app = Troubled(source.server.app)
    async with polling(app, _NFL, **_FAIL_FAST) as (provider, sink):
        await eventually(lambda: sink.healths == ["recovering", "live"])
        app.always = answer
        await eventually(lambda: sink.healths[-1] == "down")
        assert sink.healths == ["recovering", "live", "recovering", "down"]
        source.advance(200)
        sink.last.clear()
        app.always = None
        await eventually(lambda: sink.healths[-1] == "live")
        await eventually(lambda: on_offer(sink.last.values()) == _games_of_nfl(on_offer(source.last.values())))
        assert provider.tally.refused > 0


def _games_of_nfl(priced: set[Priced]) -> set[Priced]:
    return {each for each in priced if each[1] == "football.nfl" and each[2] != "future"}


async def test_not_modified_unasked_is_no_answer() -> None:
    app = Troubled(Source().server.app)
    app.first = [Response(b"", status_code=304)]
    async with polling(app, _NFL) as (provider, sink):
        await eventually(lambda: "live" in sink.healths)
        assert provider.tally.reasons == {"http_304": 1}


async def test_a_server_that_is_not_there() -> None:
    app = Troubled(Source().server.app)
    async with polling(app, _NFL, url="http://127.0.0.1:1", **_FAIL_FAST) as (provider, sink):
        await eventually(lambda: sink.healths == ["recovering", "down"])
        assert provider.tally.reasons["unreachable"] > 0


async def test_what_was_asked_of_one_event_alone_is_suspended_when_it_does_not_answer() -> None:
    source = Source()
    app = Troubled(source.server.app)
    async with polling(app, _NFL, **_FAIL_FAST) as (_, sink):
        await eventually(lambda: _statuses(sink.last, "alternate") == {"open"} and sink.healths[-1] == "live")
        app.only, app.always = "/events/", Response(b"", status_code=503)
        await eventually(lambda: _statuses(sink.last, "alternate") == {"suspended"})
        assert sink.healths == ["recovering", "live"]
        app.always = None
        await eventually(lambda: "open" in _statuses(sink.last, "alternate"))


async def test_what_is_not_known_of_an_event_is_suspended_at_once() -> None:
    source = Source()
    app = Troubled(source.server.app)
    async with polling(app, _NFL) as (_, sink):
        await eventually(lambda: _statuses(sink.last, "alternate") == {"open"})
        app.only, app.always = "/events/", Response(b"{}", status_code=404)
        await eventually(lambda: _statuses(sink.last, "alternate") == {"suspended"})


def _statuses(states: dict[str, Any], cls: str) -> set[str]:
    return {state.st for state in states.values() if isinstance(state, Market) and state.cls == cls and not state.gone}


async def test_a_quota_that_runs_out_stretches_every_interval() -> None:
    source = Source(quota=20)
    async with polling(source.server.app, _NFL, event_markets="") as (provider, sink):
        await eventually(lambda: "live" in sink.healths and not provider._agenda._asked)
        await eventually(lambda: provider._factor > 1_000)
        assert source.server.remaining >= 0


async def test_a_finished_event_is_closed_and_never_settled() -> None:
    app = Troubled(Source().server.app)
    answers = {
        "odds": [event(h2h(1.5, 2.5))],
        "scores": [score(7, 3)],
        "one": event(total(40.5, key="alternate_totals")),
    }
    app.always = _Answer(answers)
    async with polling(app, _NFL, bookmaker="acme") as (_, sink):
        await eventually(lambda: len([each for each in sink.last.values() if isinstance(each, Market)]) == 2)
        answers["scores"] = [score(21, 3, completed=True)]
        await eventually(lambda: any(isinstance(each, Event) and each.state == "ended" for each in sink.last.values()))
        assert {(each.st, each.gone) for each in sink.last.values() if isinstance(each, Market)} == {("closed", True)}


class _Answer(Response):
    """Answers by address with what is in a table now."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__()
        self._answers = answers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        kind = "one" if "/events/" in path else path.rpartition("/")[2]
        await Response(orjson.dumps(self._answers[kind]))(scope, receive, send)


async def test_an_outcome_that_cannot_be_read_is_told_of_once(capfd: pytest.CaptureFixture[str]) -> None:
    app = Troubled(Source().server.app)
    odd = event(odds_market("h2h", outcome("Buffalo Bills", 1.0), outcome("Kansas City Chiefs", 2.5)))
    app.always = _Answer({"odds": [odd], "scores": []})
    async with polling(app, _NFL, bookmaker="acme", event_markets="") as (provider, _):
        await eventually(lambda: provider.tally.understood > 4)
    assert capfd.readouterr().out.count("outcomes_skipped") == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"api_key": ""}, "no_key"), ({"sports": ""}, "no_sport"), ({"bookmaker": ""}, "no_bookmaker")],
)
def test_what_must_be_set(changes: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refusal:
        client(1, **{"sports": _NFL, **changes})
    assert refusal.value.code == code


def test_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODDSWIRE_THEODDSAPI_API_KEY", "k")
    monkeypatch.setenv("ODDSWIRE_THEODDSAPI_ODDS_FORMAT", "american")
    settings = TheOddsApiSettings()
    assert (settings.api_key.get_secret_value(), settings.odds_format) == ("k", "american")
    monkeypatch.setenv("ODDSWIRE_THEODDSAPI_CONCURRENCY", "0")
    with pytest.raises(ValidationError):
        TheOddsApiSettings()
