"""What the desk enters about an event that is over: scores, players, places. Nothing is guessed from it. Pure.

Scores stand by part of the game (`q1`, `ot`, `so`, `s2`) or by period of the market model (`game`, `regulation`, `1h`),
in the sport's own points; where both are given they have to agree (periods.py).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

PARTS_MAX = 40
PLAYERS_MAX = 400
STATS_MAX = 60
PLACES_MAX = 400
TIED_MAX = 100
POINTS_MAX = 1_000

_Word = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9_]{1,32}\Z")]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Points = Annotated[int, msgspec.Meta(ge=0, le=POINTS_MAX)]


class Points(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points of both sides in a part or period."""

    home: _Points
    away: _Points


class Player(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a player did, by the names of the markets on it (`passing_yards`). `played`: took part at all."""

    stats: Annotated[
        dict[_Word, Annotated[int, msgspec.Meta(ge=-POINTS_MAX, le=10_000)]], msgspec.Meta(max_length=STATS_MAX)
    ] = msgspec.field(default_factory=dict)
    played: bool = True


class Entered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event's end.

    `state` "abandoned": it began and will not go on; `unfinished` is then the part that was broken off, `played` how
    long it lasted, in the unit of the sport's rules ("57" minutes, "8.5" innings). `players` by the subject's id.
    `places`: of an outright the ids or names of its selections, place by place, those of one place together;
    `withdrawn`: those that never started.
    """

    state: Literal["final", "abandoned", "cancelled"]
    scores: Annotated[dict[_Word, Points], msgspec.Meta(max_length=PARTS_MAX)] = msgspec.field(default_factory=dict)
    unfinished: _Word | None = None
    played: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,3}(\.[0-9])?\Z")] | None = None
    players: Annotated[dict[_Id, Player], msgspec.Meta(max_length=PLAYERS_MAX)] = msgspec.field(default_factory=dict)
    places: Annotated[
        tuple[Annotated[tuple[_Id, ...], msgspec.Meta(max_length=TIED_MAX)], ...], msgspec.Meta(max_length=PLACES_MAX)
    ] = ()
    withdrawn: Annotated[tuple[_Id, ...], msgspec.Meta(max_length=PLACES_MAX)] = ()
