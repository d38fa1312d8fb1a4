"""States that wait for their turn in one lane, the newest of each subject, in order of first arrival. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from feeds.lane_log import Message


class Waiting:
    """What waits. A newer state takes the place of an older one; what goes last goes behind everything else."""

    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}
        self._last: set[str] = set()
        self.replaced = 0

    def __len__(self) -> int:
        return len(self._data)

    def __contains__(self, subject: str) -> bool:
        return subject in self._data

    def put(self, message: Message, *, last: bool = False) -> None:
        """A state. With `last` it moves behind everything that waits."""
        subject, data = message
        if subject in self._data:
            self.replaced += 1
            if last:
                del self._data[subject]
        if last:
            self._last.add(subject)
        else:
            self._last.discard(subject)
        self._data[subject] = data

    def put_under(self, messages: Iterable[Message]) -> None:
        """Older states: they go before what waits, where nothing newer does; what goes last still goes last."""
        older = {subject: data for subject, data in messages if subject not in self._data}
        ends = [(subject, older.pop(subject)) for subject in list(older) if subject in self._last]
        self._data = {**older, **self._data, **dict(ends)}

    def take(self, count: int) -> list[Message]:
        """Takes out the first `count`, which may be put under again; or else `written` must be told."""
        taken = [Message(subject, data) for subject, data in islice(self._data.items(), count)]
        for message in taken:
            del self._data[message.subject]
        return taken

    def written(self, messages: Iterable[Message]) -> None:
        """What was taken has been written."""
        if self._last:
            self._last.difference_update(message.subject for message in messages if message.subject not in self._data)
