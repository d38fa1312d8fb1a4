"""What `oddswire geo` and `oddswire dev locate` do. Text goes to `tell`."""

from __future__ import annotations

import argparse
import math
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from feeds.contract.errors import Refused
from gateway.location.atlas import Atlas, read_atlas
from gateway.location.claims import Flags, Packet
from gateway.location.development import PACKET_S, development_keys
from gateway.location.judging import Judged, Spot, conditions, judge
from gateway.location.keys import DEVELOPMENT_ISSUER
from gateway.location.record import decisions
from gateway.location.refusals import GeoRefused
from gateway.location.rules import HOUSE_AGE, StateRules, read_rules
from gateway.location.settings import LocationSettings
from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings

EXIT_OK, EXIT_REFUSED = 0, 2
AUDIT_DAYS = 30
"""Without --since."""

_ID_BYTES = 16
_LAT_MAX, _LON_MAX = 90, 180
_UNKNOWN_STATE = "US-XX"
_NO_FLAGS = Flags(mocked=False, rooted=False, proxy=False, remote_desktop=False, jumped=False)

Tell = Callable[[str], None]


def check(options: argparse.Namespace, settings: LocationSettings, tell: Tell) -> int:
    """Whether a place would be accepted. Raises Refused, OSError."""
    _checked(options)
    atlas = read_atlas(settings.zones)
    try:
        state, border_m, life_s = _judged(options, settings, atlas)
    except GeoRefused as refusal:
        where = atlas.state_at(options.lat, options.lon) or "no state"
        tell(f"refused  {refusal.code}  in {where}: {refusal}")
        return EXIT_REFUSED
    tell(f"accepted  {state}  for {life_s} s; the border is {border_m:.0f} m away ({atlas.version})")
    return EXIT_OK


def _judged(options: argparse.Namespace, settings: LocationSettings, atlas: Atlas) -> Judged:
    """Raises GeoRefused."""
    spot = Spot(options.lat, options.lon, options.accuracy, options.moving)
    if options.state not in (None, atlas.state_at(spot.lat, spot.lon)):
        raise GeoRefused("geo_outside")
    return judge(spot, atlas, read_rules(), settings.policy())


def rules(options: argparse.Namespace, tell: Tell) -> int:
    """The rules of a state. Raises Refused("no_rules")."""
    name = options.state.upper()
    found = read_rules().states.get(name if name.startswith("US-") else f"US-{name}")
    if found is None:
        raise Refused("no_rules", f"there are no rules of {options.state}: everything is refused there")
    for line in _told(found):
        tell(line)
    return EXIT_OK


def _told(state: StateRules) -> Iterator[str]:
    sources = {source.id: source for source in state.source}
    yield f"{state.state}  {state.name}, reviewed {state.reviewed}"
    age = state.minimum_age
    yield f"age  {state.age}" + (f"  [{age.source}]" if age else f"  (ours: {HOUSE_AGE}; the state's was not read)")
    for rule in state.rule:
        when = " ".join(f"{name}={value}" for name, value in conditions(rule.when))
        yield f"{rule.verdict:<6}  {rule.id}  {when}"
        yield f"        {rule.text}  [{rule.source}]"
    yield "refuse  everything else"
    for source in sources.values():
        yield f"[{source.id}] {source.title}, {source.section}; {source.dated}; read {source.read}"
        yield f"        {source.address}"


async def audit(options: argparse.Namespace, database: DatabaseSettings, tell: Tell) -> int:
    """Decisions about an account. Raises DatabaseUnavailable."""
    until = options.until or datetime.now(UTC)
    since = options.since or until - timedelta(days=AUDIT_DAYS)
    async with open_database(database) as opened:
        for row in await decisions(opened, options.account, since, until, limit=options.limit):
            tell(msgspec.json.encode(dict(row)).decode() if options.json else _line(dict(row)))
    return EXIT_OK


def _line(row: dict[str, Any]) -> str:
    words = [f"{row['at']:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z", row["kind"], row["outcome"]]
    words += [word for word in (row["jurisdiction"], row["subject"], row["market"]) if word]
    words += [f"by {row['rule']}"] if row["rule"] else []
    words += [f"network {row['network']}"]
    if row["accuracy_m"] is not None:
        words += [f"accuracy {row['accuracy_m']:.0f} m", row["boundaries"], f"rules {row['rules']}"]
    return "  ".join(words)


def locate(options: argparse.Namespace, tell: Tell, *, now_s: int) -> int:
    """A packet of the development signer. Raises Refused."""
    _checked(options)
    packet = Packet(
        iss=DEVELOPMENT_ISSUER,
        aud=LocationSettings().audience,
        iat=now_s,
        exp=now_s + PACKET_S,
        jti=secrets.token_urlsafe(_ID_BYTES),
        sub=options.account,
        device=options.device,
        session=options.session,
        net=options.network,
        lat=options.lat,
        lon=options.lon,
        accuracy_m=options.accuracy,
        state=options.state or _state(read_atlas(), options),
        speed_mps=options.speed,
        flags=_NO_FLAGS,
    )
    tell(development_keys(options.data_dir).sign(packet))
    return EXIT_OK


def _state(atlas: Atlas, options: argparse.Namespace) -> str:
    return atlas.state_at(options.lat, options.lon) or _UNKNOWN_STATE


def _checked(options: argparse.Namespace) -> None:
    """Raises Refused("bad_place")."""
    place = (options.lat, options.lon, options.accuracy)
    if not all(map(math.isfinite, place)) or abs(options.lat) > 90 or abs(options.lon) > 180 or options.accuracy <= 0:
        raise Refused("bad_place", "latitudes are -90 to 90, longitudes -180 to 180, an accuracy is more than 0 m")
