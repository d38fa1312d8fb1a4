"""Conversations of a shard: every message is answered, every limit refuses, every deadline closes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bench.simulation.delivery.devices import Socket
from fanout.sessions import SLICE
from tests.simulation.stage import Stage, event, kinds, market


def heard(socket: Socket) -> list[dict[str, Any]]:
    """What was written since the last look."""
    messages = [orjson.loads(frame) for frame in socket.unread]
    socket.unread.clear()
    socket.unread_bytes = 0
    return messages


def say(stage: Stage, socket: Socket, said: dict[str, Any] | bytes) -> list[dict[str, Any]]:
    """A device says something and hears what is answered at once."""
    text = said if isinstance(said, bytes) else orjson.dumps(said)
    socket.shard.core.sessions.receive(socket.device, text, stage.now_ms)
    return heard(socket)


def talking(stage: Stage) -> Socket:
    """A connected device that was welcomed."""
    socket = Socket(stage.shards[0], stage.now_ms)
    (welcome,) = heard(socket)
    assert (welcome["t"], welcome["schema"], welcome["conflate_ms"]) == ("welcome", 1, [0, 100, 250])
    return socket


def joined() -> Stage:
    """A shard that has joined its lane, because somebody listens."""
    stage = Stage()
    stage.publish(event(), market(0))
    stage.device("football")
    stage.run()
    return stage


@pytest.mark.parametrize(
    ("said", "code", "op"),
    [
        (b"{", "bad_json", None),
        (b"\xff", "bad_json", None),
        (b"[]", "bad_op", None),
        (b'{"op":"dance","id":7}', "bad_op", 7),
        (b'{"op":"subscribe","id":7}', "bad_op", 7),
        (b'{"op":"subscribe","id":7,"topics":["football"],"conflate_ms":-1}', "bad_op", 7),
        (b'{"op":"subscribe","id":"x","topics":["account"]}', "unauthenticated", "x"),
        (b'{"op":"subscribe","id":7,"topics":["football","Nope"]}', "bad_topic", 7),
    ],
)
def test_what_is_not_understood_is_refused_and_changes_nothing(said: bytes, code: str, op: object) -> None:
    stage = joined()
    socket = talking(stage)
    (error,) = say(stage, socket, said)
    assert (error["t"], error["code"], error["id"], error["fatal"]) == ("error", code, op, False)
    assert socket.device.cohort is None
    assert socket.device.walk is None


def test_so_many_requests_wait_for_the_log_and_no_more() -> None:
    stage = Stage()
    socket = talking(stage)
    limit = stage.shards[0].core.settings.waiting_ops
    for op in range(limit):
        assert say(stage, socket, {"op": "subscribe", "id": op, "topics": ["football"]}) == []
    (error,) = say(stage, socket, {"op": "subscribe", "id": limit, "topics": ["football"]})
    assert (error["code"], error["id"]) == ("ops_limit", limit)
    stage.publish(event(), market(0))
    stage.run()
    assert [answer["id"] for answer in heard(socket) if answer["t"] == "subscribed"] == list(range(limit))


def test_unknown_fields_are_ignored_and_a_ping_is_answered() -> None:
    stage = Stage()
    socket = talking(stage)
    assert say(stage, socket, {"op": "ping", "id": 3, "mood": "good"}) == [{"t": "pong", "id": 3, "ts": stage.now_ms}]


def test_too_many_topics_are_refused_all_of_them() -> None:
    stage = joined()
    socket = talking(stage)
    limit = stage.shards[0].core.settings.topics
    topics = [f"football.nfl.E{number}" for number in range(limit + 1)]
    (error,) = say(stage, socket, {"op": "subscribe", "id": 1, "topics": topics})
    assert error["code"] == "topic_limit"
    granted = say(stage, socket, {"op": "subscribe", "id": 2, "topics": topics[:limit]})
    assert kinds(granted)[0] == "subscribed"
    (error,) = say(stage, socket, {"op": "subscribe", "id": 3, "topics": topics[limit:]})
    assert error["code"] == "topic_limit"


def test_too_many_messages_are_refused_until_time_passes() -> None:
    stage = Stage()
    socket = talking(stage)
    burst = 2 * stage.shards[0].core.settings.ops_per_s
    answers = [say(stage, socket, {"op": "ping", "id": number})[0] for number in range(burst + 1)]
    assert kinds(answers).count("pong") == burst
    assert (answers[-1]["code"], answers[-1]["id"], answers[-1]["retry"]) == ("ops_limit", burst, "backoff")
    stage.now_ms += 1_000
    assert kinds(say(stage, socket, {"op": "ping", "id": 1})) == ["pong"]


def test_requests_wait_for_their_lane_and_are_answered_in_order() -> None:
    stage = Stage()
    stage.publish(event(), market(0))
    socket = talking(stage)
    assert not say(stage, socket, {"op": "subscribe", "id": 1, "topics": ["football"]})
    assert not say(stage, socket, {"op": "subscribe", "id": 2, "topics": ["tennis"]})
    assert not say(stage, socket, {"op": "unsubscribe", "id": 3, "topics": ["football"]})
    stage.settle()
    assert [message["id"] for message in heard(socket) if "id" in message] == [1, 2, 3]
    assert socket.device.cohort is not None
    assert socket.device.cohort.texts == {"tennis"}


def test_who_waits_for_a_lane_that_is_never_joined_is_sent_away() -> None:
    stage = Stage()
    socket = talking(stage)
    say(stage, socket, {"op": "subscribe", "id": 1, "topics": ["football"]})
    stage.now_ms += stage.shards[0].core.settings.joining_ms
    stage.shards[0].core.sweep(stage.now_ms)
    assert kinds(heard(socket)) == ["drain"]
    assert socket.closed is not None
    assert socket.closed.code == 4010


def test_who_says_nothing_is_closed() -> None:
    stage = Stage()
    silent, pinging, talker = talking(stage), talking(stage), talking(stage)
    say(stage, pinging, {"op": "ping", "id": 1})
    say(stage, talker, {"op": "unsubscribe", "id": 1, "topics": []})
    stage.shards[0].core.sweep(stage.now_ms + 5_000)
    assert [socket.closed and socket.closed.code for socket in (silent, pinging, talker)] == [4400, 4400, None]


def test_a_session_ends_after_its_lifetime_less_some_jitter() -> None:
    stage = Stage()
    socket = talking(stage)
    say(stage, socket, {"op": "unsubscribe", "id": 1, "topics": []})
    lifetime_ms = stage.shards[0].core.settings.session_s * 1000
    stage.shards[0].core.sweep(stage.now_ms + int(lifetime_ms * 0.89))
    assert stage.shards[0].core.sessions.closed == {}
    stage.shards[0].core.sweep(stage.now_ms + lifetime_ms)
    assert socket.closed is not None
    assert socket.closed.code == 4009
    assert stage.shards[0].core.sessions.closed == {4009: 1}


def test_to_disconnect_twice_is_to_disconnect_once() -> None:
    stage = joined()
    device = stage.device("football")
    stage.run()
    socket = device.socket
    assert socket is not None
    sessions = stage.shards[0].core.sessions
    sessions.disconnect(socket.device, stage.now_ms)
    sessions.disconnect(socket.device, stage.now_ms)
    assert len(sessions.devices) == 1
    list(sessions.close_all(stage.now_ms))
    assert socket.closed is None
    assert not sessions.devices


def test_many_devices_are_told_and_closed_in_slices() -> None:
    stage = Stage()
    sockets = [talking(stage) for _ in range(SLICE + 1)]
    sessions = stage.shards[0].core.sessions
    telling = sessions.drain(window_ms=1_000, deadline_ms=5_000)
    next(telling)
    assert [len(heard(socket)) for socket in sockets] == [1] * SLICE + [0]
    sessions.disconnect(sockets[-1].device, stage.now_ms)
    assert list(telling) == []
    assert heard(sockets[-1]) == []
    closing = sessions.close_all(stage.now_ms)
    next(closing)
    assert list(closing) == []
    assert [socket.closed is not None for socket in sockets] == [True] * SLICE + [False]
