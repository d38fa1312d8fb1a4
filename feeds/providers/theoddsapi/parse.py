"""The Odds API's answers to typed snapshots. Bytes in, no I/O, no clock.

Total: any bytes give a `Snapshot` or a `Refused`, and a refused answer changes nothing, because nothing is held here.
Never maps to our model.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from feeds.contract.errors import Refused
from feeds.providers.theoddsapi.spec import Bookmaker, Events, Historical, OddsMarket, Problem, SportEvent
from feeds.providers.times import with_zone

SNAPSHOT_BYTES_MAX: Final = 16 * 1024 * 1024
"""A larger answer is refused. A whole sport with ten bookmakers has about 1 MB."""

_FIRST_YEAR, _LAST_YEAR = 1990, 2100

_list_decoder = msgspec.json.Decoder(Events)
_event_decoder = msgspec.json.Decoder(SportEvent)
_historical_decoder = msgspec.json.Decoder(Historical)
_problem_decoder = msgspec.json.Decoder(Problem)


class Snapshot(NamedTuple):
    """One answer. `listed`: it lists a sport's events, so that what it lacks is not on offer; else it is about one.

    `at`: the time it is of, where it tells (historical answers).
    """

    events: tuple[SportEvent, ...]
    listed: bool
    at: datetime | None = None


def parse(data: bytes) -> Snapshot:
    """An answer: a list of events, one event, or a historical one.

    Raises Refused: `too_long`, `json_malformed`, `bad_shape`, or `not_odds` for an object that is no event.
    """
    if len(data) > SNAPSHOT_BYTES_MAX:
        raise Refused("too_long", f"an answer of {len(data)} bytes, at most {SNAPSHOT_BYTES_MAX} are read")
    try:
        snapshot = _decoded(data)
    except msgspec.ValidationError as error:
        raise Refused("bad_shape", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("json_malformed", str(error)) from error
    if not all(_FIRST_YEAR <= event.commence_time.year <= _LAST_YEAR for event in snapshot.events):
        raise Refused("bad_shape", f"an event outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    if not all(_finite(event) for event in snapshot.events):
        raise Refused("bad_shape", "a price or a point that is no number")
    return snapshot


def parse_problem(data: bytes) -> str:
    """The API's own code of a refused request, or its words; empty where there are none."""
    try:
        problem = _problem_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return (problem.error_code or problem.message)[:80]


def offered_by(event: SportEvent, bookmaker: str) -> Bookmaker | None:
    """What one bookmaker offers on an event."""
    return next((each for each in event.bookmakers or () if each.key == bookmaker), None)


def updated_at(market: OddsMarket, bookmaker: Bookmaker) -> datetime | None:
    """When the bookmaker last told of a market. For nothing but to know the older of two."""
    told = market.last_update or bookmaker.last_update
    return None if told is None else with_zone(told)


def newest_update(snapshot: Snapshot) -> datetime | None:
    """The time a snapshot is of, as far as it tells."""
    times = [
        at
        for event in snapshot.events
        for bookmaker in event.bookmakers or ()
        for market in bookmaker.markets
        if (at := updated_at(market, bookmaker)) is not None
    ]
    times += [with_zone(event.last_update) for event in snapshot.events if event.last_update is not None]
    return max(times, default=None) if snapshot.at is None else with_zone(snapshot.at)


def _finite(event: SportEvent) -> bool:
    return all(
        outcome.price.is_finite() and (outcome.point is None or outcome.point.is_finite())
        for bookmaker in event.bookmakers or ()
        for market in bookmaker.markets
        for outcome in market.outcomes
    )


def _decoded(data: bytes) -> Snapshot:
    if data.lstrip()[:1] == b"[":
        return Snapshot(tuple(_list_decoder.decode(data)), listed=True)
    value = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    if "sport_key" in value:
        return Snapshot((_event_decoder.decode(data),), listed=False)
    if "timestamp" in value and "data" in value:
        answer = _historical_decoder.decode(data)
        if isinstance(answer.data, SportEvent):
            return Snapshot((answer.data,), listed=False, at=answer.timestamp)
        return Snapshot(tuple(answer.data), listed=True, at=answer.timestamp)
    raise Refused("not_odds", f"an object that is neither an event nor an answer with events: {parse_problem(data)}")
