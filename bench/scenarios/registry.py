"""Every scenario, in one place. Adding one is one line here."""

from __future__ import annotations

from bench.scenario import Scenario
from bench.scenarios.bets import BETS
from bench.scenarios.chaos import CHAOS
from bench.scenarios.coefficients import COEFFICIENTS
from bench.scenarios.coordination import COORDINATION
from bench.scenarios.desk import DESK
from bench.scenarios.drain import DRAIN
from bench.scenarios.failover import FAILOVER
from bench.scenarios.fanout import CONNECTS, FANOUT, IDLE, WIDE
from bench.scenarios.feeds import FEEDS
from bench.scenarios.growth import GROWTH
from bench.scenarios.herd import HERD
from bench.scenarios.history import HISTORY
from bench.scenarios.location import LOCATION
from bench.scenarios.mixed_soak import MIXED_SOAK
from bench.scenarios.news import NEWS
from bench.scenarios.overlays import OVERLAYS
from bench.scenarios.overload import OVERLOAD
from bench.scenarios.peers import PEERS_SCENARIO
from bench.scenarios.plan import PLAN
from bench.scenarios.reads import READS
from bench.scenarios.rehearsal import REHEARSAL
from bench.scenarios.resettle import RESETTLE
from bench.scenarios.simulate import SIMULATE
from bench.scenarios.slow import SLOW
from bench.scenarios.soak import SOAK
from bench.scenarios.spike import SPIKE
from bench.scenarios.storm import STORM
from bench.scenarios.takeover import TAKEOVER

SCENARIOS: tuple[Scenario, ...] = (
    FANOUT,
    WIDE,
    IDLE,
    CONNECTS,
    FAILOVER,
    SLOW,
    SOAK,
    GROWTH,
    PEERS_SCENARIO,
    FEEDS,
    TAKEOVER,
    OVERLAYS,
    HISTORY,
    READS,
    COORDINATION,
    OVERLOAD,
    LOCATION,
    BETS,
    STORM,
    SPIKE,
    HERD,
    DRAIN,
    NEWS,
    RESETTLE,
    CHAOS,
    MIXED_SOAK,
    REHEARSAL,
    DESK,
    SIMULATE,
    COEFFICIENTS,
    PLAN,
)
