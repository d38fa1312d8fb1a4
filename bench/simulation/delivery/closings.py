"""S5: whatever closed in the log reached every device that was live, at once and unmerged with what followed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from bench.simulation.delivery.devices import SimulatedDevice
from bench.simulation.delivery.shards import SimulatedShard
from bench.simulation.violation import Violation
from feeds.contract.model import Market
from feeds.contract.records import decode_record


class Closings:
    """What a shard owes its live devices for one burst of records. Made before the burst, checked once it settled."""

    def __init__(self, shard: SimulatedShard, devices: Iterable[SimulatedDevice]) -> None:
        self._shard = shard
        self._epoch = shard.epoch
        self._boards = shard.core.boards
        self._before = [lane.book.position for lane in shard.core.board.lanes]
        self._live = [device for device in devices if device.is_live_at(shard)]

    def check(self) -> None:
        """Where no board came in between, every closing of the burst was written to everyone it concerns."""
        shard = self._shard
        if not shard.current or shard.epoch != self._epoch or shard.core.boards != self._boards:
            return
        for market, s in self._closed():
            for device in self._live:
                if device.is_live_at(shard) and _concerns(device, market) and (market.id, s) not in _written(device):
                    raise Violation(f"S5: {device.name} was not told of {market.id} at {s}")

    def _closed(self) -> Iterator[tuple[Market, int]]:
        log = self._shard.log
        for lane, before in enumerate(self._before):
            if before == 0:
                continue
            for stored in log.records[lane][before : self._shard.core.board.lanes[lane].book.position]:
                state = decode_record(stored.subject, stored.data)
                if isinstance(state, Market) and self._closes(state, stored.s):
                    yield state, stored.s

    def _closes(self, market: Market, s: int) -> bool:
        history = self._shard.log.epochs[self._epoch][market.id]
        before = history.as_of(s - 1)
        if before is None or history.vanished or not isinstance(before[1], Market) or before[1].gone:
            return False
        old = before[1]
        was_open = {selection.id for selection in old.selections if selection.st == "open"}
        return (
            market.st not in (old.st, "open")
            or market.gone
            or any(selection.st != "open" and selection.id in was_open for selection in market.selections)
        )


def _concerns(device: SimulatedDevice, market: Market) -> bool:
    assert device.socket is not None
    cohort = device.socket.device.cohort
    assert cohort is not None
    path = f"{market.topic}.{market.id}."
    return any(path.startswith(topic.path + ".") and topic.wants(market) for topic in cohort.topics)


def _written(device: SimulatedDevice) -> set[tuple[str, int]]:
    assert device.socket is not None
    messages = (orjson.loads(frame) for frame in device.socket.recent)
    return {(market["id"], market["s"]) for message in messages for market in message.get("m", ())}
