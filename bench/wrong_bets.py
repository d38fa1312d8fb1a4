"""Bets of a load, recounted from outside: what clients heard, against the database; what was struck, against the log.

A bet is wrong that exists though nobody was told so under its key; that somebody was told of and that is not there;
whose stored answer is not the one that was heard; or whose leg has a price that the log did not hold, open, at the
position the bet names. And the ledger must be clean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import nats
import orjson
from nats.js.errors import Error as JetStreamError
from pydantic import SecretStr

from bench.people import Struck
from bench.result import Reading
from bench.scenario import CannotMeasure, Tell
from feeds.contract.model import Market
from feeds.contract.records import decode_record
from feeds.contract.settings import BusSettings
from feeds.contract.subjects import lane_of, stream_name
from gateway.money.audit import audit
from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings

CREATED = 201
TOLD_MAX = 10
_OF_KEYS = """
SELECT owner, client_key, answer, bet.bet IS NOT NULL
FROM money.key LEFT JOIN bets.bet AS bet USING (owner, client_key)
WHERE verb = 'bet' AND owner = ANY($1)
"""
_OTHERS = "SELECT count(*) FROM bets.bet WHERE owner = ANY($1)"
_LEGS = """
SELECT leg.bet, leg.event, leg.market, leg.selection, leg.milli, leg.s FROM bets.leg
INNER JOIN bets.bet USING (bet) WHERE owner = ANY($1) AND bet.state <> 'refused'
"""


async def wrong_bets(
    struck: Sequence[Struck], accounts: Sequence[str], *, database_url: str, nats_url: str, tell: Tell
) -> dict[str, Reading]:
    """What was found; `wrong_bets` is all of it together. Raises CannotMeasure."""
    async with open_database(DatabaseSettings(url=SecretStr(database_url))) as database:
        rows = await database.fetch(_OF_KEYS, list(accounts))
        legs = await database.fetch(_LEGS, list(accounts))
        count = await database.row(_OTHERS, list(accounts))
        tell(f"recounting {len(rows):,} bets and the ledger")
        found = await audit(database, tell)
    for difference in found.differences[:TOLD_MAX]:
        tell(f"{difference.rule} {difference.where}: {difference.what}")
    keys = {(owner, key): (answer, there) for owner, key, answer, there in rows}
    counted = against_keys(struck, keys)
    counted["bets_under_no_key"] = (0 if count is None else count[0]) - sum(there for _, there in keys.values())
    if nats_url:
        counted["bets_at_no_price_of_the_log"] = await _at_no_price(legs, nats_url, tell)
    counted["ledger_differences"] = found.differing.total()
    figures = {name: Reading(float(value), "1") for name, value in counted.items()}
    return {"wrong_bets": Reading(float(sum(counted.values())), "1"), **figures}


def against_keys(struck: Sequence[Struck], keys: Mapping[tuple[str, str], tuple[bytes, bool]]) -> dict[str, int]:
    """What clients heard, against the answers and bets that are kept."""
    missing = differ = 0
    for one in struck:
        kept = keys.get((one.account, one.key))
        if one.status == CREATED:
            missing += kept is None or not kept[1]
            differ += kept is not None and bytes(kept[0]) != one.body
        elif one.status is not None and kept is not None:
            differ += bytes(kept[0]) != one.body
    mine = {(one.account, one.key) for one in struck}
    unknown = sum(1 for key, (_, there) in keys.items() if there and key not in mine)
    return {"bets_missing": missing, "answers_that_differ": differ, "bets_nobody_made": unknown}


async def _at_no_price(legs: Sequence[Any], nats_url: str, tell: Tell) -> int:
    """Legs at a position where the log has no such market open at that price. Raises CannotMeasure."""
    lanes, wrong = BusSettings(nats_url=nats_url).lanes, 0
    states: dict[tuple[int, int], Market | None] = {}
    try:
        connection = await nats.connect(nats_url)
        jetstream = connection.jetstream()
        for bet, event, market, selection, milli, s in legs:
            lane = lane_of(event, lanes)
            if (lane, s) not in states:
                message = await jetstream.get_msg(stream_name(lane), seq=s, direct=True)
                state = decode_record(str(message.subject), message.data or b"")
                states[lane, s] = state if isinstance(state, Market) else None
            if not stands(states[lane, s], market, selection, milli):
                wrong += 1
                if wrong <= TOLD_MAX:
                    tell(f"bet {bet}: {market} {selection} at {milli} does not stand at {s} of lane {lane}")
        await connection.close()
    except (JetStreamError, nats.errors.Error) as error:
        raise CannotMeasure(f"the log cannot be asked for a price: {error}") from error
    return wrong


def stands(state: Market | None, market: str, selection: str, milli: int) -> bool:
    """Whether this is that market, open, with that price of the selection."""
    if state is None or state.id != market or state.st != "open":
        return False
    body = next((one for one in state.selections if one.id == selection), None)
    return body is not None and body.price is not None and body.price.milli == milli


def code_of(one: Struck) -> str:
    """How a bet ended, in a word."""
    if one.status is None:
        return "no answer"
    if one.status == CREATED:
        return "placed"
    return str(orjson.loads(one.body).get("code", one.status))
