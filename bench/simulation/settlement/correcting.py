"""A correction of one market as a job: who gets and who gives is frozen by policy, then applied user by user, and may
stop anywhere and go on. The pure parts are the product's: plan, policies, steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from gateway.settlement.corrections.applying import corrected
from gateway.settlement.corrections.plan import Change, Part, plan
from gateway.settlement.corrections.policy import Policy
from gateway.settlement.outcome import Outcome
from gateway.settlement.steps import Purse, SettledBet, Step, step_of
from gateway.settlement.targets import target_of

POLICIES = (
    Policy(id="full", mode="full", text="all of it", window_h=72),
    Policy(id="capped", mode="full", text="up to a sum", window_h=72, cap=150, shortfall="waived"),
    Policy(id="floored", mode="full", text="no small change", window_h=72, floor=60),
    Policy(id="kind", mode="credit_only", text="nothing is taken", window_h=72),
)


class FrozenBet(NamedTuple):
    """What a job will do to a bet, in the words of correction.bet."""

    bet: str
    owner: str
    row: Mapping[str, object]


class Job(NamedTuple):
    """A correction that is under way: whom it still has to go to."""

    market: str
    frozen: dict[str, list[FrozenBet]]
    waiting: list[str]


def frozen(
    market: str, bets: Iterable[SettledBet], outcomes: Mapping[str, Outcome], waived: Mapping[str, int], random: Random
) -> Job:
    """The job for all these bets at the outcomes that are to be in force."""
    policy = random.choice(POLICIES)
    now = datetime(2026, 9, 22, tzinfo=UTC)
    changes: defaultdict[str, list[Change]] = defaultdict(list)
    steps: dict[str, Step] = {}
    for bet in bets:
        step = step_of(bet, target_of(bet.stake, bet.legs, bet.placed_ms, outcomes), Purse(0, 0))
        if step is not None:
            steps[bet.bet] = step
            delta = step.cash + step.receivable
            changes[bet.owner].append(Change(bet.bet, delta, waived.get(bet.bet, 0), now, policy))
    rows = {owner: [_frozen(steps[part.bet], part, policy) for part in plan(of, now)] for owner, of in changes.items()}
    return Job(market, rows, sorted(rows))


def _frozen(step: Step, part: Part, policy: Policy) -> FrozenBet:
    row = {
        "state": step.target.state,
        "payout": step.target.payout,
        "revision": step.bet.revision,
        "amount": part.amount,
        "waived": part.waived,
        "owed": policy.shortfall == "owed",
    }
    return FrozenBet(part.bet, step.bet.owner, row)


def applied(bets: Mapping[str, SettledBet], user: Sequence[FrozenBet], purse: Purse) -> list[Step]:
    """The steps of one user, each on what those before left."""
    steps = []
    for one in user:
        step = corrected(bets[one.bet], one.row, purse)
        purse = step.after(purse)
        steps.append(step)
    return steps
