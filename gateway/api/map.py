"""The map of the desk: what the verifier would say of a point, and the borders as they are drawn.

Judged by the verifier's own boundaries and rules, where this process has a verifier; else they are read when they are
first asked for. What is drawn is simplified: nobody is judged by it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import msgspec
import shapely

from feeds.contract.errors import Refused
from gateway.api import desk_schemas as said
from gateway.api.calls import Asking, Endpoint, Said
from gateway.desk.shared import Shared
from gateway.location.atlas import Atlas, read_atlas
from gateway.location.geometry import Region
from gateway.location.judging import Spot, conditions, judge
from gateway.location.policy import Policy
from gateway.location.refusals import GeoRefused
from gateway.location.rules import Matrix, StateRules, read_rules
from gateway.location.settings import LocationSettings

DRAWN_DEG = 0.02
"""By how much a drawn border may be off; one state alone is drawn as it is."""

_DIGITS = 4


class Ground:
    """Boundaries, rules and policy. `place` answers for the map."""

    def __init__(self, atlas: Atlas, matrix: Matrix, policy: Policy) -> None:
        self.atlas = atlas
        self.matrix = matrix
        self.policy = policy
        self._drawn: dict[str | None, bytes] = {}

    def verdict(self, asked: said.PlaceAsked) -> said.Verdict:
        """What would become of a point."""
        spot = Spot(asked.lat, asked.lon, asked.accuracy_m, asked.moving)
        code, advice, life_s = "", "", None
        try:
            life_s = judge(spot, self.atlas, self.matrix, self.policy).lifetime_s
        except GeoRefused as refusal:
            code, advice = refusal.code, str(refusal)
        margin_m = spot.accuracy_m + self.policy.border_buffer_m
        place = self.atlas.place(spot.lat, spot.lon, margin_m=margin_m)
        rules = None if place is None else self.matrix.states.get(place.state)
        return said.Verdict(
            accepted=not code,
            code=code,
            advice=advice,
            state=None if place is None else place.state,
            state_name="" if rules is None else rules.name,
            border_m=None if place is None else round(place.border_m, 1),
            buffer_m=self.policy.border_buffer_m,
            lifetime_s=life_s,
            age=None if rules is None else rules.age,
            rules=[] if rules is None else _rules(rules),
            boundaries=self.atlas.version,
            reviewed="" if rules is None else rules.reviewed.isoformat(),
        )

    def borders(self, state: str | None) -> bytes:
        """JSON of Borders, made once. Raises Refused("not_found")."""
        if state is not None and state not in self.atlas.states:
            raise Refused("not_found", f"there is no boundary of {state}")
        if state not in self._drawn:
            items = [
                said.Border(name, self.matrix.offers(name), _rings(region, 0.0 if state else DRAWN_DEG))
                for name, region in self.atlas.states.items()
                if state in (None, name)
            ]
            self._drawn[state] = msgspec.json.encode(said.Borders(items, self.atlas.version))
        return self._drawn[state]


class MapEndpoints:
    """By the names in routes.py. `known`: what the verifier of this process has, None where there is none."""

    def __init__(self, known: Callable[[], tuple[Atlas, Matrix, Policy] | None]) -> None:
        self._known = known
        self._ground: Shared[Ground] = Shared(self._read, age_s=math.inf)
        self.by_name: dict[str, Endpoint] = {"judge_place": self._judge, "borders": self._borders}

    async def _read(self) -> Ground:
        found = self._known()
        return Ground(*found) if found is not None else await asyncio.to_thread(_from_files)

    async def _judge(self, asking: Asking) -> Said:
        asked: said.PlaceAsked = asking.query
        if not all(map(math.isfinite, (asked.lat, asked.lon, asked.accuracy_m))):
            raise Refused("bad_place", "")
        return Said(200, msgspec.json.encode((await self._ground.get()).verdict(asked)))

    async def _borders(self, asking: Asking) -> Said:
        return Said(200, (await self._ground.get()).borders(asking.query.state))


def _from_files() -> Ground:
    settings = LocationSettings()
    return Ground(read_atlas(settings.zones), read_rules(), settings.policy())


def _rings(region: Region, tolerance_deg: float) -> list[list[tuple[float, float]]]:
    """Those of a region; an island that nothing is left of is left out."""
    shape = region.shape.simplify(tolerance_deg) if tolerance_deg else region.shape
    rings = shapely.get_rings(shapely.get_parts(shape))
    return [
        [(round(float(lon), _DIGITS), round(float(lat), _DIGITS)) for lon, lat in shapely.get_coordinates(ring)]
        for ring in rings
    ]


def _rules(state: StateRules) -> list[said.RuleShown]:
    sources = {source.id: source for source in state.source}
    return [
        said.RuleShown(
            rule.id,
            rule.verdict,
            rule.text,
            dict(conditions(rule.when)),
            sources[rule.source].title,
            sources[rule.source].section,
            sources[rule.source].address,
        )
        for rule in state.rule
    ]
