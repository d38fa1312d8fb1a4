"""What a device holds, and the client rule of PROTOCOL.md section 2: messages in, a board out. Pure.

Used by the reference client, the terminal view, the bench swarm and the random simulation. Messages are decoded JSON
objects; unknown ones are ignored. It never talks: where it must, `gap` says so and the caller subscribes again.
"""

from __future__ import annotations

from typing import Any

from fanout.contract.topics import ACCOUNT, Topic, parse_topic

Message = dict[str, Any]

_EXCHANGE = ("lay", "size", "ltp")
"""What a selection has only where an exchange tells it: a whole MARKET leaves out what a DELTA takes away by null."""


class Replica:
    """Markets and events of one device's topics, by id.

    `cursor` is what to resume from, None for nothing. `gap` is true from a delta that did not fit until the catch-up
    that answers it is through, and `gaps` counts them: when it rises, subscribe again (`resubscribing`). `not_live`
    holds the sources that are stale or down.
    """

    def __init__(self) -> None:
        self.markets: dict[str, Message] = {}
        self.events: dict[str, Message] = {}
        self.last: dict[str, int] = {}
        self.not_live: dict[str, str] = {}
        self.cursor: str | None = None
        self.epoch: str | None = None
        self.gap = False
        self.gaps = 0
        self._clock = 0
        self._dropped: set[str] = set()
        """Held at `last` once and then dropped, not gone: below `last` a shard behind may still lead there."""
        self._refreshed: dict[str, int] = {}
        self._imaging: dict[str, int] = {}
        self._gap_op: int | str | None = None
        self._answering = False
        self._on_trust = False
        """What is held came with a cursor by another way than the stream, so its epoch is not known yet."""

    def hold(self, board: Message, cursor: str, topic: str) -> None:
        """Begins with a board by REST and its Odds-Cursor: what of it belongs to this topic. Before any message.

        Its odds must be in the stream's form, which is the default one. It is kept where the first `subscribed` takes
        the cursor (`delta`, `current`), which shows that both are of one epoch; any other answer forgets it.
        """
        wanted = parse_topic(topic)
        if _leads(wanted, board["event"]["topic"]):
            self.events[board["event"]["id"]] = board["event"]
        for market in board["items"]:
            if _means(wanted, market):
                self._take_market(market)
        self.not_live = dict(board["src"])
        self.cursor = cursor
        self._on_trust = True

    def reconnected(self) -> None:
        """A new connection begins: catch-ups of the old one will not end. What is held stays, the cursor too."""
        self.gap = False
        self._gap_op = None
        self._answering = False
        self._imaging.clear()

    def resubscribing(self, op: int | str) -> None:
        """The caller answers a gap by a subscribe with this id: the `live` that follows its answer closes the gap."""
        self._gap_op = op
        self._answering = False

    def receive(self, message: Message) -> None:
        """One message of the shard."""
        self._clock += 1
        match message.get("t"):
            case "d" | "img":
                self._take_all(message)
            case "hb":
                self.not_live = dict(message["src"])
            case "src":
                self._take_source(message)
            case "subscribed":
                self._subscribed(message)
            case "live":
                self._live(message)
            case _:
                return
        cursor = message.get("cursor")
        if cursor is not None and not self.gap:
            self.cursor = cursor

    def status(self, market: Message) -> str:
        """The status to act on: the freshness rule applied to the market's own."""
        if market["st"] == "open" and self._is_of_dead_source(market):
            return "suspended"
        return str(market["st"])

    def is_stale(self, topic: Topic) -> bool:
        """Whether a market of the topic counts as suspended because of its source."""
        if not self.not_live:
            return False
        return any(self._is_of_dead_source(market) and _means(topic, market) for market in self.markets.values())

    def forget(self, topics: set[str], kept: set[str]) -> None:
        """The device left these topics: what no kept topic means is dropped."""
        for topic in topics - {ACCOUNT}:
            self._drop_unless(parse_topic(topic), [parse_topic(text) for text in kept - {ACCOUNT}])

    def _is_of_dead_source(self, market: Message) -> bool:
        state = self.not_live.get(market["src"])
        return state == "down" or (state == "stale" and bool(market["live"]))

    def _take_all(self, message: Message) -> None:
        for market in message["m"]:
            if "event" in market:
                self._take_market(market)
            else:
                self._take_delta(market)
        for event in message.get("e", ()):
            held = self.events.get(event["id"])
            self._refreshed[event["id"]] = self._clock
            if held is None or event["s"] >= held["s"]:
                self.events[event["id"]] = event

    def _take_market(self, market: Message) -> None:
        market_id = market["id"]
        self._refreshed[market_id] = self._clock
        if market["s"] < self.last.get(market_id, 0):
            return
        self.last[market_id] = market["s"]
        self._dropped.discard(market_id)
        if market.get("gone"):
            self.markets.pop(market_id, None)
        else:
            self.markets[market_id] = market

    def _take_delta(self, delta: Message) -> None:
        market_id = delta["id"]
        market = self.markets.get(market_id)
        if market is None:
            last = self.last.get(market_id, 0)
            is_news = delta["s"] > last or (delta["s"] == last and market_id in self._dropped)
            if is_news and not delta.get("gone"):
                self._fell_into_gap()
            return
        self._refreshed[market_id] = self._clock
        last = self.last[market_id]
        if delta["s"] <= last:
            return
        if delta["p"] > last:
            self._fell_into_gap()
            return
        self.last[market_id] = delta["s"]
        if delta.get("gone"):
            del self.markets[market_id]
        else:
            _apply(market, delta)

    def _fell_into_gap(self) -> None:
        if not self.gap or self._answering:
            self.gap = True
            self.gaps += 1
            self._answering = False

    def _take_source(self, message: Message) -> None:
        if message["state"] == "live":
            self.not_live.pop(message["id"], None)
        else:
            self.not_live[message["id"]] = message["state"]

    def _subscribed(self, message: Message) -> None:
        odds = {topic: answer for topic, answer in message["topics"].items() if topic != ACCOUNT}
        if message["topics"] and not odds:
            return
        took_cursor = all(answer in ("delta", "current") for answer in odds.values())
        if self._on_trust and took_cursor:
            self.epoch = message["epoch"]
        self._on_trust = False
        if message["epoch"] != self.epoch:
            self.epoch = message["epoch"]
            self.markets.clear()
            self.events.clear()
            self.last.clear()
            self._dropped.clear()
            self.cursor = None
        for topic, answer in odds.items():
            self._imaging.pop(topic, None)
            if answer == "image":
                self._imaging[topic] = self._clock
        if self._gap_op is not None and message.get("id") == self._gap_op:
            self._answering = self.gap

    def _live(self, message: Message) -> None:
        self.not_live = dict(message["src"])
        for topic in message["topics"]:
            began = self._imaging.pop(topic, None)
            if began is not None:
                self._drop_unrefreshed(parse_topic(topic), began)
        if self._answering:
            self.gap = False
            self._answering = False

    def _drop_unrefreshed(self, topic: Topic, began: int) -> None:
        for market_id, market in tuple(self.markets.items()):
            if self._refreshed.get(market_id, 0) < began and _means(topic, market):
                del self.markets[market_id]
                self._dropped.add(market_id)
        for event_id, event in tuple(self.events.items()):
            if self._refreshed.get(event_id, 0) < began and _leads(topic, event["topic"]):
                del self.events[event_id]

    def _drop_unless(self, topic: Topic, kept: list[Topic]) -> None:
        for market_id, market in tuple(self.markets.items()):
            if _means(topic, market) and not any(_means(other, market) for other in kept):
                del self.markets[market_id]
                self._dropped.add(market_id)
        for event_id, event in tuple(self.events.items()):
            if _leads(topic, event["topic"]) and not any(_leads(other, event["topic"]) for other in kept):
                del self.events[event_id]


def _apply(market: Message, delta: Message) -> None:
    for name in ("s", "ts", "live", "src"):
        if name in delta:
            market[name] = delta[name]
    if "st" in delta:
        market["st"] = delta["st"]
        market.pop("reason", None)
        if "reason" in delta:
            market["reason"] = delta["reason"]
    changes = {change["id"]: change for change in delta.get("x", ())}
    for selection in market["x"]:
        change = changes.get(selection["id"])
        if change is not None:
            selection.update(change)
            for name in _EXCHANGE:
                if name in change and change[name] is None:
                    del selection[name]


def _means(topic: Topic, market: Message) -> bool:
    """Whether a market belongs to a topic."""
    path = f"{market['topic']}.{market['id']}"
    under = path == topic.path or path.startswith(topic.path + ".")
    return under and (topic.cls is None or topic.cls == market["class"])


def _leads(topic: Topic, event_topic: str) -> bool:
    """Whether an event belongs to a topic: the topic's path leads to it, or through it."""
    if topic.event_topic is not None:
        return topic.event_topic == event_topic
    return event_topic.startswith(topic.path + ".")
