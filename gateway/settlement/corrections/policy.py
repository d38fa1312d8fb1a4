"""What a correction may take from whom, as dated data: `data/policies.toml`. Pure but for reading the shipped file.

A policy is of a jurisdiction, an operator and a market type; what it leaves out does not matter to it. Of those that
fit the most particular counts, jurisdiction before operator before market type. Credits are always paid; a policy only
says what is taken.
"""

from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from feeds.contract.errors import Refused

_FILE = Path(__file__).parent / "data" / "policies.toml"

Mode = Literal["full", "credit_only", "approval_required", "frozen"]

NOWHERE = "none"
"""The jurisdiction of a bet whose place was not verified."""

_Words = Annotated[str, msgspec.Meta(min_length=1)]
_Minor = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One policy. Amounts are in minor units of the bet's currency.

    `full`: credits, and debits; `credit_only`: nothing is taken; `approval_required`: as full, and another person
    approves however little it is; `frozen`: bets of it are not corrected, and a job with one is not approved.
    `automatic`: the most that a correction of a provider's may move under it, all credits and debits, without a person
    who approves it (never under the last two modes). `offset`: whether what users owe is paid out of what later bets of
    it win.
    `window_h`: nothing is taken this long after a bet was first settled. `floor`: a user who would give less in all
    gives nothing; `cap`: the most that one user gives for one correction. `shortfall`: what is not there in cash is
    owed, or the house bears it.
    """

    id: _Words
    mode: Mode
    text: _Words
    window_h: Annotated[int, msgspec.Meta(ge=0, le=100_000)]
    floor: _Minor = 0
    cap: _Minor | None = None
    shortfall: Literal["owed", "waived"] = "owed"
    automatic: _Minor = 0
    offset: bool = True
    jurisdiction: str | None = None
    operator: str | None = None
    types: tuple[str, ...] = ()
    from_: datetime.date = msgspec.field(name="from", default=datetime.date.min)
    until: datetime.date = datetime.date.max

    def rank(self, jurisdiction: str, operator: str, market_type: str, on: datetime.date) -> int | None:
        """How particular it is; None: it is about something else."""
        asked = ((self.jurisdiction, jurisdiction, 4), (self.operator, operator, 2))
        if not self.from_ <= on <= self.until or any(own not in (None, value) for own, value, _ in asked):
            return None
        if self.types and market_type not in self.types:
            return None
        return sum(weight for own, _, weight in asked if own is not None) + bool(self.types)


class Policies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    reviewed: datetime.date
    policy: tuple[Policy, ...]

    def policy_for(self, jurisdiction: str, operator: str, market_type: str, *, on: datetime.date) -> Policy:
        """The policy that counts. Raises Refused("no_policy")."""
        ranked = [(one.rank(jurisdiction, operator, market_type, on), one) for one in self.policy]
        fitting = [(rank, one) for rank, one in ranked if rank is not None]
        if not fitting:
            raise Refused("no_policy", f"no policy is about {market_type} of {operator} in {jurisdiction} on {on}")
        return max(fitting, key=lambda found: found[0])[1]


def policies_of(text: bytes) -> Policies:
    """Raises Refused("bad_policies")."""
    try:
        policies = msgspec.toml.decode(text, type=Policies)
    except msgspec.MsgspecError as error:
        raise Refused("bad_policies", str(error)) from error
    seen: dict[tuple[object, ...], list[Policy]] = {}
    for one in policies.policy:
        others = seen.setdefault((one.jurisdiction, one.operator, one.types), [])
        if any(one.from_ <= other.until and other.from_ <= one.until for other in others):
            raise Refused("bad_policies", f"{one.id}: another policy is about the same, on the same days")
        others.append(one)
    if len({one.id for one in policies.policy}) != len(policies.policy):
        raise Refused("bad_policies", "two policies have one id")
    return policies


@cache
def shipped_policies() -> Policies:
    """The file that ships with this package. Raises Refused("bad_policies")."""
    return policies_of(_FILE.read_bytes())


def policies_in(file: Path | None) -> Policies:
    """Those of an operator's own file, None: what ships. Raises Refused("bad_policies")."""
    if file is None:
        return shipped_policies()
    try:
        return policies_of(file.read_bytes())
    except OSError as error:
        raise Refused("bad_policies", str(error)) from error
