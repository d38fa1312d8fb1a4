"""Every scenario, in one place. Adding one is one line here."""

from __future__ import annotations

from bench.scenario import Scenario
from bench.scenarios.fanout import CONNECTS, FANOUT, IDLE, WIDE
from bench.scenarios.growth import GROWTH
from bench.scenarios.history import HISTORY
from bench.scenarios.peers import PEERS_SCENARIO

SCENARIOS: tuple[Scenario, ...] = (FANOUT, WIDE, IDLE, CONNECTS, GROWTH, PEERS_SCENARIO, HISTORY)
