"""How many shards a touchdown needs, so that the budget holds all the time. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from bench.capacity.coefficients import Coefficients
from bench.capacity.sizing import Demand, room_of, shards_for
from bench.capacity.touchdown import Course, Script, play

TIMES_MAX = 4
"""More than so many times what a calm hour needs is not looked at."""
_CLOSE = 0.02


class Bought(NamedTuple):
    """The fleet of a calm hour, and the smallest that holds: None where none of those looked at does."""

    calm_shards: int
    calm: Course
    shards: int | None
    course: Course


def bought(demand: Demand, script: Script, costs: Coefficients) -> Bought:
    """Bisects. Raises Refused("no_room")."""
    room, first = room_of(demand, costs), shards_for(demand, costs)
    calm = play(demand, script, costs, shards=first, room=room)
    if not calm.broken_s:
        return Bought(first, calm, first, calm)
    low, high = first, TIMES_MAX * first
    best = play(demand, script, costs, shards=high, room=room)
    if best.broken_s:
        return Bought(first, calm, None, best)
    while high - low > max(math.ceil(_CLOSE * first), 1):
        middle = (low + high) // 2
        course = play(demand, script, costs, shards=middle, room=room)
        if course.broken_s:
            low = middle
        else:
            high, best = middle, course
    return Bought(first, calm, high, best)
