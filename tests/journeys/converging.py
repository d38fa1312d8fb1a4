"""Whether devices of the reference client show exactly what the log holds."""

from __future__ import annotations

import json

from fanout.client import OddsStream
from fanout.contract.codec import event_json, market_json
from fanout.contract.replica import Message
from fanout.contract.topics import event_topic_prefixes, market_topics
from feeds.contract.model import Event, Market
from feeds.contract.records import decode_record
from tests.bus import Mirror


async def follow(stream: OddsStream) -> None:
    """A device that does nothing but look."""
    async for _ in stream:
        pass


def held_by_log(mirror: Mirror, topic: str) -> tuple[dict[str, Message], dict[str, Message]]:
    """Markets and events of a topic as devices should show them."""
    markets: dict[str, Message] = {}
    events: dict[str, Message] = {}
    for lane in mirror.last.values():
        for record in lane.values():
            state = decode_record(record.subject, record.data)
            if isinstance(state, Market) and not state.gone and topic in market_topics(state):
                markets[state.id] = json.loads(market_json(state, record.s))
            elif isinstance(state, Event) and topic.split(":", maxsplit=1)[0] in event_topic_prefixes(state.topic):
                events[state.id] = json.loads(event_json(state, record.s))
    return markets, events


def converged(stream: OddsStream, mirror: Mirror, topic: str) -> bool:
    """Whether the device shows all of the topic, and nothing else."""
    markets, events = held_by_log(mirror, topic)
    running = {event_id for event_id, event in events.items() if event["state"] != "ended"}
    shown = stream.replica.events
    return stream.replica.markets == markets and all(shown.get(event_id) == events[event_id] for event_id in running)
