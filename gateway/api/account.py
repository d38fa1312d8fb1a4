"""Endpoints of an account: its bets and its money. They translate; what is decided is decided in gateway/bets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson

from feeds.contract.errors import Refused
from feeds.contract.ids import ID_PATTERN
from gateway.api.calls import Asking, Endpoint, Said, there
from gateway.bets.asked import asked_of
from gateway.bets.bet import bet_body, time_text
from gateway.bets.cash_out import CashDesk, CashOut, CashOutAsked
from gateway.bets.cashier import Cashing, Verb, moved_body
from gateway.bets.placing import Placement
from gateway.bets.service import BetsService
from gateway.money.amounts import amount_text
from gateway.money.finals import Final
from gateway.money.keys import KEY_PATTERN, KnownKey
from gateway.money.once import Ask, Told, Work
from gateway.money.refusals import MoneyRefused, Unknown
from gateway.money.tables import CashEntry
from gateway.read.paging import make_token, read_token

PAGE_ITEMS = 50

_REPLAYED = (b"idempotency-replayed", b"true")
_WAIT_S = b"1"
_NEWEST = 2**62
_NO_TIME = datetime(9999, 1, 1, tzinfo=UTC)

T = TypeVar("T")


class AccountEndpoints:
    """By the names in routes.py. `service` gives None while there is none."""

    def __init__(self, service: Callable[[], BetsService | None]) -> None:
        self._service_or_none = service
        self.by_name: dict[str, Endpoint] = {
            "place_bet": self._place,
            "bets": self._bets,
            "bet": self._bet,
            "bet_by_key": self._by_key,
            "resolve_key": self._resolve,
            "wallet": self._wallet,
            "wallet_entries": self._entries,
            "deposit": self._deposit,
            "withdraw": self._withdraw,
            "cash_out_offer": self._cash_out_offer,
            "cash_out": self._cash_out,
        }

    @property
    def _service(self) -> BetsService:
        return there(self._service_or_none())

    async def _place(self, asking: Asking) -> Said:
        service = self._service
        if (again := service.finals.said_again(asking.account, asking.key, asking.request)) is not None:
            return Said(again.status, again.body, (_REPLAYED,))
        async with _of_an_unused_key(service, asking):
            asked = asked_of(asking.body, owner=asking.account, key=asking.key, deadline=asking.deadline)
        ask = Ask(owner=asking.account, key=asking.key, fingerprint=asked.fingerprint)
        work = Placement(service.placing, asked, asking.principal, network=asking.network, request_id=asking.request_id)
        return await _done(service, ask, work, asking.request)

    async def _cash_out_offer(self, asking: Asking) -> Said:
        return Said(200, await _cash_desk(self._service).offer(asking.account, _bet_id(asking)))

    async def _cash_out(self, asking: Asking) -> Said:
        service = self._service
        if (again := service.finals.said_again(asking.account, asking.key, asking.request)) is not None:
            return Said(again.status, again.body, (_REPLAYED,))
        async with _of_an_unused_key(service, asking):
            asked = CashOutAsked(_bet_id(asking), asking.key, asking.body, asking.network, asking.deadline)
        work = CashOut(_cash_desk(service), asked, asking.principal)
        return await _done(service, work.ask, work, asking.request)

    async def _bet(self, asking: Asking) -> Said:
        bet_id = _bet_id(asking)
        service = self._service
        bet = await _turn(service, service.bets.bet(asking.account, bet_id))
        if bet is None:
            raise Refused("not_found", "")
        return Said(200, bet_body(bet))

    async def _bets(self, asking: Asking) -> Said:
        scope = f"bets {asking.account}"
        before = _NO_TIME, ""
        if asking.query.page_token is not None:
            before = _time_and_id(read_token(scope, asking.query.page_token))
        service = self._service
        found = await _turn(service, service.bets.bets(asking.account, before=before, limit=PAGE_ITEMS + 1))
        page = found[:PAGE_ITEMS]
        token = make_token(scope, (page[-1].placed.isoformat(), page[-1].bet)) if len(found) > PAGE_ITEMS else None
        return _list([bet_body(bet) for bet in page], token)

    async def _by_key(self, asking: Asking) -> Said:
        service, key = self._service, _path_key(asking)
        if service.once.running(asking.account, key):
            return _waiting(key)
        known = await _turn(service, service.ledger.key(asking.account, key))
        if known is not None:
            return await _known(service, asking.account, key, known)
        if await service.claims.claimed(asking.account, key):
            return _waiting(key)
        raise Refused("not_found", "this key was never used")

    async def _resolve(self, asking: Asking) -> Said:
        service, key = self._service, _path_key(asking)
        known = await _turn(service, service.ledger.bury_key(asking.account, key, service.placing.now()))
        if known.verb == "tombstone":
            return Said(200, orjson.dumps({"key": key, "state": "tombstoned"}))
        return await _known(service, asking.account, key, known)

    async def _wallet(self, asking: Asking) -> Said:
        service = self._service
        wallet = await _turn(service, service.ledger.wallet(asking.account))
        if wallet is None:
            said: dict[str, Any] = {"currency": None, "cash": "0", "open_stakes": "0", "receivable": "0", "version": 0}
            return Said(200, orjson.dumps(said))
        said = {
            "currency": wallet.currency,
            "cash": amount_text(wallet.cash, wallet.currency),
            "open_stakes": amount_text(wallet.open_stakes, wallet.currency),
            "receivable": amount_text(-wallet.receivable, wallet.currency),
            "version": wallet.seq,
        }
        return Said(200, orjson.dumps(said))

    async def _entries(self, asking: Asking) -> Said:
        scope = f"entries {asking.account}"
        before = _NEWEST
        if asking.query.page_token is not None:
            before = _version(read_token(scope, asking.query.page_token))
        service = self._service
        found = await _turn(service, service.ledger.entries(asking.account, before=before, limit=PAGE_ITEMS + 1))
        page = found[:PAGE_ITEMS]
        token = make_token(scope, (str(page[-1].version),)) if len(found) > PAGE_ITEMS else None
        return _list([_entry(entry) for entry in page], token)

    async def _deposit(self, asking: Asking) -> Said:
        return await self._move("deposit", asking)

    async def _withdraw(self, asking: Asking) -> Said:
        return await self._move("withdrawal", asking)

    async def _move(self, verb: Verb, asking: Asking) -> Said:
        service = self._service
        if service.cashier is None:
            raise Refused("no_cashier", "")
        async with _of_an_unused_key(service, asking):
            body, who = asking.body, asking.principal
            work = Cashing(service.cashier, verb, body, who, key=asking.key, network=asking.network)
        return await _done(service, work.ask, work, asking.request)


@asynccontextmanager
async def _of_an_unused_key(service: BetsService, asking: Asking) -> AsyncIterator[None]:
    """What is refused within was not understood: it means nothing, and so not what an earlier request of its key
    meant. The key is looked up first. Raises MoneyRefused."""
    try:
        yield
    except Refused:
        service.placing.rates.take(asking.account)
        await service.once.unused(asking.account, asking.key)
        raise


async def _turn(service: BetsService, statement: Coroutine[Any, Any, T]) -> T:
    """A read's turn at the database: it waits in the queue that bets wait in. Raises MoneyRefused("overloaded")."""
    try:
        async with service.gate.slot():
            return await statement
    finally:
        statement.close()  # nobody awaited it, if there was no turn


