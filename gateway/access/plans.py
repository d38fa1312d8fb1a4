"""What can be bought: every plan, in one table. Adding one is one line here.

A plan's limits hold for one key, or for one account's tokens together. Its rate and its day are the whole
installation's; while nothing can be agreed on, a worker has its part of the rate (divided by ODDSWIRE_ACCESS_WORKERS):
see gateway/access/meter.py.
"""

from __future__ import annotations

from feeds.contract.errors import Refused
from gateway.access.principal import Plan

UNLIMITED = "unlimited"

PLANS = {
    plan.name: plan
    for plan in (
        Plan(
            name="free",
            per_day=1_000,
            per_s=2,
            burst=10,
            tier_ms=1_000,
            pre_match=True,
            classes=frozenset(("main", "future")),
        ),
        Plan(
            name="standard",
            per_day=200_000,
            per_s=20,
            burst=100,
            tier_ms=250,
            classes=frozenset(("main", "alternate", "future")),
        ),
        Plan(name="professional", per_day=20_000_000, per_s=500, burst=2_000),
        Plan(name=UNLIMITED),
    )
}
"""By name."""


def plan_named(name: str) -> Plan:
    """Raises Refused("bad_plan")."""
    try:
        return PLANS[name]
    except KeyError:
        raise Refused("bad_plan", f"no plan {name!r}: choose among {', '.join(PLANS)}") from None
