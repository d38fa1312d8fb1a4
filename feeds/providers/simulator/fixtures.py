"""Who meets whom: every team of a league plays once before one plays again."""

from __future__ import annotations

from random import Random

from feeds.providers.simulator.spec import League


class Fixtures:
    """The draw of every league. Teams of a slate larger than its leagues play several games at once."""

    __slots__ = ("_drawn", "_rng")

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._drawn: dict[str, list[str]] = {}

    def next(self, league: League) -> tuple[str, str]:
        """Home and away of the next game."""
        drawn = self._drawn.get(league.slug)
        if not drawn:
            drawn = self._drawn[league.slug] = self._rng.sample(league.teams, len(league.teams) // 2 * 2)
        return drawn.pop(), drawn.pop()
