"""A state of a market as the archive keeps it, and back, exactly. Pure.

A state is its form and its numbers. The form is the record as on the bus with `ts` 0 and without prices; few forms come
again and again, so each is kept once, under the hash of its bytes. What is left is a narrow row of integers. Measured
with two selections, bytes a change with index and changes a second by COPY: 161 and 39,000; a row a selection 255 and
30,000; the record as JSONB 637 and 19,000.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from feeds.contract.errors import Refused
from feeds.contract.model import Market, Selection
from feeds.contract.prices import Price, american_from_milli
from feeds.contract.records import decode_record, encode_record
from feeds.contract.subjects import market_subject

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY_BYTES = 8
INT32_END = 2**31
INT64_END = 2**63
_ANY_LANE = 0


class Numbers(NamedTuple):
    """The integers of a state, one of each selection in the form's order. None where no selection has any.

    `american` is None where `american_from_milli` gives all of it.
    """

    ts: int
    milli: tuple[int | None, ...]
    american: tuple[int | None, ...] | None
    lay: tuple[int | None, ...] | None
    size: tuple[int | None, ...] | None
    ltp: tuple[int | None, ...] | None


class Form(NamedTuple):
    """Everything of a market but `ts` and numbers."""

    key: int
    market: int
    body: bytes
    live: bool
    gone: bool
    selections: tuple[str, ...]
    on_offer: tuple[bool, ...]


def key_of(content: bytes) -> int:
    """The 64-bit key of an id or a form, signed. (Our ids are 64-bit hashes themselves: feeds/contract/ids.py.)"""
    return int.from_bytes(hashlib.blake2b(content, digest_size=_KEY_BYTES).digest(), "big", signed=True)


def market_key(market_id: str) -> int:
    """The key of a market."""
    return key_of(market_id.encode())


def form_body(market: Market) -> bytes:
    """The bytes of a market's form."""
    bare = tuple(Selection(one.id, one.name, one.st, None, one.side, one.line) for one in market.selections)
    return encode_record(msgspec.structs.replace(market, ts=0, selections=bare))


def form_of(market: Market, body: bytes) -> Form:
    """The form with these bytes, which are the market's."""
    is_open = market.st == "open"
    return Form(
        key_of(body),
        market_key(market.id),
        body,
        market.live,
        market.gone,
        tuple(one.id for one in market.selections),
        tuple(is_open and one.st == "open" for one in market.selections),
    )


def numbers_of(market: Market) -> Numbers:
    """The integers of a market's state. One loop: this is done for every record.

    Raises Refused("number_out_of_range") for what no column could hold.
    """
    milli: list[int | None] = []
    american: list[int | None] = []
    derived, bare = True, True
    for one in market.selections:
        price = one.price
        if price is None:
            milli.append(None)
            american.append(None)
        else:
            milli.append(_int32(price.milli))
            american.append(_int32(price.american))
            derived = derived and _derived_american(price.milli) == price.american
        bare = bare and one.lay is None and one.size is None and one.ltp is None
    ts, odds = _int64(market.ts), None if derived else tuple(american)
    if bare:
        return Numbers(ts, tuple(milli), odds, None, None, None)
    lay, ltp = (_any([getattr(one, name) for one in market.selections], _int32) for name in ("lay", "ltp"))
    return Numbers(ts, tuple(milli), odds, lay, _any([one.size for one in market.selections], _int64), ltp)


_derived_american = lru_cache(maxsize=16_384)(american_from_milli)


def _any(values: list[int | None], checked: Callable[[int], int]) -> tuple[int | None, ...] | None:
    if all(value is None for value in values):
        return None
    return tuple(None if value is None else checked(value) for value in values)


def _int32(value: int) -> int:
    if -INT32_END <= value < INT32_END:
        return value
    raise Refused("number_out_of_range", f"not within 32 bits: {value}")


def _int64(value: int) -> int:
    if -INT64_END <= value < INT64_END:
        return value
    raise Refused("number_out_of_range", f"not within 64 bits: {value}")


def decoded_form(body: str) -> Market:
    """The market of a stored form. Raises Refused for one that nobody can read any more."""
    form = decode_record(market_subject(_ANY_LANE, "sport.league.event", "market"), body.encode())
    if not isinstance(form, Market):
        raise Refused("form_malformed", "an archived form is not that of a market")
    return form


def market_of(form: Market, numbers: Numbers) -> Market:
    """The state that has this form and these numbers."""
    american = numbers.american or [None if milli is None else american_from_milli(milli) for milli in numbers.milli]
    none: Sequence[None] = (None,) * len(numbers.milli)
    selections = tuple(
        msgspec.structs.replace(one, price=_price(milli, odds), lay=lay, size=size, ltp=ltp)
        for one, milli, odds, lay, size, ltp in zip(
            form.selections,
            numbers.milli,
            american,
            numbers.lay or none,
            numbers.size or none,
            numbers.ltp or none,
        )
    )
    return msgspec.structs.replace(form, ts=numbers.ts, selections=selections)


def numbers_of_row(row: Any) -> Numbers:
    """The integers of a stored change."""
    american, lay, size, ltp = (_tuple(row[name]) for name in ("american", "lay", "size", "ltp"))
    return Numbers(row["ts"], tuple(row["milli"]), american, lay, size, ltp)


def _tuple(values: list[int | None] | None) -> tuple[int | None, ...] | None:
    return None if values is None else tuple(values)


def _price(milli: int | None, american: int | None) -> Price | None:
    return None if milli is None or american is None else Price(milli, american)


def at_time(ts_log_us: int) -> datetime:
    """Microseconds of Unix time as the database takes them."""
    return _EPOCH + timedelta(microseconds=ts_log_us)


def time_us(moment: datetime) -> int:
    """And back, exactly."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
