"""What the scenarios of a whole stack judge by: made wrong on purpose, it must be found."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from bench.app import App
from bench.arrivals import UNDER_WAY_MAX, Arrivals
from bench.final_state import Truth, differences
from bench.people import Struck
from bench.scenario import CannotMeasure
from bench.scenarios.herd import back_figures
from bench.stack import address_of, part_name
from bench.swarm import Address
from bench.wrong_bets import against_keys, code_of, stands
from feeds.contract.model import Market, Selection
from feeds.contract.prices import price_from_milli

TOPIC = "football.nfl.E1"


class _Nobody:
    """A crowd that counts nothing."""

    def connect(self, app: App, address: Address) -> None:
        """Never asked here."""

    def became_live(self, app: App) -> None:
        """Never asked here."""

    def lost(self, app: App) -> None:
        """Never asked here."""

    def note(self, what: str) -> None:
        """Never asked here."""


class _Link:
    live = True


def market(s: int, *, price: str = "1.909") -> dict[str, Any]:
    x = [{"id": "O1", "name": "Over", "d": price, "a": -110, "st": "open"}]
    return {
        "id": "M1", "event": "E1", "topic": TOPIC, "class": "main", "type": "total", "period": "game", "src": "a-0",
        "p": 0, "s": s, "ts": 1, "st": "open", "live": True, "x": x,
    }  # fmt: skip


def app_that_holds(*markets: Mapping[str, Any], live: bool = True) -> App:
    app = App(_Nobody(), TOPIC, Address("127.0.0.1", 1), conflate_ms=100, due_s=0.0)
    app.replica.receive({"t": "img", "m": [dict(one) for one in markets]})
    if live:
        app.primary = _Link()  # type: ignore[assignment]  # all that is asked of it
    return app


def found(app: App, *markets: Mapping[str, Any], exact: bool = True) -> list[str]:
    return list(differences(app, Truth({TOPIC: {one["id"]: dict(one) for one in markets}}, exact)))


def test_a_device_that_shows_what_there_is_has_lost_nothing() -> None:
    assert found(app_that_holds(market(7)), market(7)) == []


@pytest.mark.parametrize(
    ("app", "markets", "words"),
    [
        (app_that_holds(market(6)), [market(7)], "at 6, it is at 7"),
        (app_that_holds(market(7, price="2.000")), [market(7)], "x "),
        (app_that_holds(), [market(7)], "at 0, it is at 7"),
        (app_that_holds(market(7)), [], "is shown and is gone"),
        (app_that_holds(market(7), live=False), [market(7)], "not live"),
    ],
    ids=["behind", "another price", "missing", "gone", "not live"],
)
def test_a_lost_update_is_found(app: App, markets: list[dict[str, Any]], words: str) -> None:
    [one] = found(app, *markets)
    assert words in one


def test_while_updates_go_on_a_device_may_be_ahead_of_a_board() -> None:
    assert found(app_that_holds(market(9)), market(7), exact=False) == []
    assert found(app_that_holds(market(6)), market(7), exact=False) != []


def struck(status: int | None = 201, body: bytes = b'{"id":"B1"}', key: str = "k") -> Struck:
    return Struck("a", key, 0.0, 0.1, status, body)


@pytest.mark.parametrize(
    ("bets", "keys", "wrong"),
    [
        ([struck()], {("a", "k"): (b'{"id":"B1"}', True)}, {}),
        ([struck()], {}, {"bets_missing": 1}),
        ([struck()], {("a", "k"): (b'{"id":"B1"}', False)}, {"bets_missing": 1}),
        ([struck()], {("a", "k"): (b'{"id":"B2"}', True)}, {"answers_that_differ": 1}),
        ([], {("a", "k"): (b"", True)}, {"bets_nobody_made": 1}),
        ([struck(409, b"{}")], {}, {}),
        ([struck(409, b"{}")], {("a", "k"): (b'{"id":"B1"}', True)}, {"answers_that_differ": 1}),
        ([struck(None, b"")], {("a", "k"): (b'{"id":"B1"}', True)}, {}),
    ],
    ids=["right", "no key", "no bet", "differs", "nobody's", "refused", "refused and there", "never heard"],
)
def test_a_wrong_bet_is_found(bets: list[Struck], keys: dict[tuple[str, str], Any], wrong: dict[str, int]) -> None:
    assert {name: count for name, count in against_keys(bets, keys).items() if count} == wrong


def test_a_price_stands_where_the_log_holds_it_open() -> None:
    side = Selection(id="O1", name="Over", price=price_from_milli(1909))
    state = Market(
        id="M1", event="E1", topic=TOPIC, cls="main", type="total", period="game", src="a-0", ts=1, st="open",
        live=True, selections=(side,),
    )  # fmt: skip
    assert stands(state, "M1", "O1", 1909)
    assert not stands(state, "M1", "O1", 1910)
    assert not stands(state, "M2", "O1", 1909)
    assert not stands(state, "M1", "O2", 1909)
    assert not stands(None, "M1", "O1", 1909)


def test_how_a_bet_ended_is_a_word() -> None:
    refused = struck(409, orjson.dumps({"code": "odds_changed"}))
    assert [code_of(one) for one in (struck(), refused, struck(None))] == ["placed", "odds_changed", "no answer"]


def test_who_never_came_back_counts_as_the_whole_time() -> None:
    figures = back_figures([0.5, 1.0, 16.0], 4, within_s=20.0)
    assert (figures["fresh_in_15_s_share"].value, figures["back_share"].value) == (0.5, 0.75)
    assert (figures["back_p50_s"].value, figures["back_max_s"].value) == (1.0, 20.0)


async def test_what_came_due_while_the_load_stood_still_is_timed_from_when_it_was_due() -> None:
    late: list[float] = []
    loop = asyncio.get_running_loop()

    async def act(due_s: float) -> None:
        late.append(loop.time() - due_s)
        await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        arrivals = Arrivals(group, act, seed=1)
        loop.call_later(0.05, time.sleep, 0.2)
        due = await arrivals.come(500, 0.4)
    assert len(late) == due == arrivals.due
    assert 100 < due < 320
    assert max(late) > 0.15
    assert arrivals.lost == 0


async def test_more_than_may_be_under_way_is_lost_and_counted() -> None:
    async with asyncio.TaskGroup() as group:
        done = asyncio.Event()

        async def act(due_s: float) -> None:
            del due_s
            await done.wait()

        arrivals = Arrivals(group, act, seed=1)
        await arrivals.come(UNDER_WAY_MAX * 12, 0.2)
        done.set()
        await arrivals.finished()
    assert arrivals.due == arrivals.lost + UNDER_WAY_MAX


def test_devices_of_bench_speak_no_tls_and_say_so() -> None:
    assert address_of("ws://10.0.0.1:8100/v1/stream") == Address("10.0.0.1", 8100)
    with pytest.raises(CannotMeasure, match="ws://"):
        address_of("wss://odds.example/v1/stream")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("python -P -m fanout run --name fanout-2 --port 1", "fanout-2"),
        ("python -P -m feeds run --provider simulator", "feed"),
        ("python -P -m gateway serve --port 1", "gateway"),
        ("python -P -m gateway archive", "archive"),
        ("/usr/bin/nats-server -p 1", "nats-server"),
        ("", "nobody"),
    ],
)
def test_a_part_is_called_by_its_command(words: str, name: str) -> None:
    assert part_name(words.split()) == name
