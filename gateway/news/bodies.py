"""What news say, as devices read them: amounts as decimal strings, the wallet in one form. Pure.

The outbox holds minor units, as the ledger does, and what the wallet's accounts held then beside whatever a kind says
(money.tell). Any kind is passed through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson

from gateway.money.amounts import amount_text

AMOUNTS = frozenset(
    {
        *("amount", "pending_amount", "stake", "open_stake", "payout", "payout_before"),
        *("cash_before", "cash_after", "waived"),
    }
)
"""Names of whole numbers in data that are minor units, at any depth. Another kind's name is one line here."""

OWED = frozenset({"receivable_before", "receivable_after"})
"""Likewise, of accounts that are below zero where something is owed."""

_ACCOUNTS = ("cash", "open_stakes", "receivable")


def milliseconds(at: datetime) -> int:
    """Unix ms."""
    return round(at.timestamp() * 1000)


def data_body(data: str, seq: int, currency: str) -> bytes:
    """The `data` of news, from a row of the outbox."""
    said: dict[str, Any] = orjson.loads(data)
    held = [said.pop(name, 0) for name in _ACCOUNTS]
    return orjson.dumps({**_told(said, currency), "wallet": _wallet(held, seq, currency)})


def state_body(wallet: tuple[str, int, int, int, int] | None, bets: Iterable[bytes], *, more: bool) -> bytes:
    """The `data` of a state. `wallet`: currency, number, cash, open stakes, receivable; `more`: not all running bets
    stand here."""
    said = _wallet((0, 0, 0), 0, None) if wallet is None else _wallet(wallet[2:], wallet[1], wallet[0])
    rest = b',"more":true' if more else b""
    return b'{"wallet":%b,"bets":[%b]%b}' % (orjson.dumps(said), b",".join(bets), rest)


def _wallet(held: Iterable[int], seq: int, currency: str | None) -> dict[str, object]:
    """As GET /v1/wallet says it."""
    cash, open_stakes, receivable = held
    amounts = zip(_ACCOUNTS, (cash, open_stakes, -receivable))
    texts = {name: "0" if currency is None else amount_text(amount, currency) for name, amount in amounts}
    return {"currency": currency, **texts, "version": seq}


def _told(said: Mapping[str, Any], currency: str) -> dict[str, Any]:
    return {name: _value(name, value, currency) for name, value in said.items()}


def _value(name: str, value: Any, currency: str) -> Any:
    if isinstance(value, dict):
        return _told(value, currency)
    if isinstance(value, list):
        return [_value(name, one, currency) for one in value]
    if name in AMOUNTS and isinstance(value, int):
        return amount_text(value, currency)
    return amount_text(-value, currency) if name in OWED else value
