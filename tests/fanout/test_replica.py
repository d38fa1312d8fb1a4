"""The client rule of PROTOCOL.md section 2, rule by rule."""

from __future__ import annotations

from typing import Any

from fanout.contract.replica import Message, Replica


def whole(market_id: str = "M1", s: int = 10, a: int = -110, **more: Any) -> Message:
    return {
        "id": market_id,
        "event": "E1",
        "topic": "football.nfl.E1",
        "class": "main",
        "type": "spread",
        "period": "game",
        "src": "alpha-0",
        "p": 0,
        "s": s,
        "ts": s,
        "st": "open",
        "live": True,
        "x": [{"id": f"{market_id}h", "name": "Chiefs", "a": a, "d": "1.909", "st": "open"}],
        **more,
    }


def delta(market_id: str = "M1", p: int = 10, s: int = 11, a: int | None = None, **more: Any) -> Message:
    priced = {} if a is None else {"x": [{"id": f"{market_id}h", "a": a, "d": "1.870"}]}
    return {"id": market_id, "p": p, "s": s, "ts": s, **priced, **more}


def game(s: int = 9, **more: Any) -> Message:
    return {"id": "E1", "topic": "football.nfl.E1", "name": "A @ B", "state": "live", "s": s, **more}


def d(*parts: Message, cursor: str | None = None, events: tuple[Message, ...] = ()) -> Message:
    message: Message = {"t": "d", "ts": 1, "m": list(parts)}
    if events:
        message["e"] = list(events)
    return message if cursor is None else message | {"cursor": cursor}


def img(*parts: Message, events: tuple[Message, ...] = ()) -> Message:
    return {"t": "img", "m": list(parts), "e": list(events), "why": "topics"}


def subscribed(op: int | None = 1, *, epoch: str = "a", football: str = "image") -> Message:
    message: Message = {"t": "subscribed", "epoch": epoch, "conflate_ms": 100, "topics": {"football": football}}
    return message if op is None else message | {"id": op}


def live(*topics: str, cursor: str, src: dict[str, str] | None = None) -> Message:
    return {"t": "live", "topics": list(topics or ("football",)), "src": src or {}, "cursor": cursor}


def holding(*parts: Message, cursor: str = "c1", events: tuple[Message, ...] = ()) -> Replica:
    """A replica that is live on `football` with these."""
    replica = Replica()
    take(replica, subscribed(), img(*parts, events=events), live(cursor=cursor))
    return replica


def take(replica: Replica, *messages: Message) -> None:
    for message in messages:
        replica.receive(message)


def prices(replica: Replica) -> dict[str, int | None]:
    return {market_id: market["x"][0]["a"] for market_id, market in replica.markets.items()}


def test_a_delta_applies_from_what_is_held() -> None:
    replica = holding(whole(s=10))
    take(replica, d(delta(p=10, s=12, a=-115), cursor="c2"))
    assert prices(replica) == {"M1": -115}
    assert replica.last["M1"] == 12
    assert replica.cursor == "c2"


def test_a_delta_that_begins_before_what_is_held_applies() -> None:
    replica = holding(whole(s=10))
    take(replica, d(delta(p=0, s=12, a=-115)))
    assert prices(replica) == {"M1": -115}
    assert not replica.gap


def test_what_is_not_newer_is_dropped() -> None:
    replica = holding(whole(s=10))
    take(replica, d(delta(p=8, s=10, a=-500)), d(whole(s=9, a=-500)))
    assert prices(replica) == {"M1": -110}
    assert not replica.gap


def test_a_whole_market_at_the_same_position_is_taken() -> None:
    replica = holding(whole(s=10))
    take(replica, d(whole(s=10, a=-111)))
    assert prices(replica) == {"M1": -111}


def test_applying_anything_twice_is_harmless() -> None:
    replica = holding(whole(s=10))
    for _ in range(2):
        take(replica, d(delta(p=10, s=12, a=-115)), d(whole("M2", s=13)))
    assert prices(replica) == {"M1": -115, "M2": -110}
    assert replica.gaps == 0


def test_a_delta_without_fields_moves_the_position() -> None:
    replica = holding(whole(s=10))
    take(replica, d(delta(p=10, s=20)), d(delta(p=20, s=21, a=-120)))
    assert prices(replica) == {"M1": -120}


def test_a_reason_stands_only_with_its_status() -> None:
    replica = holding(whole(s=10))
    take(replica, d(delta(p=10, s=11, st="suspended", reason="possible_score")))
    assert replica.markets["M1"]["reason"] == "possible_score"
    take(replica, d(delta(p=11, s=12, st="open")))
    assert "reason" not in replica.markets["M1"]


