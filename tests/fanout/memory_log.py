"""A log in memory with readers that obey the lane port, so that a real Server runs without NATS.

`MemoryLog.reader` stands where LogReader does: `Server(..., make_reader=log.reader)`. Several servers may read one log.
"""

from __future__ import annotations

import asyncio

from feeds.contract.epoch import epoch_of
from feeds.contract.lane import Board, LaneSink, Stored
from feeds.contract.model import Event, Market
from feeds.contract.records import Beat, Lead, Record, encode_record
from feeds.contract.subjects import beat_subject, event_subject, lane_of, lead_subject, market_subject


class MemoryLog:
    """All lanes of a log. Positions begin at 1 in every lane."""

    def __init__(self, *, lanes: int = 1) -> None:
        self.lanes = lanes
        self.readers: list[MemoryReader] = []
        self.age = 0
        self._begin()

    def append(self, record: Record, *, lane: int = 0) -> int:
        """A record at the end of its event's lane; beats and leads go to `lane`. Gives its position."""
        match record:
            case Market():
                lane = lane_of(record.event, self.lanes)
                return self._store(lane, market_subject(lane, record.topic, record.id), record)
            case Event():
                lane = lane_of(record.id, self.lanes)
                return self._store(lane, event_subject(lane, record.topic), record)
            case Beat():
                return self._store(lane, beat_subject(lane, record.feed), record)
            case Lead():
                return self._store(lane, lead_subject(lane, record.feed), record)

    def position(self, lane: int = 0) -> int:
        """Position of the lane's newest record, 0 for none."""
        return self.floors[lane] - 1 + len(self.records[lane])

    def board(self, lane: int) -> Board:
        """The last record of every subject."""
        newest = {record.subject: record for record in self.records[lane]}
        records = sorted(newest.values(), key=lambda record: record.s)
        return Board(self.position(lane), self.floors[lane], records)

    def forget_below(self, lane: int, floor: int) -> None:
        """The log of this lane begins at `floor` from here on."""
        self.records[lane] = [record for record in self.records[lane] if record.s >= floor]
        self.floors[lane] = floor
        self._wake()

    def new_epoch(self) -> None:
        """The log was lost: another, empty one begins."""
        self.age += 1
        self._begin()
        self._wake()

    def reader(self, sink: LaneSink) -> MemoryReader:
        """A reader of this log for one sink."""
        reader = MemoryReader(self, sink)
        self.readers.append(reader)
        return reader

    def _begin(self) -> None:
        self.epoch = epoch_of([f"log {self.age}"] * self.lanes)
        self.records: list[list[Stored]] = [[] for _ in range(self.lanes)]
        self.floors = [1] * self.lanes

    def _store(self, lane: int, subject: str, record: Record) -> int:
        s = self.position(lane) + 1
        self.records[lane].append(Stored(subject, s, encode_record(record)))
        self._wake()
        return s

    def _wake(self) -> None:
        for reader in self.readers:
            reader.wake()


class MemoryReader:
    """Hands one sink what the log holds, in the order that the lane port promises.

    `hole` loses a record, which shows with the one after it; `pause` lets this reader fall behind.
    """

    def __init__(self, log: MemoryLog, sink: LaneSink) -> None:
        self.boards = 0
        self._log = log
        self._sink = sink
        self._epoch = ""
        self._wanted: frozenset[int] = frozenset()
        self._positions: dict[int, int] = {}
        self._floors: dict[int, int] = {}
        self._to_lose: set[int] = set()
        self._broken: set[int] = set()
        self._paused = False
        self._moved = asyncio.Event()

    def want(self, lanes: frozenset[int]) -> None:
        """Follow exactly these lanes."""
        self._wanted = lanes
        self.wake()

    def wake(self) -> None:
        """Something is there to be read."""
        self._moved.set()

    def hole(self, lane: int = 0) -> None:
        """The lane's next record does not reach this reader."""
        self._to_lose.add(lane)

    def pause(self) -> None:
        """Nothing is read until `resume`."""
        self._paused = True

    def resume(self) -> None:
        """Reads on from where it stopped."""
        self._paused = False
        self.wake()

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            if not self._paused:
                self._read()

    def _read(self) -> None:
        if self._log.epoch != self._epoch:
            self._epoch = self._log.epoch
            self._positions.clear()
            self._floors.clear()
            self._sink.epoch(self._epoch)
        for lane in self._positions.keys() - self._wanted:
            del self._positions[lane]
        for lane in sorted(self._wanted):
            self._follow(lane)

    def _follow(self, lane: int) -> None:
        floor = self._log.floors[lane]
        if lane not in self._positions or self._positions[lane] < floor - 1:
            self._hand_board(lane)
            return
        if self._floors[lane] < floor:
            self._floors[lane] = floor
            self._sink.floor(lane, floor)
        for record in self._log.records[lane][self._positions[lane] + 1 - floor :]:
            if lane in self._broken:
                self._hand_board(lane)
                return
            self._positions[lane] = record.s
            if lane in self._to_lose:
                self._to_lose.remove(lane)
                self._broken.add(lane)
            else:
                self._sink.record(lane, record)

    def _hand_board(self, lane: int) -> None:
        board = self._log.board(lane)
        self._broken.discard(lane)
        self._positions[lane] = board.position
        self._floors[lane] = board.floor
        self.boards += 1
        self._sink.board(lane, board)
