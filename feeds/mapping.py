"""A provider's sports, leagues, teams, players and events in our words, by a mapping file with sane defaults. Pure.

Owns every id and slug that does not depend on one provider's format. What the file does not name becomes a slug of the
provider's own name, and ids derived from the provider's ids. An event that the files of several providers give the same
`key` is one event of ours (it is joined): its markets and selections then get ids from what they mean, not from
whose they are, so that any of these providers can go on with them.

```toml
[sports]                          # the provider's id or name = our slug
"sr:sport:16" = "football"
[leagues]
"sr:tournament:31" = "nfl"
[teams]                           # the provider's id or name = our name
"sr:competitor:4421" = "Chiefs"
[players]
"sr:player:1234" = { id = "patrick_mahomes", name = "Patrick Mahomes" }
[events]                          # the provider's id = the event's key, the same in every provider's file
"sr:match:18941600" = "nfl-2026-09-21-bills-chiefs"
"31000001" = { key = "nfl-2026-09-21-bills-chiefs", sport = "football", league = "nfl" }
```

Feeds join an event only under one topic: where a provider tells no league, or another one, the file names both.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, NamedTuple, TypeVar

import msgspec

from feeds.contract.errors import Refused
from feeds.contract.ids import RESERVED_SPORTS, SLUG_PATTERN, derive_id, slug
from feeds.contract.model import MarketClass, Side, Subject, event_topic

JOINED: Final = "joined"
"""The word that ids of joined events are derived with, in place of a provider's."""

OTHER: Final = "other"
"""The league of an event whose competition is not known."""

FILE_BYTES_MAX: Final = 16 * 1024 * 1024

_T = TypeVar("_T")
_Slug = Annotated[str, msgspec.Meta(pattern=r"\A" + SLUG_PATTERN.pattern)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _Player(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: _Slug
    name: _Name


class _Joined(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: _Name
    sport: _Slug
    league: _Slug


class MappingTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping file. Keys are the provider's ids or names."""

    sports: dict[str, _Slug] = {}
    leagues: dict[str, _Slug] = {}
    teams: dict[str, _Name] = {}
    players: dict[str, _Player] = {}
    events: dict[str, _Name | _Joined] = {}


class EventIdentity(NamedTuple):
    """An event's id, and whether several providers tell of it."""

    id: str
    joined: bool


class MarketKey(NamedTuple):
    """What a market of an event is: everything that is fixed for its life. `subject`: the id of whom it is about."""

    cls: MarketClass
    type: str
    period: str
    line: str | None = None
    subject: str | None = None


class Names:
    """One provider's names in our words. `provider` is the word ids are derived with, not the feed's name."""

    def __init__(self, provider: str, table: MappingTable | None = None) -> None:
        self._provider = provider
        self._table = table or MappingTable()

    def sport(self, raw_id: str, name: str = "", *, known: Mapping[str, str] | None = None) -> str:
        """A sport's slug: by the file, by the provider's own table `known`, else its name."""
        found = _by(self._table.sports, raw_id, name) or (known or {}).get(raw_id) or slug(name)
        return OTHER if found in RESERVED_SPORTS else found

    def league(self, raw_id: str = "", name: str = "") -> str:
        """A league's slug, `other` where nothing is known of it."""
        return _by(self._table.leagues, raw_id, name) or slug(name)

    def team(self, raw_id: str, name: str) -> str:
        """A team's name."""
        return _by(self._table.teams, raw_id, name) or name

    def player(self, raw_id: str, name: str) -> Subject:
        """Whom a prop is about."""
        player = _by(self._table.players, raw_id, name)
        return Subject("player", player.id, player.name) if player else Subject("player", slug(name), name)

    def event(self, raw_id: str) -> EventIdentity:
        """The event of a provider's id."""
        found = self._table.events.get(raw_id)
        if found is not None:
            key = found.key if isinstance(found, _Joined) else found
            return EventIdentity(derive_id("E", JOINED, key), joined=True)
        return EventIdentity(derive_id("E", self._provider, raw_id), joined=False)

    def topic(self, raw_id: str, *, sport: str, league: str) -> str:
        """The topic of the event of a provider's id: by the file where it names one, else of this sport and league."""
        found = self._table.events.get(raw_id)
        if isinstance(found, _Joined):
            sport, league = OTHER if found.sport in RESERVED_SPORTS else found.sport, found.league
        return event_topic(sport, league, self.event(raw_id).id)

    def market_id(self, event: EventIdentity, key: MarketKey, *raw: str | int) -> str:
        """A market's id. `raw`: the provider's own, whatever of it is fixed for the market's life."""
        fixed = (key.cls, key.type, key.period, key.line or "")
        if event.joined:
            return derive_id("M", JOINED, event.id, *fixed, key.subject or "")
        return derive_id("M", self._provider, *raw, *fixed)

    def group_id(self, event: EventIdentity, key: MarketKey) -> str:
        """What joins a main line with its alternates."""
        word = JOINED if event.joined else self._provider
        return derive_id("G", word, event.id, key.type, key.period, key.subject or "")

    def selection_id(
        self, event: EventIdentity, market_id: str, *raw: str | int, side: Side | None = None, name: str = ""
    ) -> str:
        """A selection's id. In a joined event by its side, or else by its name."""
        if event.joined:
            return derive_id("O", JOINED, market_id, side or slug(name))
        return derive_id("O", self._provider, market_id, *raw)


def read_mapping(path: Path) -> MappingTable:
    """A mapping file. Raises Refused("unreadable" | "bad_mapping")."""
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX + 1)
        if len(text) > FILE_BYTES_MAX:
            raise Refused("bad_mapping", f"{path}: larger than {FILE_BYTES_MAX} bytes")
        return msgspec.convert(tomllib.loads(text.decode()), MappingTable)
    except OSError as error:
        raise Refused("unreadable", f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Refused("bad_mapping", f"{path}: {error}") from error


def _by(table: Mapping[str, _T], raw_id: str, name: str) -> _T | None:
    return table.get(raw_id) or table.get(name)
