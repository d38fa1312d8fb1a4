"""How each topic of a stream is, from what comes and what becomes of its connection. Pure: it is told of both.

rebuilding   asked for and not whole yet: until the `live` that completes it, from a gap until the `live` that answers
             it, and while a device that was slow catches up
live         whole and up to date
stale        whole, but old: the connection is lost, or a market of it counts as suspended because its source is not
             live (PROTOCOL.md, Freshness)
closed       not subscribed to, or the stream has ended for good
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from fanout.contract.replica import Message, Replica
from fanout.contract.topics import ACCOUNT, parse_topic

TopicState = Literal["live", "stale", "rebuilding", "closed"]


class TopicStates:
    """The states of all topics of one stream over one replica, which takes every message first."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._whole: dict[str, bool] = {}
        """Topics that are subscribed to, and whether a `live` of this connection completed them."""
        self._connected = False
        self._closed = False
        self._told: dict[str, TopicState] = {}

    def of(self, topic: str) -> TopicState:
        """The state of one topic."""
        if self._closed or topic not in self._whole:
            return "closed"
        if topic == ACCOUNT:
            return self._of_account()
        if not self._whole[topic] or self._replica.gap:
            return "rebuilding"
        if not self._connected or self._replica.is_stale(parse_topic(topic)):
            return "stale"
        return "live"

    def all(self) -> dict[str, TopicState]:
        """The state of every topic that is subscribed to, also after the end."""
        return {topic: self.of(topic) for topic in self._whole}

    def turned(self) -> list[tuple[str, TopicState]]:
        """Topics whose state differs from what was last given here, in the order of their subscription."""
        now = self.all()
        now |= {topic: "closed" for topic in self._told if topic not in now}
        turned = [(topic, state) for topic, state in now.items() if self._told.get(topic) != state]
        self._told = {topic: now[topic] for topic in self._whole}
        return turned

    def wanted(self, topics: Iterable[str]) -> None:
        """Topics are subscribed to."""
        self._whole |= dict.fromkeys(topics, False)

    def left(self, topics: Iterable[str]) -> None:
        """Topics are not wanted any more."""
        for topic in topics:
            self._whole.pop(topic, None)

    def connected(self) -> None:
        """A connection begins to count: all is said anew."""
        self._connected = True
        self._rebuild(self._whole)

    def lost(self) -> None:
        """The connection that counted is over."""
        self._connected = False

    def close(self) -> None:
        """The stream has ended for good."""
        self._closed = True

    def receive(self, message: Message) -> bool:
        """A message of the connection that counts, after the replica took it. Gives whether a state may have turned."""
        match message.get("t"):
            case "subscribed":
                self._rebuild(message["topics"])
            case "slow":
                self._rebuild([topic for topic in self._whole if topic != ACCOUNT])
            case "account":
                return self._account(whole=message["kind"] == "state")
            case "waiting":
                self._rebuild([message["topic"]])
            case "live":
                self._whole |= dict.fromkeys((topic for topic in message["topics"] if topic in self._whole), True)
            case "d" | "img":
                return self._replica.gap or (bool(self._replica.not_live) and _moves_source(message))
            case "hb" | "src":
                return True
            case _:
                return False
        return True

    def _of_account(self) -> TopicState:
        if not self._whole[ACCOUNT]:
            return "rebuilding"
        return "live" if self._connected else "stale"

    def _account(self, *, whole: bool) -> bool:
        """A state completes the account's topic."""
        if not whole or self._whole.get(ACCOUNT) is not False:
            return False
        self._whole[ACCOUNT] = True
        return True

    def _rebuild(self, topics: Iterable[str]) -> None:
        self._whole |= dict.fromkeys([topic for topic in topics if topic in self._whole], False)


def _moves_source(message: Message) -> bool:
    """Whether the message may change which markets a source suspends, other than by what it says of the source."""
    return any("event" in part or "src" in part or "live" in part or "gone" in part for part in message["m"])
