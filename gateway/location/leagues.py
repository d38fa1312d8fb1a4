"""What a league and its teams are: professional, of colleges, where. Tables, and pure but for `read_leagues`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

import msgspec

from feeds.contract.errors import Refused

Level = Literal["professional", "college", "international", "motor", "esports", "minor", "youth"]

_DATA = files("gateway.location") / "data"


class _Teams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    teams: dict[str, tuple[str, ...]]


class Leagues:
    """Levels by `sport.league`, states of college teams by name. None: unknown."""

    def __init__(self, levels: Mapping[Level, tuple[str, ...]], teams: Mapping[str, tuple[str, ...]]) -> None:
        self._levels = {league: level for level, leagues in levels.items() for league in leagues}
        self._states = {name.casefold(): state for state, names in teams.items() for name in names}
        counted = sum(map(len, teams.values())), sum(map(len, levels.values()))
        if counted != (len(self._states), len(self._levels)):
            raise Refused("bad_leagues", "a league or a team is listed twice")

    def level(self, sport: str, league: str) -> Level | None:
        """Of a league."""
        return self._levels.get(f"{sport}.{league}")

    def own_team(self, state: str, teams: tuple[str | None, ...]) -> bool | None:
        """Whether one of the teams is from the state; None where not all are known and none known is."""
        states = [None if name is None else self._states.get(name.casefold()) for name in teams]
        if state in states:
            return True
        return None if None in states or not states else False


def read_leagues() -> Leagues:
    """The shipped tables. Raises Refused("bad_leagues")."""
    try:
        levels = msgspec.toml.decode((_DATA / "leagues.toml").read_bytes(), type=dict[Level, tuple[str, ...]])
        teams = msgspec.toml.decode((_DATA / "teams.toml").read_bytes(), type=_Teams).teams
    except msgspec.MsgspecError as error:
        raise Refused("bad_leagues", str(error)) from error
    return Leagues(levels, teams)
