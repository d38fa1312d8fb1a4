"""One rule of the protocol off at a time. The scenarios and the simulation must notice each.

A mutation takes pytest's MonkeyPatch and breaks the one thing its name says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fanout import catchup, sessions
from fanout.catchup import Held, Walk
from fanout.cohorts import Cohort
from fanout.contract.codec import delta_json
from fanout.contract.replica import Replica
from fanout.placement import Placement
from fanout.sessions import Sessions
from fanout.shard import Shard
from fanout.tiers import Tier
from feeds.contract.book import Delta, Entry, MarketBook, MarketEntry
from feeds.contract.joining import Joining

Patch = pytest.MonkeyPatch
Mutation = Callable[[Patch], None]


def _nothing(*_: object, **__: object) -> None:
    return None


def cursor_in_urgent_frames(patch: Patch) -> None:
    def send(self: Tier, cohort: Cohort, now_ms: int, *, cursor: str | None) -> None:
        positions = [lane.book.position for lane in self._board.lanes]
        real(self, cohort, now_ms, cursor=cursor or self._cursor(cohort, positions))

    real = Tier._send
    patch.setattr(Tier, "_send", send)


def cursor_before_the_flush(patch: Patch) -> None:
    def beat_due(self: Tier, now_ms: int, target: list[int]) -> None:
        real(self, now_ms, [position + 1 for position in target])

    real = Tier._beat_due
    patch.setattr(Tier, "_beat_due", beat_due)


def source_live_at_once(patch: Patch) -> None:
    def tell(self: Tier, lane: int, source_id: str, state: Any, now_ms: int) -> None:
        self._broadcast_source(lane, source_id, state, now_ms)

    patch.setattr(Tier, "tell_source", tell)


def image_drops_nothing(patch: Patch) -> None:
    patch.setattr(Replica, "_drop_unrefreshed", _nothing)


def image_sends_what_was_gone(patch: Patch) -> None:
    def begin(self: Walk) -> None:
        for topic, held in self._held.items():
            if held.point is None:
                self._held[topic] = Held(None, {})

    patch.setattr(Walk, "_begin_images", begin)


def topics_move_the_point(patch: Patch) -> None:
    def begin(self: Walk) -> None:
        for topic, held in self._held.items():
            if held.base is None:
                self._held[topic] = Held(None, self._board.positions(self._board.lanes_of((topic,))))
        self._sent = {entry_id: s for entry_id, s in self._sent.items() if not _is_gone(self, entry_id)}

    patch.setattr(Walk, "_begin_images", begin)


def _is_gone(walk: Walk, entry_id: str) -> bool:
    return any((entry := lane.book.get(entry_id)) is not None and entry.gone for lane in walk._board.lanes)


def p_of_another(patch: Patch) -> None:
    def part(self: Tier, entry: Entry) -> bytes | None:
        p = self._sent.get(entry.state.id)
        made = real(self, entry)
        change = entry.since(p) if isinstance(entry, MarketEntry) and p is not None else None
        return delta_json(change, entry.s - 1) if made is not None and isinstance(change, Delta) else made

    real = Tier._part
    patch.setattr(Tier, "_part", part)


def delta_of_what_was_never_sent(patch: Patch) -> None:
    def part(self: Tier, entry: Entry) -> bytes | None:
        self._sent.setdefault(entry.state.id, entry.s - 1)
        return real(self, entry)

    real = Tier._part
    patch.setattr(Tier, "_part", part)


def urgent_is_merged(patch: Patch) -> None:
    def record(self: Shard, number: int, stored: Any) -> None:
        urgent, self._urgent = self._urgent, {}
        real(self, number, stored)
        self._urgent = urgent | self._urgent

    real = Shard.record
    patch.setattr(Shard, "record", record)


def urgent_waits(patch: Patch) -> None:
    patch.setattr(Tier, "urgent", _nothing)


def base_is_the_greatest(patch: Patch) -> None:
    def most(matching: Any, entry: Entry, lane: int) -> tuple[int, int] | None:
        found = [
            (0 if held.base is None else held.base.get(lane, 0), 0 if held.point is None else held.point.get(lane, 0))
            for topic, held in matching
            if catchup._wants(topic, entry)
        ]
        return max(found, default=None)

    patch.setattr(catchup, "_least", most)


def board_keeps_stamps(patch: Patch) -> None:
    def put(self: MarketBook, state: Any, s: int, *, anew: bool = False) -> Any:
        del anew
        return real(self, state, s)

    real = MarketBook._put
    patch.setattr(MarketBook, "_put", put)


def floor_starts_nothing_anew(patch: Patch) -> None:
    patch.setattr(Shard, "_start_lane_anew", _nothing)


def floor_passes_walks_by(patch: Patch) -> None:
    patch.setattr(Placement, "floor_rose", _nothing)


def old_cursors_are_taken(patch: Patch) -> None:
    def uncovered(self: Sessions, topic: Any, said: Any, request: Any) -> str | None:
        reason = real(self, topic, said, request)
        return None if reason == "not_covered" else reason

    real = Sessions._uncovered
    patch.setattr(Sessions, "_uncovered", uncovered)


def foreign_cursors_are_taken(patch: Patch) -> None:
    def uncovered(self: Sessions, topic: Any, said: Any, request: Any) -> str | None:
        reason = real(self, topic, said, request)
        return None if reason == "epoch_changed" else reason

    real = Sessions._uncovered
    patch.setattr(Sessions, "_uncovered", uncovered)


def epochs_are_not_compared(patch: Patch) -> None:
    def subscribed(self: Replica, message: Any) -> None:
        self.epoch = message["epoch"]
        real(self, message)

    real = Replica._subscribed
    patch.setattr(Replica, "_subscribed", subscribed)


def answers_from_the_past(patch: Patch) -> None:
    def ready(self: Sessions, request: Any) -> bool:
        return all(self._board.lanes[lane].joined for lane in self._board.lanes_of(request.topics))

    patch.setattr(Sessions, "_ready", ready)


def chunks_bring_nothing_up_to_date(patch: Patch) -> None:
    def chunk(self: Walk, now_ms: int, max_bytes: int) -> tuple[list[bytes], bool]:
        made = real(self, now_ms, max_bytes)
        self._visited = dict.fromkeys(self._visited, 1 << 60)
        return made

    real = Walk.chunk
    patch.setattr(Walk, "chunk", chunk)


def live_in_the_middle_of_a_walk(patch: Patch) -> None:
    def chunk(self: Walk, now_ms: int, max_bytes: int) -> tuple[list[bytes], bool]:
        return real(self, now_ms, max_bytes)[0], True

    real = Walk.chunk
    patch.setattr(Walk, "chunk", chunk)


def walk_from_the_board(patch: Patch) -> None:
    def walk_of(self: Placement, device: Any, why: Any) -> Walk:
        flushed = [tier.flushed for tier in self._tiers]
        for tier in self._tiers:
            tier.flushed = [lane.book.position for lane in self._board.lanes]
        walk = real(self, device, why)
        for tier, before in zip(self._tiers, flushed):
            tier.flushed = before
        return walk

    real = Placement.walk_of
    patch.setattr(Placement, "walk_of", walk_of)


def shared_frames_in_catch_up(patch: Patch) -> None:
    patch.setattr(Cohort, "leave", _nothing)


def older_markets_are_taken(patch: Patch) -> None:
    def take(self: Replica, market: Any) -> None:
        self.last.pop(market["id"], None)
        real(self, market)

    real = Replica._take_market
    patch.setattr(Replica, "_take_market", take)


def what_was_dropped_is_not_missed(patch: Patch) -> None:
    def take(self: Replica, delta: Any) -> None:
        if delta["id"] in self.markets or delta["s"] != self.last.get(delta["id"]):
            real(self, delta)

    real = Replica._take_delta
    patch.setattr(Replica, "_take_delta", take)


def full_sockets_are_written_to(patch: Patch) -> None:
    patch.setattr(Placement, "blocked", _nothing)


def changes_after_gone_are_sent(patch: Patch) -> None:
    def since(self: MarketEntry, base: int) -> Any:
        change = real(self, base)
        if change is None and self.s > base:
            return Delta(self.state.id, self.s, self.state.ts, st=self.state.st)
        return change

    real = MarketEntry.since
    patch.setattr(MarketEntry, "since", since)


def the_forgetful_are_believed(patch: Patch) -> None:
    patch.setattr(sessions, "_forgot", lambda _device, _walk, _topic: False)


def images_are_never_restarted(patch: Patch) -> None:
    def below(self: Walk, lane: int, floor: int) -> list[Any]:
        return [topic for topic in real(self, lane, floor) if self._held[topic].base is not None]

    real = Walk.below_floor
    patch.setattr(Walk, "below_floor", below)


def holes_are_passed_by(patch: Patch) -> None:
    def received(self: Joining, record: Any) -> bool:
        if self.joined:
            self.position = record.s
            return True
        return real(self, record)

    real = Joining.received
    patch.setattr(Joining, "received", received)


SEEN_BY_SIMULATION: tuple[Mutation, ...] = (
    cursor_in_urgent_frames,
    cursor_before_the_flush,
    image_drops_nothing,
    topics_move_the_point,
    p_of_another,
    delta_of_what_was_never_sent,
    urgent_is_merged,
    urgent_waits,
    base_is_the_greatest,
    board_keeps_stamps,
    old_cursors_are_taken,
    foreign_cursors_are_taken,
    epochs_are_not_compared,
    answers_from_the_past,
    chunks_bring_nothing_up_to_date,
    live_in_the_middle_of_a_walk,
    walk_from_the_board,
    older_markets_are_taken,
    changes_after_gone_are_sent,
    holes_are_passed_by,
)
"""What random runs alone find; the rest shows in directed scenarios."""

NOTICED: dict[Mutation, int] = {old_cursors_are_taken: 60, answers_from_the_past: 114}
"""The seed that noticed last, where it takes many: it is tried before all others, which spares the search."""
