"""Final answers: what was told of a key once it was used, byte for byte; and the newest of them in memory. Pure."""

from __future__ import annotations

import hashlib
import struct
from collections import OrderedDict
from typing import NamedTuple

_HEAD = struct.Struct("!32sH")
_OVERHEAD_BYTES = 500
"""Of one answer in memory beside its body: key, tuples, digest, dictionary."""


class Final(NamedTuple):
    """An answer that will never be another. `fingerprint` is of the request that it answers."""

    fingerprint: bytes
    status: int
    body: bytes

    def packed(self) -> bytes:
        """As it is stored."""
        return _HEAD.pack(self.fingerprint, self.status) + self.body


def unpacked(data: bytes) -> Final | None:
    """What `packed` gave; None for anything else, which a store that is never the truth may hold."""
    if len(data) < _HEAD.size:
        return None
    fingerprint, status = _HEAD.unpack_from(data)
    return Final(fingerprint, status, data[_HEAD.size :])


class _Held(NamedTuple):
    """`said`: digest of the bytes of a request that it answers."""

    final: Final
    said: bytes | None


def _digest(said: bytes) -> bytes:
    return hashlib.sha256(said).digest()


class Finals:
    """The newest answers. Beyond `bytes_max` the one that was not asked for the longest is let go of."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._held: OrderedDict[tuple[str, str], _Held] = OrderedDict()
        self.held_bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, owner: str, key: str) -> Final | None:
        """The answer, if it is here."""
        held = self._held.get((owner, key))
        if held is None:
            return None
        self._held.move_to_end((owner, key))
        return held.final

    def said_again(self, owner: str, key: str, said: bytes) -> Final | None:
        """The answer, if it is here and these are the bytes that it answered: then nothing need be read of them."""
        held = self._held.get((owner, key))
        if held is None or held.said != _digest(said):
            return None
        self._held.move_to_end((owner, key))
        return held.final

    def heard(self, owner: str, key: str, said: bytes) -> None:
        """These bytes mean what the answer answers."""
        held = self._held.get((owner, key))
        if held is not None and held.said is None:
            self._held[owner, key] = _Held(held.final, _digest(said))

    def put(self, owner: str, key: str, final: Final) -> None:
        """Keeps an answer."""
        if (owner, key) in self._held:
            return
        self._held[owner, key] = _Held(final, None)
        self.held_bytes += len(final.body) + _OVERHEAD_BYTES
        while self.held_bytes > self._bytes_max and self._held:
            _, gone = self._held.popitem(last=False)
            self.held_bytes -= len(gone.final.body) + _OVERHEAD_BYTES
