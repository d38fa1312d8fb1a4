"""Bets: what clients were told, against what the database has, and what bets were struck on, against the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any
from zlib import crc32

import orjson

from bench.chaos.checkers.database import asked
from bench.chaos.checkers.log import Log, Record
from bench.chaos.checkers.sql import statement
from bench.chaos.checkers.violation import Violation
from bench.chaos.heard import Answer, Heard, Resolved

DONE = frozenset({200, 201})
GONE, NOT_FOUND, REUSED = 410, 404, 422

Keys = Mapping[tuple[str, str], Any]


async def check_bets(connection: Any, heard: Heard, log: Log) -> list[Violation]:
    """B1 to B8, and of S8 what REST shows."""
    found = await asked(connection, "bets")
    accounts = sorted({answer.account for answer in heard.answers})
    rows = await connection.fetch(statement("keys"), accounts)
    keys = {(row["owner"], row["client_key"]): row for row in rows}
    found += check_answers(heard.answers, keys)
    found += check_resolved(heard.resolved, keys)
    found += [
        Violation("S8", account, f"somebody else's bet {bet} was answered with {status}")
        for account, bet, status in heard.peeked
        if status != NOT_FOUND
    ]
    found += [
        Violation("B7", f"{account} {key}", "nobody says what became of it")
        for account, key, _ in sorted(heard.unresolved)
    ]
    legs = await connection.fetch(statement("legs"), accounts)
    found += check_legs(legs, log)
    if await connection.fetchval("SHOW track_commit_timestamp") == "on":
        found += check_moments(await connection.fetch(statement("bets_after_results")))
    return found


def check_answers(answers: Iterable[Answer], keys: Keys) -> Iterator[Violation]:
    """B2, B3, B4: what was done is there, what was asked twice was answered once, and a key has one meaning."""
    by_key: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for answer in answers:
        by_key[answer.account, answer.key].append(answer)
    for (account, key), told in by_key.items():
        where = f"{account} {key}"
        done = [answer for answer in told if answer.status in DONE]
        row = keys.get((account, key))
        if done and row is None:
            yield Violation("B2", where, f"{done[0].verb} was answered with {done[0].status}, and is not there")
        if len({(answer.status, answer.body) for answer in done}) > 1:
            yield Violation("B3", where, f"{len(done)} answers differ: {done[0].body!r} {done[-1].body!r}")
        if len({answer.meaning for answer in done}) > 1:
            yield Violation("B4", where, "two meanings were both done")
        for answer in done:
            if row is not None and answer.verb == "bet":
                yield from _is_the_bet(where, answer, row)


def _is_the_bet(where: str, answer: Answer, row: Any) -> Iterator[Violation]:
    told = orjson.loads(answer.body)
    meant = orjson.loads(answer.meaning)
    if (told["id"], int(Decimal(meant["stake"]) * 100)) != (row["subject"], row["stake"]):
        told_of = f"{told['id']} of {meant['stake']}"
        yield Violation("B2", where, f"{told_of} was told, the key leads to {row['subject']} of {row['stake']}")


def check_resolved(resolved: Iterable[Resolved], keys: Keys) -> Iterator[Violation]:
    """B7, B8: asked twice, what became of a bet has one answer, and the database gives the same."""
    for one in resolved:
        where, row = f"{one.account} {one.key}", keys.get((one.account, one.key))
        if one.first != one.second and not _moved_on(one):
            yield Violation("B7", where, f"first {one.first}, then {one.second}")
        if row is None:
            yield Violation("B7", where, "it was resolved, and there is no such key")
        elif row["verb"] == "tombstone" and one.bet_after != GONE:
            yield Violation("B8", where, f"a bet under a tombstone was answered with {one.bet_after}")
        elif row["verb"] == "bet" and one.bet_after in (GONE, REUSED):
            yield Violation("B7", where, f"it is a bet, and asking again was answered with {one.bet_after}")


def _moved_on(one: Resolved) -> bool:
    """Two answers about a bet that was settled in between are of the same bet."""
    if one.first[0] not in DONE or one.second[0] not in DONE:
        return False
    first, second = orjson.loads(one.first[1]), orjson.loads(one.second[1])
    return isinstance(first, dict) and bool(first.get("id")) and first.get("id") == second.get("id")


def check_legs(legs: Iterable[Any], log: Log) -> Iterator[Violation]:
    """B5: each leg was struck on a state of its market that stands in the log, open, at that price."""
    lanes = max(log.read, default=0) + 1
    for leg in legs:
        record = log.records.get((crc32(leg["event"].encode()) % lanes, leg["s"]))
        where = f"{leg['bet']} {leg['market']}"
        if record is None or record.id != leg["market"]:
            yield Violation("B5", where, f"was struck at {leg['s']}, which the log does not hold")
        elif not record.is_open or _price(record, leg["selection"]) != leg["milli"]:
            told = f"was struck at {leg['milli']}, the log says {_price(record, leg['selection'])}"
            yield Violation("B5", where, f"{told}, {record.body['st']} at {leg['s']}")


def _price(record: Record, selection: str) -> int | None:
    """Of a selection that may be bet on."""
    for side in record.body["x"]:
        if side["id"] == selection and side.get("st", "open") == "open" and side.get("price"):
            return int(side["price"][0])
    return None


def check_moments(rows: Iterable[Any]) -> Iterator[Violation]:
    """B6: rows of bets after some result was committed; the result that stood then must have been none."""
    for bet, market, what, at, said_at, outcome in rows:
        if orjson.loads(outcome).get("settled"):
            yield Violation("B6", f"{bet} {market}", f"was {what} at {at}, its result stood since {said_at}")
