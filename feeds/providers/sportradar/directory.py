"""What the REST API has told: descriptions, fixtures, players, variants; and what is still to be asked for. Pure.

Owns the limits of what is kept, and what stands in for a name that cannot be had. Never fetches: `wanted` is for who
does, and `learn` or `give_up` takes the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeVar

from feeds.providers.sportradar.spec import Description, Document, Fixture, Player

PLAYERS_MAX: Final = 200_000
FIXTURES_MAX: Final = 100_000
VARIANTS_MAX: Final = 50_000
WANTED_MAX: Final = 100_000
"""Beyond each of them the oldest is forgotten, and asked for again when it is needed."""

_PLAYER: Final = "sr:player:"

_K = TypeVar("_K")
_V = TypeVar("_V")


class Want(NamedTuple):
    """Something to ask the API for. `market` only of a variant."""

    kind: Literal["fixture", "player", "variant"]
    id: str
    market: str = ""


class Directory:
    """Names of one installation."""

    def __init__(self) -> None:
        self._descriptions: dict[str, Description] = {}
        self._variants: dict[str, Mapping[str, str]] = {}
        self._fixtures: dict[str, Fixture] = {}
        self._players: dict[str, str] = {}
        self.wanted: dict[Want, None] = {}
        self._missed: list[Want] = []

    def learn(self, document: Document) -> None:
        """An answer of the API."""
        match document:
            case Fixture():
                _keep(self._fixtures, document.id, document, FIXTURES_MAX)
                self.wanted.pop(Want("fixture", document.id), None)
            case Player():
                _keep(self._players, document.id, document.name, PLAYERS_MAX)
                self.wanted.pop(Want("player", document.id), None)
            case tuple():
                for one in document:
                    if isinstance(one, Description):
                        self._learn_description(one)

    def _learn_description(self, description: Description) -> None:
        if description.variant is None:
            self._descriptions[description.id] = description
            return
        _keep(self._variants, description.variant, description.outcomes, VARIANTS_MAX)
        self.wanted.pop(Want("variant", description.variant, description.id), None)

    def give_up(self, want: Want) -> None:
        """It cannot be had: what is known must do."""
        match want.kind:
            case "fixture":
                if want.id not in self._fixtures:
                    self.learn(Fixture(want.id))
            case "player":
                self.learn(Player(want.id, f"Player {want.id.rpartition(':')[2]}"))
            case "variant":
                _keep(self._variants, want.id, {}, VARIANTS_MAX)
        self.wanted.pop(want, None)

    def want(self, want: Want) -> None:
        """To be asked for, again where it is known already."""
        _keep(self.wanted, want, None, WANTED_MAX)

    def missed(self) -> list[Want]:
        """What was looked for in vain since the last call."""
        missed, self._missed = self._missed, []
        return missed

    def _miss(self, want: Want) -> None:
        self._missed.append(want)
        self.want(want)

    def description(self, market_id: str) -> Description | None:
        """A market's description."""
        return self._descriptions.get(market_id)

    def groups(self, market_id: str) -> frozenset[str] | None:
        """The groups that bet stops name; None where the market is not known."""
        description = self._descriptions.get(market_id)
        return None if description is None else description.groups

    def fixture(self, event_id: str) -> Fixture | None:
        """An event's fixture; None: it is wanted now."""
        found = self._fixtures.get(event_id)
        if found is None:
            self._miss(Want("fixture", event_id))
        return found

    def player(self, player_id: str) -> str | None:
        """A player's name; None: it is wanted now."""
        found = self._players.get(player_id)
        if found is None:
            self._miss(Want("player", player_id))
        return found

    def variant(self, market_id: str, variant: str) -> Mapping[str, str] | None:
        """Names of a variant's outcomes by id; None: it is wanted now."""
        found = self._variants.get(variant)
        if found is None:
            self._miss(Want("variant", variant, market_id))
        return found

    def forget(self, event_id: str) -> None:
        """An event is over and forgotten."""
        self._fixtures.pop(event_id, None)
        self.wanted.pop(Want("fixture", event_id), None)


def is_player(outcome_id: str) -> bool:
    """Whether an outcome is a player, or several (`sr:player:1,sr:player:2`)."""
    return outcome_id.startswith(_PLAYER)


def _keep(table: dict[_K, _V], key: _K, value: _V, most: int) -> None:
    table[key] = value
    if len(table) > most:
        del table[next(iter(table))]
