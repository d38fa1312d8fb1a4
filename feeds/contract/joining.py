"""Joining a lane's board to its live records without gap or duplicate. Pure; one Joining for each followed lane.

While the board is read, live records are held. Then those the board covers are dropped, the rest is applied in order.
From there every record's position is the last plus one; anything else is a hole, and the board is read again.
"""

from __future__ import annotations

from feeds.contract.lane import Stored

HELD_MAX = 262_144
"""Records held during one board read. Beyond it they are given up, which shows as a hole: the board is read anew."""


class Joining:
    """Where one lane's reader stands. `position` is that of the last record or board handed on; 0 before the first."""

    __slots__ = ("_held", "position")

    def __init__(self) -> None:
        self.position = 0
        self._held: list[Stored] | None = []

    @property
    def joined(self) -> bool:
        """Whether records are handed on as they come."""
        return self._held is None

    def hold(self) -> None:
        """A board is needed: from now on records are held."""
        if self._held is None:
            self._held = []

    def forget(self) -> None:
        """The log was lost: no position means anything, and what is held may be of either log."""
        self.position = 0
        self._held = []

    def received(self, record: Stored) -> bool:
        """Whether the record is the next one, to be handed on now. False: it is held, perhaps because of a hole."""
        held = self._held
        if held is None:
            if record.s == self.position + 1:
                self.position = record.s
                return True
            self._held = [record]
        elif held and (record.s != held[-1].s + 1 or len(held) == HELD_MAX):
            self._held = [record]  # only a board beyond this hole can be joined
        else:
            held.append(record)
        return False

    def board_read(self, position: int) -> list[Stored] | None:
        """The held records after the board, dense and in order; or None: a hole lies between, read the board again."""
        assert self._held is not None
        after = [record for record in self._held if record.s > position]
        if after and after[0].s != position + 1:
            return None
        self._held = None
        self.position = position + len(after)
        return after
