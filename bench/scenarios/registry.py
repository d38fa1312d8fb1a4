"""Every scenario, in one place. Adding one is one line here."""

from __future__ import annotations

from bench.scenario import Scenario
from bench.scenarios.fanout import FANOUT

SCENARIOS: tuple[Scenario, ...] = (FANOUT,)
