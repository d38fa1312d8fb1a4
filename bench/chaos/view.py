"""What one device shows, by PROTOCOL.md section 2, written anew: neither the shard's code nor the reference client's.

While it takes what comes it holds each frame against S1, S2, S3 and S8; what it showed is kept by position, to be held
against the log afterwards (S5, S6), and so is how it saw each source (S7).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple
from zlib import crc32

from bench.chaos.checkers.violation import Violation

Message = dict[str, Any]

HEARD_EVERY_S = 0.1
"""Moments at which it heard something are kept this close together at most."""

PROMPT_S = 0.5
"""Frames that are older, as where a line held them, say nothing of how things were when they came."""


class Seen(NamedTuple):
    """A position and what was shown of it: hash of `market_form` or `event_form`, whether open, and on which device."""

    form: int
    is_open: bool
    device: str


Shown = dict[tuple[int, int, str], Seen]
"""By lane, position and id, over all devices. Two that show different things of one position are a violation."""


class Topic(NamedTuple):
    """`football.nfl:main`: a path, and perhaps a class."""

    path: str
    cls: str

    def means(self, event_topic: str, market: str, cls: str) -> bool:
        """Whether a market belongs to it."""
        return f"{event_topic}.{market}.".startswith(f"{self.path}.") and self.cls in ("", cls)

    def leads(self, event_topic: str) -> bool:
        """Whether an event belongs to it."""
        return f"{event_topic}.".startswith(f"{self.path}.")


def topic_of(text: str) -> Topic:
    """The topic that a text names."""
    path, _, cls = text.partition(":")
    return Topic(path, cls)


class View:
    """One device's. `shown` and `violations` are shared by all of a run."""

    def __init__(self, name: str, topics: Iterable[str], lanes: int, shown: Shown, violations: list[Violation]) -> None:
        self.name = name
        self.topics = [topic_of(text) for text in topics]
        self.markets: dict[str, Message] = {}
        self.last: dict[str, int] = {}
        self.events: dict[str, Message] = {}
        self.cursor: str | None = None
        self.live = False
        self.gap = False
        self.frames = 0
        self.sources: set[str] = set()
        self.heard: list[tuple[float, frozenset[str]]] = []
        """When frames came while it was live, and which sources it took as not live then."""

        self._lanes = lanes
        self._shown = shown
        self._violations = violations
        self._epoch: str | None = None
        self._not_live: frozenset[str] = frozenset()
        self._shared: dict[str, int] = {}
        self._refreshed: set[str] = set()
        self._imaged: list[Topic] = []

    def connected(self) -> None:
        """Another connection begins."""
        self.live = self.gap = False
        self._shared.clear()
        self._imaged.clear()
        self._refreshed.clear()

    def take(self, message: Message, at_s: float) -> None:
        """A frame, and when it came (Unix time)."""
        self.frames += 1
        match message["t"]:
            case "subscribed":
                self._subscribed(message)
            case "img" | "d":
                self._take_all(message)
            case "live":
                self._became_live(message)
            case "hb":
                self._not_live = frozenset(message["src"])
            case "src":
                self._source(message)
            case "account":
                self._violate("S8", f"was told of an account: {message}")
        if message.get("cursor") is not None and not self.gap:
            self.cursor = message["cursor"]
        if self.live and abs(at_s - message.get("ts", 0) / 1000) <= PROMPT_S:
            self._note_heard(at_s)

    def _note_heard(self, at_s: float) -> None:
        if not self.heard or at_s - self.heard[-1][0] >= HEARD_EVERY_S or self.heard[-1][1] != self._not_live:
            self.heard.append((at_s, self._not_live))

    def _subscribed(self, message: Message) -> None:
        if message["epoch"] != self._epoch:
            self._epoch = message["epoch"]
            self.markets.clear()
            self.events.clear()
            self.last.clear()
            self.cursor = None
        self._imaged = [topic_of(text) for text, answer in message["topics"].items() if answer == "image"]
        self._refreshed.clear()
        self._shared.clear()
        self.live = False

    def _became_live(self, message: Message) -> None:
        for market in [one for one in self.markets.values() if one["id"] not in self._refreshed]:
            if any(topic.means(market["topic"], market["id"], market["class"]) for topic in self._imaged):
                del self.markets[market["id"]]
        for event in [one for one in self.events.values() if one["id"] not in self._refreshed]:
            if any(topic.leads(event["topic"]) for topic in self._imaged):
                del self.events[event["id"]]
        self._imaged.clear()
        self._not_live = frozenset(message["src"])
        self.live = True

    def _source(self, message: Message) -> None:
        if message["state"] == "live":
            self._not_live -= {message["id"]}
        else:
            self._not_live |= {message["id"]}

    def _take_all(self, message: Message) -> None:
        shared = self.live and message["t"] == "d" and "why" not in message
        for part in message["m"]:
            if shared:
                self._rises(part)
            if "event" in part:
                self._take_whole(part)
            else:
                self._take_delta(part)
        for event in message.get("e", ()):
            self._refreshed.add(event["id"])
            if event["s"] >= self.events.get(event["id"], {"s": 0})["s"]:
                self.events[event["id"]] = event
                self._show(event["id"], event["id"], event["s"], event_form(event), is_open=False)

    def _rises(self, part: Message) -> None:
        """In shared frames of one connection."""
        before = self._shared.get(part["id"], 0)
        if part["s"] < before:
            self._violate("S1", f"{part['id']} went back from {before} to {part['s']}")
        elif part["s"] == before and "event" not in part:
            self._violate("S3", f"{part['id']} at {before} came twice")
        self._shared[part["id"]] = part["s"]

    def _take_whole(self, market: Message) -> None:
        self._refreshed.add(market["id"])
        self.sources.add(market["src"])
        if market["s"] < self.last.get(market["id"], 0):
            return
        self.last[market["id"]] = market["s"]
        if market.get("gone"):
            self.markets.pop(market["id"], None)
            self._show(market["id"], market["event"], market["s"], ("gone",), is_open=False)
        else:
            self.markets[market["id"]] = dict(market)
            self._show_market(market)

    def _take_delta(self, delta: Message) -> None:
        market, last = self.markets.get(delta["id"]), self.last.get(delta["id"], 0)
        if market is None:
            if delta["s"] > last and not delta.get("gone"):
                self._gap(f"{delta['id']} at {delta['s']}, which it does not hold (last {last})")
            return
        self._refreshed.add(delta["id"])
        if delta["s"] <= last:
            return
        if delta["p"] > last:
            self._gap(f"{delta['id']} leads from {delta['p']} to {delta['s']}, and it holds {last}")
            return
        self.last[delta["id"]] = delta["s"]
        if delta.get("gone"):
            del self.markets[delta["id"]]
            self._show(delta["id"], market["event"], delta["s"], ("gone",), is_open=False)
            return
        _change(market, delta)
        self._show_market(market)

    def _gap(self, what: str) -> None:
        if not self.gap:
            self._violate("S2", what)
        self.gap = True

    def _show_market(self, market: Message) -> None:
        self._show(market["id"], market["event"], market["s"], market_form(market), is_open=market["st"] == "open")

    def _show(self, what: str, event: str, s: int, form: Any, *, is_open: bool) -> None:
        position = (crc32(event.encode()) % self._lanes, s, what)
        seen = self._shown.setdefault(position, Seen(hash(form), is_open, self.name))
        if seen.form != hash(form):
            self._violate("S6", f"{what} at {s} is not what {seen.device} shows of it")

    def _violate(self, rule: str, what: str) -> None:
        self._violations.append(Violation(rule, f"device {self.name}", what))


def _change(market: Message, delta: Message) -> None:
    for name in ("s", "ts", "live", "src", "st"):
        if name in delta:
            market[name] = delta[name]
    changes = {change["id"]: change for change in delta.get("x", ())}
    market["x"] = [{**side, **changes.get(side["id"], {})} for side in market["x"]]


def market_form(market: Message) -> Any:
    """What a MARKET of the wire means, with prices as integers."""
    sides = tuple(
        (side["id"], side.get("st", "open"), side["a"], _milli(side["d"]), side.get("line")) for side in market["x"]
    )
    names = ("id", "event", "topic", "class", "type", "period", "src", "ts", "st", "line", "group")
    return (*(market.get(name) for name in names), bool(market.get("live")), sides)


def event_form(event: Message) -> Any:
    """What an EVENT means."""
    score = event.get("score")
    names = ("id", "topic", "name", "start", "state", "home", "away", "clock")
    return (*(event.get(name) for name in names), None if score is None else (score["home"], score["away"]))


def _milli(price: str | None) -> int | None:
    return None if price is None else int(Decimal(price) * 1000)