def test_a_delta_beyond_what_is_held_is_a_gap_that_stops_the_cursor() -> None:
    replica = holding(whole(s=10))
    take(replica, d(delta(p=11, s=12, a=-115), cursor="c2"))
    assert (replica.gap, replica.gaps, replica.cursor) == (True, 1, "c1")
    assert prices(replica) == {"M1": -110}


def test_a_delta_of_a_market_not_held_is_a_gap_unless_it_says_gone() -> None:
    replica = holding()
    take(replica, d(delta("M7", p=3, s=11, st="closed", gone=True)))
    assert not replica.gap
    take(replica, d(delta("M7", p=3, s=12)))
    assert replica.gap


def test_only_the_live_that_answers_closes_a_gap() -> None:
    replica = holding(whole(s=10))
    take(replica, d(delta(p=11, s=12, a=-115)))
    replica.resubscribing(5)
    take(replica, live(cursor="c-early"))
    assert (replica.gap, replica.cursor) == (True, "c1")
    take(replica, subscribed(5, football="delta"), d(delta(p=0, s=12, a=-115)), live(cursor="c3"))
    assert (replica.gap, replica.cursor) == (False, "c3")
    assert prices(replica) == {"M1": -115}


def test_a_gap_is_counted_once_until_it_is_answered_and_again_in_the_answer() -> None:
    replica = holding(whole(s=10))
    take(replica, d(delta(p=11, s=12)), d(delta(p=12, s=13)))
    assert replica.gaps == 1
    replica.resubscribing(5)
    take(replica, subscribed(5, football="delta"), d(delta("M9", p=0, s=14)))
    assert (replica.gap, replica.gaps) == (True, 2)
    take(replica, live(cursor="c3"))
    assert (replica.gap, replica.cursor) == (True, "c1")
    replica.resubscribing(6)
    take(replica, subscribed(6), img(whole(s=13), whole("M9", s=14)), live(cursor="c4"))
    assert (replica.gap, replica.cursor) == (False, "c4")


def test_a_restart_that_nobody_asked_for_does_not_answer_a_gap() -> None:
    replica = holding(whole(s=10))
    take(replica, d(delta(p=11, s=12)))
    take(replica, subscribed(None), img(whole(s=12)), live(cursor="c2"))
    assert replica.gap


def test_a_new_connection_takes_cursors_again() -> None:
    replica = holding(whole(s=10))
    take(replica, d(delta(p=11, s=12)))
    replica.reconnected()
    take(replica, subscribed(2, football="delta"), d(delta(p=0, s=12, a=-115)), live(cursor="c2"))
    assert (replica.gap, replica.cursor) == (False, "c2")


def test_an_image_drops_what_it_did_not_refresh_once_live() -> None:
    replica = holding(whole("M1", s=10), whole("M2", s=10), events=(game(),))
    replica.reconnected()
    take(replica, subscribed(2), img(whole("M2", s=10)))
    assert set(replica.markets) == {"M1", "M2"}
    take(replica, live(cursor="c2"))
    assert set(replica.markets) == {"M2"}
    assert replica.events == {}


def test_an_older_whole_market_still_refreshes() -> None:
    replica = holding(whole("M1", s=10, a=-120))
    take(replica, subscribed(2), img(whole("M1", s=8, a=-110)), live(cursor="c2"))
    assert prices(replica) == {"M1": -120}


def test_an_image_drops_only_within_the_topics_that_live_names() -> None:
    other = whole("M2", s=10, topic="football.ncaaf.E2", event="E2")
    prop = whole("M3", s=10) | {"class": "prop"}
    replica = holding(whole("M1", s=10), other, prop)
    take(replica, {"t": "subscribed", "id": 2, "epoch": "a", "topics": {"football.nfl:main": "image"}})
    take(replica, live("football.nfl:main", cursor="c2"))
    assert set(replica.markets) == {"M2", "M3"}


def test_a_connection_lost_in_an_image_drops_nothing() -> None:
    replica = holding(whole("M1", s=10))
    take(replica, subscribed(2), img(whole("M2", s=11)))
    replica.reconnected()
    take(replica, subscribed(3, football="delta"), live(cursor="c2"))
    assert set(replica.markets) == {"M1", "M2"}


