"""Every scenario, in one place. Adding one is one line here."""

from __future__ import annotations

from bench.scenario import Scenario
from bench.scenarios.fanout import CONNECTS, FANOUT, IDLE, WIDE
from bench.scenarios.growth import GROWTH
from bench.scenarios.overlays import OVERLAYS
from bench.scenarios.peers import PEERS_SCENARIO

SCENARIOS: tuple[Scenario, ...] = (FANOUT, WIDE, IDLE, CONNECTS, GROWTH, OVERLAYS, PEERS_SCENARIO)
