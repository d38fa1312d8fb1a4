"""Topics: what is one, what each means, and that both ways of asking (index and predicate) agree."""

from __future__ import annotations

import pytest

from fanout.contract.topics import event_topic_prefixes, market_topics, parse_topic
from feeds.contract.errors import Refused
from feeds.contract.model import Market

MARKET = Market("M9", "E1", "football.nfl.E1", "prop", "points", "game", "alpha-0", 5, "open", ())


@pytest.mark.parametrize(
    ("text", "path", "event", "market", "cls", "event_topic"),
    [
        ("football", "football", None, None, None, None),
        ("football.nfl:main", "football.nfl", None, None, "main", None),
        ("football.nfl.E1", "football.nfl.E1", "E1", None, None, "football.nfl.E1"),
        ("football.nfl.E1:prop", "football.nfl.E1", "E1", None, "prop", "football.nfl.E1"),
        ("football.nfl.E1.M9", "football.nfl.E1.M9", "E1", "M9", None, "football.nfl.E1"),
    ],
)
def test_topics(
    text: str, path: str, event: str | None, market: str | None, cls: str | None, event_topic: str | None
) -> None:
    topic = parse_topic(text)
    assert (topic.path, topic.event, topic.market, topic.cls, topic.event_topic) == (
        path,
        event,
        market,
        cls,
        event_topic,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Football",
        "football.",
        "football..E1",
        "football:best",
        "football.nfl.E1.M9.O1",
        "lead",
        "beat.x",
        "desk",
        "a" * 300,
        "football\n",
        "football.nfl.E 1",
        "football:main:prop",
        "football.*",
        ">",
    ],
)
def test_what_is_no_topic_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_topic(text)
    assert refusal.value.code == "bad_topic"


def test_the_account_is_no_topic_of_odds() -> None:
    with pytest.raises(Refused) as refusal:
        parse_topic("account")
    assert refusal.value.code == "bad_topic"


def test_a_market_is_meant_by_exactly_its_topics() -> None:
    texts = market_topics(MARKET)
    assert len(set(texts)) == 8
    assert all(parse_topic(text).wants(MARKET) for text in texts)
    others = ("football:main", "football.nfl.E1.M8", "football.nfl.E1.M9:main")
    assert not any(parse_topic(text).wants(MARKET) for text in others)
    assert event_topic_prefixes(MARKET.topic) == ("football", "football.nfl", "football.nfl.E1")
