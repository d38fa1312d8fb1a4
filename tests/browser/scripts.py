"""What replicas are put through: calls recorded from devices of the random simulation, also with frames lost, doubled
and swapped, and begun from a board in the middle; and one player of them. `player.js` is the other.

A call is `[name, argument, ...]`: of `Replica`, and what it means for `TopicStates` (see `Player.play`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any, ClassVar

import orjson
import pytest

from bench.simulation.delivery import devices
from bench.simulation.delivery.world import World
from fanout.client.states import TopicStates
from fanout.contract.replica import Message, Replica
from tests.fanout import test_replica
from tests.simulation import rules_catching_up, rules_positions, rules_showing
from tests.simulation.rules import SCENARIOS

DIRECTED = (rules_catching_up, rules_positions, rules_showing)
"""They register SCENARIOS."""

Call = list[Any]
Script = list[Call]

FAULTS = 0.1
"""How often a mangled script loses a frame, has it twice, or has it late."""


class Recorded(Replica):
    """A replica that keeps what it was put through."""

    all: ClassVar[list[Recorded]] = []

    def __init__(self) -> None:
        super().__init__()
        self.script: Script = []
        Recorded.all.append(self)

    def receive(self, message: Message) -> None:
        self.script.append(["receive", copied(message)])
        super().receive(message)

    def reconnected(self) -> None:
        self.script.append(["reconnected"])
        super().reconnected()

    def resubscribing(self, op: int | str) -> None:
        self.script.append(["resubscribing", op])
        super().resubscribing(op)

    def forget(self, topics: set[str], kept: set[str]) -> None:
        self.script.append(["forget", sorted(topics), sorted(kept)])
        super().forget(topics, kept)


def recorded(run: Callable[[], None]) -> list[Script]:
    """A script for every replica that took part."""
    Recorded.all.clear()
    with pytest.MonkeyPatch.context() as patch:
        for module in (devices, test_replica):
            patch.setattr(module, "Replica", Recorded)
        run()
    return [replica.script for replica in Recorded.all]


def simulated(seed: int) -> list[Script]:
    """A script for every device of a random run."""
    return recorded(lambda: World(seed).run())


def directed() -> list[Script]:
    """Scripts of the tests of every rule of PROTOCOL.md: those of the replica and those of the whole."""
    of_replica = [test for name, test in vars(test_replica).items() if name.startswith("test_")]
    scenes = [scenario.scene for scenario in SCENARIOS.values()]
    return [script for run in (*of_replica, *scenes) for script in recorded(run)]


def mangled(script: Script, random: Random) -> Script:
    """The script with frames lost, doubled and late; now and then a gap is answered by the next subscribe."""
    calls: Script = []
    late: Call | None = None
    for call in script:
        chance = random.random()
        if call[0] != "receive" or chance > FAULTS:
            calls.append(call)
        elif chance > FAULTS * 2 / 3:
            calls += [call, call]
        elif chance > FAULTS / 3:
            calls += [late] if late is not None else []
            late = call
        if call[0] == "receive" and call[1]["t"] == "subscribed" and random.random() < 0.7 and "id" in call[1]:
            calls.insert(len(calls) - 1, ["resubscribing", call[1]["id"]])
        if random.random() < FAULTS / 3:
            calls.append(["lost"])
        if random.random() < FAULTS / 3:
            calls.append(["receive", {"t": "slow", "behind_ms": 1, "close_at_ms": 1}])
    return calls


def begun_from_a_board(script: Script, random: Random) -> Script:
    """The rest of a script after some point where a cursor was held, with a board of then to begin with."""
    player = Player()
    for number, call in enumerate(copied(script)):
        player.play(call)
        replica = player.replica
        if replica.cursor is not None and replica.events and number > len(script) // 4 and random.random() < 0.1:
            event = random.choice(sorted(replica.events.values(), key=lambda each: str(each["id"])))
            items = [market for market in replica.markets.values() if market["event"] == event["id"]]
            board = copied({"event": event, "items": items, "src": replica.not_live})
            topic = random.choice((event["topic"], f"{event['topic']}:main"))
            cls = random.choice(("delta", "current", "image"))
            answer = {"t": "subscribed", "id": 1, "epoch": replica.epoch, "conflate_ms": 0, "topics": {topic: cls}}
            return [["hold", board, replica.cursor, topic], ["reconnected"], ["receive", answer], *script[number + 1 :]]
    return script


class Player:
    """The Python side."""

    def __init__(self) -> None:
        self.replica = Replica()
        self.states = TopicStates(self.replica)

    def play(self, call: Call) -> Message:
        """Makes one call; gives what is to be compared."""
        name, *arguments = call
        named: list[str] = []
        turned = True
        match name:
            case "receive":
                [message] = arguments
                self._want(message)
                self.replica.receive(message)
                turned = self.states.receive(message)
                named = [part["id"] for part in message.get("m", ())] + [each["id"] for each in message.get("e", ())]
            case "reconnected":
                self.replica.reconnected()
                self.states.connected()
            case "lost":
                self.states.lost()
            case "forget":
                left, kept = arguments
                self.replica.forget(set(left), set(kept))
                self.states.left(left)
            case _:
                getattr(self.replica, name)(*arguments)
        is_whole = name != "receive" or arguments[0].get("t") in ("live", "subscribed")
        return self._told(None if is_whole else named, self.states.turned() if turned else [])

    def _want(self, message: Message) -> None:
        if message.get("t") == "subscribed":
            self.states.wanted(topic for topic in message["topics"] if topic not in self.states.all())

    def _told(self, named: Iterable[str] | None, turned: list[tuple[str, Any]]) -> Message:
        """The whole state, or of markets and events those that the message named."""
        replica = self.replica
        markets = replica.markets if named is None else {name: replica.markets.get(name) for name in named}
        events = replica.events if named is None else {name: replica.events.get(name) for name in named}
        last = replica.last if named is None else {name: replica.last.get(name) for name in named}
        status = {name: replica.status(market) for name, market in markets.items() if market is not None}
        return {
            "markets": markets,
            "events": events,
            "last": last,
            "status": status,
            "sizes": [len(replica.markets), len(replica.events), len(replica.last)],
            "not_live": replica.not_live,
            "cursor": replica.cursor,
            "epoch": replica.epoch,
            "gap": replica.gap,
            "gaps": replica.gaps,
            "turned": [list(pair) for pair in turned],
            "states": self.states.all(),
        }


def copied(value: Any) -> Any:
    """As it comes from a socket: nobody else's."""
    return orjson.loads(orjson.dumps(value))
