"""One rule of money off at a time: what a gateway's memory, its retries, the fold of results, payouts and steps must
not get wrong. The worlds of money, settlement and words must notice each."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from msgspec.structs import replace

from bench.simulation.settlement import correcting
from bench.simulation.settlement import world as settlement
from bench.simulation.words import world as words
from bench.simulation.worlds import Name
from gateway.money import claims, once
from gateway.money.finals import Final, Finals
from gateway.money.gate import Gate
from gateway.money.once import Once
from gateway.sealing import Seals
from gateway.settlement import outcome, steps, targets
from gateway.settlement.grading import grade
from gateway.settlement.outcome import LegResult
from gateway.settlement.targets import Target

Patch = pytest.MonkeyPatch
Mutation = Callable[[Patch], None]


def doubt_is_taken_as_undone(patch: Patch) -> None:
    patch.setattr(once, "fate_of", lambda _error: "undone")


def refusals_are_not_looked_up(patch: Patch) -> None:
    async def looked_up(_self: Once, _ask: Any) -> None:
        return None

    patch.setattr(Once, "_looked_up", looked_up)


def meanings_are_not_compared(patch: Patch) -> None:
    patch.setattr(once, "_replayed", lambda final, _ask: once.Told(final, replayed=True))


def owners_share_keys_in_memory(patch: Patch) -> None:
    real_get, real_put = Finals.get, Finals.put
    patch.setattr(Finals, "get", lambda self, _owner, key: real_get(self, "", key))
    patch.setattr(Finals, "put", lambda self, _owner, key, final: real_put(self, "", key, final))


def owners_share_keys_in_coordination(patch: Patch) -> None:
    real = claims._name
    patch.setattr(claims, "_name", lambda kind, _owner, key: real(kind, "", key))


def other_meanings_are_refused_while_one_runs(patch: Patch) -> None:
    """As it was before the simulation found it: a replay of what was done is called a reuse."""

    async def after(self: Once, other: Any, ask: Any) -> None:
        raise once._key_reused()

    patch.setattr(Once, "_after", after)


def slots_are_not_given_back(patch: Patch) -> None:
    def leave(self: Gate) -> None:
        if self._waiting or self.passed % 5:
            real(self)

    real = Gate._leave
    patch.setattr(Gate, "_leave", leave)


def answers_are_cut(patch: Patch) -> None:
    def unpacked(data: bytes) -> Final | None:
        final = real(data)
        return None if final is None else final._replace(body=final.body[:-1])

    real: Any = vars(claims)["unpacked"]
    patch.setattr(claims, "unpacked", unpacked)


def the_last_to_come_is_in_force(patch: Patch) -> None:
    def in_force(sayings: Any) -> Any:
        said = list(sayings)
        settled = [saying for saying in said if saying.kind == "settled"]
        standing = real(said)
        return standing._replace(settlement=settled[-1].id) if standing.settlement is not None else standing

    real: Any = vars(settlement)["in_force"]
    patch.setattr(settlement, "in_force", in_force)


def scouts_are_believed(patch: Patch) -> None:
    real: Any = vars(settlement)["in_force"]
    patch.setattr(settlement, "in_force", lambda said: real(saying._replace(certainty=2) for saying in said))


def a_rollback_takes_cancellations_back(patch: Patch) -> None:
    def in_force(sayings: Any) -> Any:
        said = list(sayings)
        extra = [s._replace(kind="rollback_cancel", from_ms=None, to_ms=None) for s in said if s.kind == "rollback"]
        return real([*said, *extra])

    real: Any = vars(settlement)["in_force"]
    patch.setattr(settlement, "in_force", in_force)


def spans_hold_their_end(patch: Patch) -> None:
    patch.setattr(outcome.Span, "holds", lambda self, at_ms: self.from_ms <= at_ms <= self.to_ms)


def payouts_are_rounded_down(patch: Patch) -> None:
    patch.setattr(targets, "half_even", lambda numerator, denominator: numerator // denominator)


def each_leg_is_rounded(patch: Patch) -> None:
    def paid(stake: int, factors: list[Fraction]) -> int:
        for factor in factors:
            stake = round(stake * factor)
        return stake

    patch.setattr(targets, "paid", paid)


def refunded_legs_win(patch: Patch) -> None:
    patch.setattr(outcome, "REFUNDED", LegResult(Fraction(1), won=True, void=False))


def half_lines_are_whole(patch: Patch) -> None:
    real: Any = vars(grade)["against_line"]
    patch.setattr(grade, "against_line", lambda number: real(number.to_integral_value()))


def away_takes_the_home_line(patch: Patch) -> None:
    patch.setattr(grade, "_handicap", lambda market, _selection: grade._line(market))


def what_is_owed_is_forgotten(patch: Patch) -> None:
    patch.setattr(steps, "split", lambda amount, _purse: (amount, 0))


def a_step_forgets_what_was_paid(patch: Patch) -> None:
    def place(target: Target, stake: int) -> Any:
        found = real(target, stake)
        return found if target.state != "won" else found._replace(stakes=0)

    real = steps._place
    patch.setattr(steps, "_place", place)


def holds_stay(patch: Patch) -> None:
    def place(target: Target, stake: int) -> Any:
        found = real(target, stake)
        return found._replace(held=stake, user=0) if target.state == "void" else found

    real = steps._place
    patch.setattr(steps, "_place", place)


def steps_do_not_follow_each_other(patch: Patch) -> None:
    patch.setattr(steps.Step, "after", lambda _self, purse: purse)


def what_the_house_bore_is_lost(patch: Patch) -> None:
    def plan(changes: Any, now: Any) -> Any:
        return [part._replace(waived=0) for part in real(changes, now)]

    real: Any = vars(correcting)["plan"]
    patch.setattr(correcting, "plan", plan)


def twice_what_was_planned_is_moved(patch: Patch) -> None:
    def plan(changes: Any, now: Any) -> Any:
        return [part._replace(amount=2 * part.amount) for part in real(changes, now)]

    real: Any = vars(correcting)["plan"]
    patch.setattr(correcting, "plan", plan)


def parts_are_rounded_up(patch: Patch) -> None:
    patch.setattr(words, "part_of", lambda offer, stake: -(-offer.amount * stake // offer.open_stake))


def older_keys_do_not_open(patch: Patch) -> None:
    def begin(self: Seals[Any], kind: Any, keys: Any) -> None:
        real(self, kind, dict(list(keys.items())[:1]))

    real = Seals.__init__
    patch.setattr(Seals, "__init__", begin)


def receipts_never_end(patch: Patch) -> None:
    real: Any = vars(words)["held_by"]
    patch.setattr(words, "held_by", lambda decision, who, at_s: real(_for_ever(decision), who, at_s))


def _for_ever(decision: Any) -> Any:
    return replace(decision, expires_s=1 << 40)


def places_outlive_the_way_to_the_border(patch: Patch) -> None:
    real: Any = vars(words)["lifetime_s"]
    patch.setattr(words, "lifetime_s", lambda border_m, **_: real(border_m, moving=False))


SEEN_BY: dict[Name, tuple[Mutation, ...]] = {
    "money": (
        doubt_is_taken_as_undone,
        refusals_are_not_looked_up,
        meanings_are_not_compared,
        owners_share_keys_in_memory,
        owners_share_keys_in_coordination,
        other_meanings_are_refused_while_one_runs,
        slots_are_not_given_back,
        answers_are_cut,
    ),
    "settlement": (
        the_last_to_come_is_in_force,
        scouts_are_believed,
        a_rollback_takes_cancellations_back,
        spans_hold_their_end,
        payouts_are_rounded_down,
        each_leg_is_rounded,
        refunded_legs_win,
        half_lines_are_whole,
        away_takes_the_home_line,
        what_is_owed_is_forgotten,
        a_step_forgets_what_was_paid,
        holds_stay,
        steps_do_not_follow_each_other,
        what_the_house_bore_is_lost,
        twice_what_was_planned_is_moved,
    ),
    "words": (
        parts_are_rounded_up,
        older_keys_do_not_open,
        receipts_never_end,
        places_outlive_the_way_to_the_border,
    ),
}
"""By the world that must notice."""
