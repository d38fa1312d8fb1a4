"""The browser's stream is the Python one: against the same scripted shard both say the same and tell the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import NamedTuple

import pytest

from fanout.contract.replica import Message
from tests.browser.chromium import Chromium, Tab
from tests.browser.clients import Board, Client, Told, in_page, reference, tells
from tests.browser.pages import module_tab
from tests.fanout.scripted import ScriptedConnection, ScriptedShard, changes, live, market, subscribed

EVENT = {"id": "E1", "topic": "football.nfl.E1", "name": "A @ B", "state": "live", "s": 9}


class Shards(NamedTuple):
    """Two servers; clients know of the first."""

    first: ScriptedShard
    other: ScriptedShard


Scene = Callable[[Shards, Client], Awaitable[None]]


class Play(NamedTuple):
    """What a server does to a client, and how that client is made."""

    scene: Scene
    topics: list[str]
    tickets: list[str]
    board: Board | None


PLAYS: dict[str, Play] = {}


def play(*topics: str, tickets: tuple[str, ...] = (), board: Message | None = None) -> Callable[[Scene], Scene]:
    """Registers a scene."""

    def register(scene: Scene) -> Scene:
        held = None if board is None else ("football.nfl.E1", board, "c0")
        PLAYS[scene.__name__] = Play(scene, list(topics) or ["football"], list(tickets), held)
        return scene

    return register


async def goes_live(connection: ScriptedConnection, cursor: str = "c1", *parts: Message) -> Message:
    """Answers the next subscribe with an image; gives what was said."""
    said = await connection.hears()
    img = {"t": "img", "m": list(parts or (market(),)), "e": [EVENT]}
    await connection.says(subscribed(said), img, live(cursor, *said["topics"]))
    return said


def draining(url: str) -> Message:
    return {"t": "drain", "after_ms": 0, "deadline_ms": 30_000, "url": url}


def delta(p: int, s: int) -> Message:
    return {"id": "M1", "p": p, "s": s, "ts": s}


@play()
async def a_gap_asks_with_the_cursor_and_the_next_without(shards: Shards, client: Client) -> None:
    link = await shards.first.accepts()
    said = await goes_live(link)
    assert said == {"op": "subscribe", "id": 1, "topics": ["football"], "conflate_ms": None, "cursor": None}
    await link.says(changes(delta(12, 13), cursor="c2"))
    answer = await link.hears()
    assert (answer["topics"], answer["cursor"]) == (["football"], "c1")
    await tells(client, ["state", "football", "rebuilding"])
    await link.says(subscribed(answer, "delta"), changes(delta(0, 13)), live("c3"))
    await link.says(changes(delta(14, 15), cursor="c4"))
    assert (await link.hears())["cursor"] is None


@play()
async def a_close_that_may_pass_resumes(shards: Shards, client: Client) -> None:
    link = await shards.first.accepts()
    await goes_live(link)
    await tells(client, ["cursor", "c1"])
    await link.closes(4009)
    again = await shards.first.accepts()
    said = await again.hears()
    assert said["cursor"] == "c1"
    await again.says(subscribed(said, "current"), live("c2"))
    await tells(client, ["cursor", "c2"])


@play()
async def a_final_close_is_the_end(shards: Shards, client: Client) -> None:
    link = await shards.first.accepts()
    await goes_live(link)
    await link.closes(4003)
    await tells(client, ["refused", "close_4003", None])


@play("football", "no such")
async def a_bad_topic_is_the_end_and_named(shards: Shards, client: Client) -> None:
    link = await shards.first.accepts()
    said = await link.hears()
    error = {"t": "error", "id": said["id"], "code": "bad_topic", "message": "no", "topic": "no such"}
    await link.says(error | {"retry": "never", "fatal": False})
    await tells(client, ["refused", "bad_topic", "no such"])


@play()
async def an_error_that_may_pass_is_tried_again(shards: Shards, client: Client) -> None:
    link = await shards.first.accepts()
    said = await link.hears()
    error = {"t": "error", "id": said["id"], "code": "internal", "message": "no", "retry": "backoff", "fatal": True}
    await link.says(error)
    await link.closed()
    await goes_live(await shards.first.accepts())
    await tells(client, ["state", "football", "live"])


@play()
async def the_old_connection_delivers_until_the_new_one_is_live(shards: Shards, client: Client) -> None:
    old = await shards.first.accepts()
    await goes_live(old)
    await old.says(draining(shards.other.url))
    new = await shards.other.accepts()
    said = await new.hears()
    assert said["cursor"] == "c1"
    await old.says(changes(delta(10, 11), cursor="c2"))
    await tells(client, ["cursor", "c2"])
    await new.says(subscribed(said, "delta"), changes(delta(0, 11)), live("c2"))
    await old.closed()
    await new.says(changes(delta(11, 12), cursor="c3"))
    await tells(client, ["cursor", "c3"])


@play()
async def sent_away_at_once_it_goes_where_it_was_told(shards: Shards, client: Client) -> None:
    old = await shards.first.accepts()
    await old.hears()
    await old.says(draining(shards.other.url))
    await old.closes(4010)
    await goes_live(await shards.other.accepts())
    await tells(client, ["state", "football", "live"])


@play()
async def the_old_connection_may_end_before_the_new_one_is_live(shards: Shards, client: Client) -> None:
    old = await shards.first.accepts()
    await goes_live(old)
    await old.says(draining(shards.other.url))
    new = await shards.other.accepts()
    said = await new.hears()
    await old.closes(4010)
    await tells(client, ["notice", "moved"])
    await new.says(subscribed(said, "current"), live("c2"))
    await tells(client, ["cursor", "c2"])


@play()
async def three_heartbeats_of_silence_are_the_end(shards: Shards, client: Client) -> None:
    link = await shards.first.accepts(hb_ms=50)
    await goes_live(link)
    await link.closed()
    await tells(client, ["notice", "reconnecting"])
    assert (await (await shards.first.accepts()).hears())["cursor"] == "c1"


@play()
async def another_log_forgets_the_cursor(shards: Shards, client: Client) -> None:
    link = await shards.first.accepts()
    said = await goes_live(link, "c1", market(s=900))
    await tells(client, ["cursor", "c1"])
    answer = subscribed(said, epoch="b")
    del answer["id"]
    await link.says(answer)
    await tells(client, ["cursor", None])
    await link.says({"t": "img", "m": [market(s=3)]}, live("n1"))
    await tells(client, ["cursor", "n1"])


@play()
async def a_source_and_a_slow_device_show(shards: Shards, client: Client) -> None:
    link = await shards.first.accepts()
    await goes_live(link)
    await tells(client, ["state", "football", "live"])
    await link.says({"t": "src", "id": "alpha-0", "state": "stale", "ts": 1})
    await tells(client, ["state", "football", "stale"])
    await link.says(changes({**delta(10, 11), "live": False}))
    await link.says({"t": "src", "id": "alpha-0", "state": "down", "ts": 1})
    await link.says({"t": "slow", "behind_ms": 640, "close_at_ms": 10_000}, {**live("c9"), "src": {"beta-0": "down"}})
    await tells(client, ["cursor", "c9"])


@play("football", tickets=("one", "two"))
async def every_connection_has_a_ticket_of_its_own(shards: Shards, client: Client) -> None:
    tickets: list[str] = []
    shards.first.refuse = lambda connection: tickets.append(connection.request.path)  # type: ignore[union-attr]
    link = await shards.first.accepts()
    await goes_live(link)
    await link.closes(4010)
    await (await shards.first.accepts()).hears()
    assert tickets[-1] == "/v1/stream?ticket=two"  # the first may have come before we looked


@play()
async def topics_come_and_go(shards: Shards, client: Client) -> None:
    link = await shards.first.accepts()
    await goes_live(link)
    await tells(client, ["state", "football", "live"])
    await client.do("subscribe", ["soccer"])
    said = await goes_live(link, "c2", market("M2", topic="soccer.epl.E2"))
    assert (said["topics"], said["cursor"]) == (["soccer"], None)
    await tells(client, ["state", "soccer", "live"])
    await client.do("unsubscribe", ["football"])
    left = await link.hears()
    assert (left["op"], left["topics"]) == ("unsubscribe", ["football"])
    await link.says({"t": "unsubscribed", "id": left["id"], "topics": ["football"]})
    await link.says(changes(cursor="c3"))
    await tells(client, ["cursor", "c3"])
    await link.closes(4009)
    resumed = await (await shards.first.accepts()).hears()
    assert (resumed["topics"], resumed["cursor"]) == (["soccer"], "c3")


BOARD = {"event": EVENT, "items": [market(s=10)], "src": {}}


@play("football.nfl.E1", board=BOARD)
async def a_board_goes_on_from_its_cursor(shards: Shards, client: Client) -> None:
    link = await shards.first.accepts()
    said = await link.hears()
    assert (said["topics"], said["cursor"]) == (["football.nfl.E1"], "c0")
    await link.says(subscribed(said, "delta"), changes(delta(0, 11)), live("c1", "football.nfl.E1"))
    await link.says(changes(delta(11, 12), cursor="c2"))
    await tells(client, ["cursor", "c2"])


@play("football.nfl.E1", board=BOARD)
async def a_board_that_is_refused_is_forgotten(shards: Shards, client: Client) -> None:
    link = await shards.first.accepts()
    said = await link.hears()
    await link.says(subscribed(said, "image"), {"t": "img", "m": [market(s=3)]}, live("c1", "football.nfl.E1"))
    await link.says(changes(delta(3, 4), cursor="c2"))
    await tells(client, ["cursor", "c2"])


@pytest.fixture
async def tab(browser: Chromium) -> AsyncIterator[Tab]:
    tab = await module_tab(browser)
    yield tab
    await tab.close()


async def logged(act: Play, connect: Callable[..., AbstractAsyncContextManager[Client]]) -> list[Told]:
    """Plays it to one client; gives all that this told, to its end."""
    async with ScriptedShard().serving() as first, ScriptedShard().serving() as other:
        made = connect([first.url], topics=act.topics, tickets=act.tickets, board=act.board)
        async with made as client:
            await act.scene(Shards(first, other), client)
            await client.do("close")
            return list(await client.told())


async def test_both_say_and_tell_the_same(tab: Tab, subtests: pytest.Subtests) -> None:
    for name, act in PLAYS.items():
        with subtests.test(name):
            told = await logged(act, reference)
            assert told == await logged(act, partial(in_page, tab))
            states = [what for what in told if what[0] == "state"]
            assert states[0] == ["state", act.topics[0], "rebuilding"]
            assert states[-1][2] == "closed"