def test_gone_is_remembered_and_comes_back_whole() -> None:
    replica = holding(whole(s=10))
    take(replica, d(delta(p=10, s=12, st="closed", gone=True)))
    assert replica.markets == {}
    take(replica, d(whole(s=11)), d(delta(p=10, s=12, a=-115)))
    assert (replica.markets, replica.gap) == ({}, False)
    take(replica, d(whole(s=13, a=-120)))
    assert prices(replica) == {"M1": -120}


def test_a_whole_market_that_is_gone_is_not_held() -> None:
    replica = holding(whole(s=10))
    take(replica, d(whole(s=12, st="closed", gone=True)))
    assert (replica.markets, replica.last["M1"]) == ({}, 12)


def test_another_epoch_forgets_everything_first() -> None:
    replica = holding(whole(s=1000), events=(game(s=900),))
    take(replica, subscribed(None, epoch="b"))
    assert (replica.markets, replica.events, replica.last, replica.cursor) == ({}, {}, {}, None)
    take(replica, img(whole(s=3, a=-105), events=(game(s=2),)), live(cursor="n1"))
    assert prices(replica) == {"M1": -105}
    assert replica.events["E1"]["s"] == 2


def test_the_latest_event_wins() -> None:
    replica = holding(events=(game(s=9, clock="Q1"),))
    take(replica, d(events=(game(s=11, clock="Q3"),)), d(events=(game(s=10, clock="Q2"),)))
    assert replica.events["E1"]["clock"] == "Q3"


def test_catch_up_frames_leave_the_cursor_alone() -> None:
    replica = holding(whole(s=10), cursor="c1")
    take(replica, subscribed(2, football="delta"), d(delta(p=0, s=12, a=-115)))
    assert replica.cursor == "c1"


def test_a_heartbeat_moves_the_cursor() -> None:
    replica = holding(cursor="c1")
    take(replica, {"t": "hb", "ts": 1, "src": {}, "age_ms": {}, "lag_ms": {}, "cursor": "c2"})
    assert replica.cursor == "c2"


def test_freshness_suspends_by_source() -> None:
    replica = holding(whole("M1", s=10), whole("M2", s=10, live=False), whole("M3", s=10, src="beta-0"))

    def statuses() -> list[str]:
        return [replica.status(replica.markets[market_id]) for market_id in ("M1", "M2", "M3")]

    assert statuses() == ["open", "open", "open"]
    take(replica, {"t": "src", "id": "alpha-0", "state": "stale", "ts": 1})
    assert statuses() == ["suspended", "open", "open"]
    take(replica, {"t": "src", "id": "alpha-0", "state": "down", "ts": 2})
    assert statuses() == ["suspended", "suspended", "open"]
    take(replica, {"t": "src", "id": "alpha-0", "state": "live", "ts": 3})
    assert statuses() == ["open", "open", "open"]
    take(replica, live(cursor="c2", src={"beta-0": "down"}))
    assert statuses() == ["open", "open", "suspended"]
    take(replica, {"t": "hb", "ts": 1, "src": {}, "age_ms": {}, "lag_ms": {}, "cursor": "c3"})
    assert statuses() == ["open", "open", "open"]


def test_freshness_never_opens_what_is_not_open() -> None:
    replica = holding(whole(s=10, st="closed"))
    take(replica, {"t": "src", "id": "alpha-0", "state": "down", "ts": 1})
    assert replica.status(replica.markets["M1"]) == "closed"


def test_leaving_a_topic_drops_what_no_kept_one_means() -> None:
    replica = holding(whole("M1"), whole("M2") | {"class": "prop"}, events=(game(),))
    replica.forget({"football"}, {"football.nfl.E1:prop"})
    assert set(replica.markets) == {"M2"}
    assert set(replica.events) == {"E1"}
    replica.forget({"football.nfl.E1:prop"}, set())
    assert (replica.markets, replica.events) == ({}, {})


def test_unknown_messages_and_fields_are_ignored() -> None:
    replica = holding(whole(s=10))
    take(replica, {"t": "news", "cursor": "x"}, d(delta(p=10, s=11, a=-115, colour="blue")), {"no": "t"})
    assert prices(replica) == {"M1": -115}
    assert replica.cursor == "c1"


def test_what_an_exchange_takes_away_is_not_held_any_more() -> None:
    offered = {"id": "M1h", "name": "Chiefs", "a": -110, "d": "1.909", "lay": "1.95", "size": "12.00", "st": "open"}
    replica = holding(whole(x=[offered]))
    take(replica, d({"id": "M1", "p": 10, "s": 11, "ts": 11, "x": [{"id": "M1h", "lay": None, "size": None}]}))
    assert replica.markets["M1"]["x"] == whole()["x"]
