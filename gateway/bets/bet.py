"""A bet as it is kept and as it is told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import orjson

from feeds.contract.prices import milli_text
from gateway.money.amounts import amount_text

BetState = Literal["pending_acceptance", "accepted", "refused", "won", "lost", "void", "cashed_out", "under_review"]


class BetLeg(NamedTuple):
    """A leg that was struck at `milli`, and for which `asked` was asked, both in thousandths."""

    event: str
    market: str
    selection: str
    milli: int
    s: int
    policy: str
    asked: int


class Bet(NamedTuple):
    """A bet. Amounts are in minor units. `reason`: the code for which it was refused. `cashed_out` was paid for
    `cashed_stake` of the stake; `potential_payout` and `payout` are of the rest."""

    bet: str
    key: str
    type: Literal["single", "parlay"]
    stake: int
    currency: str
    potential_payout: int
    payout: int | None
    state: BetState
    reason: str | None
    revision: int
    placed: datetime
    location: Mapping[str, object]
    legs: tuple[BetLeg, ...]
    cashed_stake: int = 0
    cashed_out: int = 0


def bet_body(bet: Bet) -> bytes:
    """The JSON of a bet, PROTOCOL.md section 6."""
    said: dict[str, object] = {
        "id": bet.bet,
        "key": bet.key,
        "state": bet.state,
        "type": bet.type,
        "stake": amount_text(bet.stake, bet.currency),
        "currency": bet.currency,
        "potential_payout": amount_text(bet.potential_payout, bet.currency),
        "payout": None if bet.payout is None else amount_text(bet.payout, bet.currency),
        "legs": [_leg(leg) for leg in bet.legs],
        "placed_at": time_text(bet.placed),
        "revision": bet.revision,
        "location": bet.location,
    }
    if bet.cashed_stake:
        said["cashed_stake"] = amount_text(bet.cashed_stake, bet.currency)
        said["cashed_out"] = amount_text(bet.cashed_out, bet.currency)
    if bet.reason is not None:
        said["reason"] = bet.reason
    return orjson.dumps(said)


def _leg(leg: BetLeg) -> dict[str, object]:
    return {
        "event": leg.event,
        "market": leg.market,
        "selection": leg.selection,
        "price": milli_text(leg.milli),
        "s": leg.s,
        "policy": leg.policy,
        "asked": milli_text(leg.asked),
    }


def time_text(at: datetime) -> str:
    """RFC 3339, UTC, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
