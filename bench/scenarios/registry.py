"""Every scenario, in one place. Adding one is one line here."""

from __future__ import annotations

from bench.scenario import Scenario
from bench.scenarios.fanout import CONNECTS, FANOUT, IDLE, WIDE
from bench.scenarios.growth import GROWTH
from bench.scenarios.peers import PEERS_SCENARIO
from bench.scenarios.reads import READS

SCENARIOS: tuple[Scenario, ...] = (FANOUT, WIDE, IDLE, CONNECTS, GROWTH, PEERS_SCENARIO, READS)
