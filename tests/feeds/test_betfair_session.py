"""The conversation with the Exchange Stream, byte for byte: every op, every error code, segments, resume, doubts."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from feeds.providers.betfair.failures import REMEDIES, StreamFailed
from feeds.providers.betfair.parse import LINE_BYTES_MAX, Change, StreamReader
from feeds.providers.betfair.requests import DataFilter, MarketFilter, Resume, Subscription
from feeds.providers.betfair.session import AUTHENTICATION_ID, SUBSCRIPTION_ID, Credentials, StreamSession
from tests.feeds.betfair_stream import change, definition, line

_T = 1_900_000_000_000
_SUBSCRIPTION = Subscription(
    MarketFilter(event_type_ids=["1"]), DataFilter(["EX_MARKET_DEF"], 3), 100, 1_000, segmentation_enabled=True
)


class _Talk:
    """A session and its reader."""

    def __init__(
        self, reader: StreamReader | None = None, resume: Resume | None = None, *, holes_allowed: bool = False
    ) -> None:
        self.reader = reader or StreamReader(live=True)
        self.session = StreamSession(
            self.reader, Credentials("key", "token"), _SUBSCRIPTION, resume=resume, holes_allowed=holes_allowed
        )

    def hear(self, *lines: bytes) -> list[Change]:
        return list(self.session.receive(b"".join(each + b"\r\n" for each in lines)))

    def said(self) -> dict[str, Any]:
        data = self.session.data_to_send()
        assert data.endswith(b"\r\n")
        said: dict[str, Any] = orjson.loads(data)
        return said

    def subscribed(self) -> _Talk:
        self.hear(_CONNECTED, _success(AUTHENTICATION_ID), _success(SUBSCRIPTION_ID))
        self.session.data_to_send()
        return self

    def imaged(self) -> _Talk:
        self.subscribed().hear(_image(1, 2))
        return self

    def failure(self, *lines: bytes) -> StreamFailed:
        with pytest.raises(StreamFailed) as failed:
            self.hear(*lines)
        return failed.value


_CONNECTED = b'{"op":"connection","connectionId":"c-1"}'


def _success(request_id: int) -> bytes:
    return orjson.dumps({"op": "status", "id": request_id, "statusCode": "SUCCESS", "connectionClosed": False})


def _failure(code: str | None, **more: object) -> bytes:
    return orjson.dumps({"op": "status", "statusCode": "FAILURE", "errorCode": code, "connectionClosed": True, **more})


def _whole(*numbers: int) -> list[dict[str, Any]]:
    return [
        change({"id": 11, "atb": [[2, 5]]}, market=f"1.{number}", img=True, marketDefinition=definition())
        for number in numbers
    ]


def _image(*numbers: int, pt: int = _T, **envelope: Any) -> bytes:
    more = {"id": SUBSCRIPTION_ID, "ct": "SUB_IMAGE", "initialClk": "I", "heartbeatMs": 500, **envelope}
    return line(*_whole(*numbers), pt=pt, **more)


def _delta(number: int, price: float = 3, *, pt: int = _T + 1, clk: str = "BBB", **envelope: Any) -> bytes:
    changed = change({"id": 11, "atb": [[price, 5]]}, market=f"1.{number}")
    return line(changed, pt=pt, **{"id": SUBSCRIPTION_ID, "clk": clk, **envelope})


def test_greeting_authentication_subscription_image() -> None:
    talk = _Talk()
    assert talk.session.data_to_send() == b""
    talk.hear(_CONNECTED)
    assert talk.said() == {"op": "authentication", "id": AUTHENTICATION_ID, "appKey": "key", "session": "token"}
    talk.hear(_success(AUTHENTICATION_ID))
    assert talk.said() == {
        "op": "marketSubscription",
        "id": SUBSCRIPTION_ID,
        "marketFilter": {"eventTypeIds": ["1"]},
        "marketDataFilter": {"fields": ["EX_MARKET_DEF"], "ladderLevels": 3},
        "conflateMs": 100,
        "heartbeatMs": 1_000,
        "segmentationEnabled": True,
    }
    talk.hear(_success(SUBSCRIPTION_ID))
    assert (talk.session.phase, talk.session.complete, talk.session.heartbeat_ms) == ("streaming", False, 1_000)
    (told,) = talk.hear(_image(1, 2))
    assert told.markets == ("1.1", "1.2")
    assert talk.session.complete
    assert talk.session.heartbeat_ms == 500
    assert talk.session.resume == Resume("I", "AAA")
    assert talk.session.data_to_send() == b""


def test_lines_may_come_in_any_pieces() -> None:
    talk = _Talk()
    data = b"\r\n".join([_CONNECTED, _success(AUTHENTICATION_ID), _success(SUBSCRIPTION_ID), _image(1), b"", b""])
    told = [each for byte in data for each in talk.session.receive(bytes([byte]))]
    assert [each.markets for each in told] == [("1.1",)]


def test_an_image_in_segments_is_complete_at_its_end() -> None:
    talk = _Talk().subscribed()
    first, second = talk.hear(_image(1, segmentType="SEG_START"), _image(2, segmentType="SEG"))
    assert (first.markets, second.markets, talk.session.complete, talk.session.resume) == ((), (), False, None)
    (last,) = talk.hear(_image(3, segmentType="SEG_END", clk="CCC"))
    assert last.markets == ("1.1", "1.2", "1.3")
    assert talk.session.complete
    assert talk.session.resume == Resume("I", "CCC")


def test_what_an_image_does_not_mention_is_forgotten_at_its_end() -> None:
    talk = _Talk(_Talk().imaged().reader).subscribed()
    _, withdrawn = talk.hear(_image(2, segmentType="SEG_START"), _image(3, segmentType="SEG_END"))[-2:]
    assert withdrawn.markets == ("1.1",)
    assert set(talk.reader.markets) == {"1.2", "1.3"}


def test_a_resume_sends_both_tokens_and_goes_on() -> None:
    before = _Talk().imaged()
    before.hear(_delta(1, clk="BBB"))
    talk = _Talk(before.reader, before.session.resume)
    talk.hear(_CONNECTED, _success(AUTHENTICATION_ID))
    subscription = orjson.loads(talk.session.data_to_send().splitlines()[-1])
    assert (subscription["initialClk"], subscription["clk"]) == ("I", "BBB")
    talk.hear(_success(SUBSCRIPTION_ID))
    (told,) = talk.hear(_delta(1, 4, ct="RESUB_DELTA", clk="DDD"))
    assert told.markets == ("1.1",)
    assert talk.session.complete
    assert talk.session.resume == Resume("I", "DDD")
    assert set(talk.reader.markets) == {"1.1", "1.2"}


def test_a_resume_in_segments_is_complete_at_its_end_and_resumes_from_before_it_until_then() -> None:
    before = _Talk().imaged()
    talk = _Talk(before.reader, before.session.resume).subscribed()
    talk.hear(_delta(1, ct="RESUB_DELTA", segmentType="SEG_START", clk="X1"))
    assert (talk.session.complete, talk.session.resume) == (False, Resume("I", "AAA"))
    talk.hear(_delta(2, ct="RESUB_DELTA", segmentType="SEG_END", clk="X2"))
    assert (talk.session.complete, talk.session.resume) == (True, Resume("I", "X2"))


def test_a_resume_after_which_nothing_had_changed_is_complete_by_a_heartbeat() -> None:
    before = _Talk().imaged()
    talk = _Talk(before.reader, before.session.resume).subscribed()
    talk.hear(line(pt=_T + 5, ct="HEARTBEAT", id=SUBSCRIPTION_ID, clk="EEE"))
    assert talk.session.complete
    assert talk.session.resume == Resume("I", "EEE")


def test_a_resume_that_is_answered_by_an_image_replaces_everything() -> None:
    before = _Talk().imaged()
    talk = _Talk(before.reader, before.session.resume).subscribed()
    talk.hear(_image(3, segmentType="SEG_START"))
    assert (talk.session.complete, talk.session.resume) == (False, None)
    talk.hear(_image(4, segmentType="SEG_END"))
    assert set(talk.reader.markets) == {"1.3", "1.4"}


def test_a_heartbeat_before_the_image_completes_nothing() -> None:
    talk = _Talk().subscribed()
    talk.hear(line(ct="HEARTBEAT", id=SUBSCRIPTION_ID))
    assert not talk.session.complete


def test_a_degraded_publisher_shows_in_the_reader() -> None:
    talk = _Talk().imaged()
    talk.hear(line(ct="HEARTBEAT", id=SUBSCRIPTION_ID, status=503))
    assert talk.reader.degraded
    talk.hear(line(ct="HEARTBEAT", id=SUBSCRIPTION_ID))
    assert not talk.reader.degraded


def test_conflated_changes_are_counted() -> None:
    talk = _Talk().imaged()
    talk.hear(line(change({"id": 11, "ltp": 2}, market="1.1", con=True), id=SUBSCRIPTION_ID))
    assert talk.session.conflated == 1


@pytest.mark.parametrize("code", [*REMEDIES, "SOMETHING_NEW"])
@pytest.mark.parametrize("phase", ["authenticating", "subscribing", "streaming"])
def test_every_error_code_ends_the_conversation_with_its_remedy(code: str, phase: str) -> None:
    talk = _Talk()
    steps = {"authenticating": 1, "subscribing": 2, "streaming": 3}[phase]
    talk.hear(*[_CONNECTED, _success(AUTHENTICATION_ID), _success(SUBSCRIPTION_ID)][:steps])
    assert talk.session.phase == phase
    failed = talk.failure(_failure(code, errorMessage="why"))
    assert (failed.code, failed.remedy) == (code, REMEDIES.get(code, "resume"))
    assert "why" in str(failed)


def test_a_closed_connection_without_a_code_is_tried_again() -> None:
    closed = orjson.dumps({"op": "status", "statusCode": "SUCCESS", "connectionClosed": True})
    assert _Talk().subscribed().failure(closed).remedy == "resume"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"{", "json_malformed"),
        (b"\xff\xfe", "json_malformed"),
        (b'{"op":"mcm","mc":[{"id":"1.1","rc":"x"}]}', "bad_shape"),
        (b'{"op":"mcm","mc":7}', "bad_shape"),
    ],
)
def test_a_line_that_cannot_be_read_asks_for_an_image(bad: bytes, code: str) -> None:
    talk = _Talk().imaged()
    failed = talk.failure(bad)
    assert (failed.code, failed.remedy) == (code, "image")
    assert talk.session.refused.reasons == {code: 1}


def test_changes_before_a_line_that_cannot_be_read_are_told() -> None:
    stream = _Talk().imaged().session.receive(_delta(1) + b"\r\n{\r\n")
    assert next(stream).markets == ("1.1",)
    with pytest.raises(StreamFailed):
        next(stream)


_HOLED = (_image(1, segmentType="SEG_START"), b"{", _image(2, segmentType="SEG_END"))


def test_an_image_with_a_line_that_cannot_be_read_fails_at_its_end() -> None:
    talk = _Talk().subscribed()
    failed = talk.failure(*_HOLED)
    assert (failed.code, failed.remedy) == ("image_with_holes", "image")
    assert (talk.session.complete, talk.session.resume) == (False, None)


def test_an_image_with_holes_is_taken_where_that_is_allowed() -> None:
    talk = _Talk(holes_allowed=True).subscribed()
    talk.hear(*_HOLED)
    assert (talk.session.complete, talk.session.holes) == (True, 1)
    assert str(talk.session.take_refusal())
    assert talk.session.take_refusal() is None


def test_a_bad_line_about_markets_unknown_here_is_passed_over() -> None:
    talk = _Talk().imaged()
    assert talk.hear(b'{"op":"mcm","mc":[{"id":"1.9","rc":"x"}]}') == []
    assert talk.session.complete


def test_before_an_image_a_line_that_cannot_be_read_asks_for_one() -> None:
    assert _Talk().subscribed().failure(b"{").remedy == "image"


@pytest.mark.parametrize("ignored", [b'{"op":"ocm","pt":1}', b'{"op":"unheard_of"}', _CONNECTED])
def test_what_is_not_for_us_is_passed_over(ignored: bytes) -> None:
    talk = _Talk().imaged()
    assert talk.hear(ignored) == []
    assert talk.session.complete


def test_a_change_of_another_subscription_is_passed_over() -> None:
    talk = _Talk().imaged()
    assert talk.hear(_delta(1, id=9)) == []
    assert talk.session.refused.reasons == {"other_subscription": 1}


def test_a_change_before_the_subscription_is_passed_over() -> None:
    talk = _Talk()
    talk.hear(_CONNECTED)
    assert talk.hear(_image(1)) == []
    assert talk.reader.markets == {}


def test_a_publish_time_that_falls_asks_for_an_image_and_changes_nothing() -> None:
    talk = _Talk().imaged()
    talk.hear(_delta(1, 3, pt=_T + 5))
    failed = talk.failure(_delta(1, 4, pt=_T + 4))
    assert (failed.code, failed.remedy) == ("out_of_order", "image")
    assert talk.reader.markets["1.1"].quote((11, 0.0)).back == (3, 5)


def test_a_repeated_line_changes_nothing() -> None:
    talk = _Talk().imaged()
    talk.hear(_delta(1), _delta(1))
    assert talk.session.complete
    twice = _Talk().subscribed()
    last = _image(2, segmentType="SEG_END")
    twice.hear(_image(1, segmentType="SEG_START"), _image(1, segmentType="SEG_START"), last, last)
    assert set(twice.reader.markets) == {"1.1", "1.2"}


def test_an_image_without_its_beginning_is_asked_for_anew() -> None:
    assert _Talk().subscribed().failure(_image(1, segmentType="SEG_END")).code == "out_of_order"


def test_a_change_of_a_market_never_imaged_is_counted() -> None:
    talk = _Talk().imaged()
    talk.hear(_delta(9))
    assert talk.session.refused.reasons == {"no_market_definition": 1}
    talk.hear(line(change(market="1.9", marketDefinition=definition()), pt=_T + 2, id=SUBSCRIPTION_ID))
    assert "1.9" not in talk.reader.markets
    closed = change(market="1.9", marketDefinition=definition("CLOSED"))
    talk.hear(line(closed, pt=_T + 3, id=SUBSCRIPTION_ID))
    assert "1.9" in talk.reader.markets


def test_a_line_without_an_end_is_refused_at_the_limit() -> None:
    talk = _Talk().imaged()
    assert list(talk.session.receive(b" " * LINE_BYTES_MAX)) == []
    with pytest.raises(StreamFailed) as failed:
        list(talk.session.receive(b" "))
    assert failed.value.code == "line_too_long"


def test_secrets_do_not_show_in_failures() -> None:
    talk = _Talk()
    talk.hear(_CONNECTED)
    failed = talk.failure(_failure("INVALID_APP_KEY", errorMessage="no such key"))
    assert "token" not in str(failed)
