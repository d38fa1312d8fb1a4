"""Topics: dotted paths from the general to the particular, with an optional market class.

    football   football.nfl   football.nfl.E1   football.nfl.E1.M9   football.nfl:main   football.nfl.E1:prop

A class narrows markets only: an event belongs to every topic whose path leads to it or through it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from feeds.contract.errors import Refused
from feeds.contract.ids import RESERVED_SPORTS
from feeds.contract.model import MARKET_CLASSES, Market

TOPIC_MAX_CHARS = 256

ACCOUNT = "account"
"""The private topic: the news of the ticket's account. It is no part of the odds, and of no cohort."""

_PATTERN = re.compile(
    r"(?P<sport>[a-z0-9_-]{1,48})"
    r"(?:\.(?P<league>[a-z0-9_-]{1,48})(?:\.(?P<event>[A-Za-z0-9_-]{1,64})(?:\.(?P<market>[A-Za-z0-9_-]{1,64}))?)?)?"
    rf"(?::(?P<cls>{'|'.join(MARKET_CLASSES)}))?\Z"
)


class Topic(NamedTuple):
    """A parsed topic. `path` is the text without its class."""

    text: str
    path: str
    event: str | None
    market: str | None
    cls: str | None

    @property
    def event_topic(self) -> str | None:
        """The topic of the one event this is about, or None where it is about many."""
        if self.event is None:
            return None
        return self.path if self.market is None else self.path.rsplit(".", 1)[0]

    def wants(self, market: Market) -> bool:
        """Whether a market under this topic's path is meant by it."""
        return (self.cls is None or self.cls == market.cls) and (self.market is None or self.market == market.id)


def parse_topic(text: str) -> Topic:
    """The topic of odds. Raises Refused("bad_topic")."""
    match = _PATTERN.match(text) if len(text) <= TOPIC_MAX_CHARS else None
    if match is None or match["sport"] in RESERVED_SPORTS:
        raise Refused("bad_topic", "a topic is sport[.league[.event[.market]]][:class]")
    return Topic(text, text.split(":", 1)[0], match["event"], match["market"], match["cls"])


def market_topics(market: Market) -> tuple[str, ...]:
    """Every topic text that a market belongs to, the general first."""
    sport, league, _ = market.topic.split(".", 2)
    paths = (sport, f"{sport}.{league}", market.topic, f"{market.topic}.{market.id}")
    return (*paths, *(f"{path}:{market.cls}" for path in paths))


def event_topic_prefixes(event_topic: str) -> tuple[str, str, str]:
    """The paths that lead to an event: its sport, its league, itself."""
    sport, league, _ = event_topic.split(".", 2)
    return sport, f"{sport}.{league}", event_topic
