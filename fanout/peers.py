"""Where devices of this shard can go when it drains or is behind. Pure: told by the registry, asked by the sessions."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from fanout.contract.ring import Ring, RingShard


class Peers:
    """The other shards. While the registry knows of none that serves, the `configured` stream URLs stand for them."""

    def __init__(self, configured: Sequence[str]) -> None:
        shards = (
            RingShard(url, url, headroom=1.0, lanes=frozenset(), serving=True, ends_ms=sys.maxsize)
            for url in configured
        )
        self._configured = Ring(shards, 0)
        self._ring = self._configured

    def known(self, shards: Iterable[RingShard], now_ms: int) -> None:
        """What the registry knows now, this shard left out."""
        ring = Ring(shards, now_ms)
        self._ring = ring if ring.shards else self._configured

    def url_for(self, session: str, lanes: frozenset[int]) -> str | None:
        """The stream URL for one device's session, which needs these lanes; None where nobody is known."""
        shard = self._ring.choose(session, lanes)
        return None if shard is None else shard.url
