"""Settlement: R1, R3, R4, R5, R6, R7 and L8, by a recount of every bet from what the log of results says.

Outcomes are made here from the results as they stand on the bus, in an order of their own, so that neither the order in
which they came nor what the settler kept of them can matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import orjson
from nats.js.api import ConsumerConfig, DeliverPolicy

from bench.chaos.checkers.bus import one_connection
from bench.chaos.checkers.database import asked
from bench.chaos.checkers.sql import statement
from bench.chaos.checkers.violation import Violation

_WITHIN_S = 10.0
_STREAM = "SETTLE"

Saying = Mapping[str, Any]
Results = Mapping[str, Sequence[Saying]]


async def read_results(nats_url: str) -> Results:
    """Everything that was said of results, by market. Raises OSError, NatsError."""
    client = await one_connection(nats_url)
    said: dict[str, list[Saying]] = defaultdict(list)
    try:
        stream = client.jetstream(timeout=_WITHIN_S)
        state = (await stream.stream_info(_STREAM)).state
        begin = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
        subscription = await stream.subscribe("settle.>", ordered_consumer=True, config=begin)
        at = state.first_seq - 1
        while at < state.last_seq:
            message = await subscription.next_msg(timeout=_WITHIN_S)
            at = message.metadata.sequence.stream
            result = orjson.loads(message.data)["result"]
            said[result["market"]].append(result)
    finally:
        await client.close()
    return said


async def check_settlement(connection: Any, results: Results) -> list[Violation]:
    """R1, R3 to R7, L8."""
    found = await asked(connection, "steps")
    for row in await connection.fetch(statement("settled")):
        found += check_bet(CountedBet(*row), results)
    return found


class CountedBet(NamedTuple):
    """A bet as it is kept. `users`: all that its journals moved on accounts of its owner; `held`: of that on hold."""

    bet: str
    owner: str
    state: str
    payout: int | None
    stake: int
    cashed_stake: int
    cashed_out: int
    revision: int
    placed_ms: int
    users: int
    held: int
    steps: int
    waived: int
    legs: str
    busy: bool


def check_bet(bet: CountedBet, results: Results) -> Iterator[Violation]:
    """R1: the ledger has of it what it says; R6: it says what results make of it; R3: a step for each revision."""
    left = bet.stake - bet.cashed_stake
    is_open = bet.state in ("accepted", "pending_acceptance")
    gain = (bet.payout or 0) - left if bet.state in ("won", "lost") else 0
    cashed = 0 if bet.state == "refused" else bet.cashed_out - bet.cashed_stake
    expected = (gain + cashed + bet.waived, left if is_open else 0)
    if (bet.users, bet.held) != expected:
        told = f"is {bet.state} {bet.payout}, its journals moved {bet.users} and hold {bet.held}, not {expected}"
        yield Violation("R1", bet.bet, told)
    if bet.steps != bet.revision:
        yield Violation("R3", bet.bet, f"is of revision {bet.revision} and took {bet.steps} steps")
    if bet.busy or bet.state in ("pending_acceptance", "refused", "cashed_out"):
        return
    counted = recounted(left, orjson.loads(bet.legs), bet.placed_ms, results)
    if counted != (bet.state, bet.payout):
        yield Violation("R6", bet.bet, f"is {bet.state} {bet.payout}, by its results {counted}")


def recounted(stake: int, legs: Iterable[Sequence[Any]], placed_ms: int, results: Results) -> tuple[str, int | None]:
    """What a bet is by the results of its legs: the stake times what each makes of it, rounded once, half even."""
    product, undecided, kinds = Fraction(stake), False, set()
    for market, selection, milli, *_ in legs:
        made = leg_makes(results.get(market, ()), selection, Fraction(milli, 1000), placed_ms)
        if made is None:
            undecided = True
            continue
        product *= made[0]
        kinds.add(made[1])
    if product == 0:
        return "lost", 0
    if undecided:
        return "accepted", None
    state = "won" if "won" in kinds else "lost" if "lost" in kinds else "void"
    return state, round(product)


def leg_makes(said: Sequence[Saying], selection: str, price: Fraction, placed_ms: int) -> tuple[Fraction, str] | None:
    """By what a leg multiplies the stake, and what that is called; None: not decided."""
    undone = [one for one in said if one["kind"] == "rollback_cancel"]
    for one in said:
        stands = one["kind"] == "cancelled" and not any(_undoes(over, one) for over in undone)
        if stands and _from(one) <= placed_ms < _to(one):
            return Fraction(1), "void"
    back_to = max((one["ts"] for one in said if one["kind"] == "rollback"), default=-1)
    standing = [one for one in said if one["kind"] == "settled" and one["ts"] > back_to]
    if not standing:
        return None
    best = max(standing, key=lambda one: (one.get("certainty", 2), one["ts"]))
    for side in best.get("x", ()):
        if side["id"] == selection:
            won, void, heat = (
                Fraction(*side.get(name, whole)) for name, whole in (("w", [0]), ("v", [0]), ("dh", [1]))
            )
            name = "won" if won else "void" if void == 1 else "lost"
            return void + won * price * heat, name
    return None


def _from(said: Saying) -> int:
    return int(said.get("from_ms") or 0)


def _to(said: Saying) -> float:
    return float("inf") if said.get("to_ms") is None else float(said["to_ms"])


def _undoes(over: Saying, one: Saying) -> bool:
    return bool(over["ts"] >= one["ts"]) and _from(over) <= _from(one) and _to(one) <= _to(over)