async def _done(service: BetsService, ask: Ask, work: Work, request: bytes) -> Said:
    """`request`: the bytes that ask for it."""
    try:
        told = await service.once.do(ask, work)
    except Unknown:
        return _waiting(ask.key)
    service.finals.heard(ask.owner, ask.key, request)
    return _final(told)


def _final(told: Told) -> Said:
    final: Final = told.final
    return Said(final.status, final.body, (_REPLAYED,) if told.replayed else ())


def _waiting(key: str) -> Said:
    """Not known yet, and where it will be."""
    url = f"/v1/bets/by-key/{key}"
    headers = ((b"location", url.encode()), (b"retry-after", _WAIT_S))
    return Said(202, orjson.dumps({"key": key, "state": "unknown", "url": url}), headers)


async def _known(service: BetsService, owner: str, key: str, known: KnownKey) -> Said:
    if known.verb == "tombstone":
        raise MoneyRefused("key_tombstoned", "this key was given up before it did anything")
    if known.verb == "cash_out" and known.answer is None:
        return Said(200, (await service.cash_outs.cash_out(owner, known.subject)).body())
    if known.verb != "bet":
        return Said(200, moved_body(known, key) if known.answer is None else known.answer)
    bet = await _turn(service, service.bets.bet(owner, known.subject))
    assert bet is not None
    return Said(200, bet_body(bet))


def _cash_desk(service: BetsService) -> CashDesk:
    """Raises Refused."""
    if service.cash_desk is None:
        raise Refused("no_cash_out", "")
    return service.cash_desk


def _bet_id(asking: Asking) -> str:
    """Raises Refused."""
    bet_id: str = asking.path["id"]
    if not ID_PATTERN.match(bet_id):
        raise Refused("bad_parameter", "id: not an id")
    return bet_id


def _path_key(asking: Asking) -> str:
    key: str = asking.path["key"]
    if not KEY_PATTERN.match(key):
        raise Refused("bad_idempotency_key", "")
    return key


def _entry(entry: CashEntry) -> bytes:
    said = {
        "id": str(entry.version),
        "journal": entry.source_key,
        "kind": entry.kind,
        "amount": amount_text(entry.amount, entry.currency),
        "balance": amount_text(entry.balance, entry.currency),
        "bet": entry.bet,
        "at": time_text(entry.at),
    }
    return orjson.dumps(said)


def _list(items: list[bytes], token: str | None) -> Said:
    return Said(200, b'{"items":[%b],"next_page_token":%b}' % (b",".join(items), orjson.dumps(token)))


def _time_and_id(key: tuple[str, ...]) -> tuple[datetime, str]:
    """Tokens are no secret: what stands in one may be anything. Raises Refused."""
    try:
        placed, bet = key
        at = datetime.fromisoformat(placed)
    except ValueError as error:
        raise Refused("bad_page_token", "page_token is not one that this list gave") from error
    if at.tzinfo is None or "\0" in bet:
        raise Refused("bad_page_token", "page_token is not one that this list gave")
    return at, bet


def _version(key: tuple[str, ...]) -> int:
    """Raises Refused."""
    if len(key) != 1 or not key[0].isdecimal() or len(key[0]) > len(str(_NEWEST)) - 1:
        raise Refused("bad_page_token", "page_token is not one that this list gave")
    return int(key[0])
