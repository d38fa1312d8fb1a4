"""What `oddswire keys` and `oddswire dev` do. A key or token goes to `tell` once, and nowhere else."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from feeds.contract.errors import Refused
from gateway.access.development import development_keys
from gateway.access.keys import KeyRecord, checked_account, checked_id, checked_scopes, wish
from gateway.access.secret import make_key
from gateway.access.store import PostgresKeys
from gateway.access.tokens import TOKEN_S_MAX
from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings

EXIT_FAILED = 1
DAYS_MAX = 36_500

Tell = Callable[[str], None]


async def keys(options: argparse.Namespace, database: DatabaseSettings, tell: Tell) -> int:
    """One command; gives the exit status. Raises Refused, DatabaseUnavailable."""
    async with open_database(database) as opened:
        store = PostgresKeys(opened)
        match options.what:
            case "create":
                return await _create(store, options, tell)
            case "list":
                return await _list(store, tell, as_json=options.json)
        return await _revoke(store, options, tell)


def dev_token(options: argparse.Namespace, tell: Tell) -> int:
    """Raises Refused, NoDevelopmentKeys."""
    if not 1 <= options.ttl <= TOKEN_S_MAX:
        raise Refused("bad_ttl", f"a token lasts 1 to {TOKEN_S_MAX} s")
    account = checked_account(options.account)
    assert account is not None
    scopes = checked_scopes(options.scopes)
    directory: Path = options.data_dir
    tell(development_keys(directory).token(account, scopes, ttl_s=options.ttl))
    return 0


async def _create(store: PostgresKeys, options: argparse.Namespace, tell: Tell) -> int:
    wanted = wish(
        name=options.name,
        scopes=options.scopes,
        plan=options.plan,
        account=options.account,
        expires=_expires(options.days),
    )
    key = make_key()
    record = await store.create(wanted, key)
    if options.json:
        tell(orjson.dumps({"key": key, **_told(record)}).decode())
    else:
        tell(f"api key: {key}")
        tell(f"{_line(record)}; this key is not shown again")
    return 0


def _expires(days: int | None) -> datetime | None:
    """Raises Refused."""
    if days is None:
        return None
    if not 1 <= days <= DAYS_MAX:
        raise Refused("bad_days", f"a key lasts 1 to {DAYS_MAX} days, or has no end")
    return datetime.now(UTC) + timedelta(days=days)


async def _list(store: PostgresKeys, tell: Tell, *, as_json: bool) -> int:
    records = await store.list()
    if as_json:
        tell(orjson.dumps([_told(record) for record in records], option=orjson.OPT_INDENT_2).decode())
    else:
        for record in records:
            tell(_line(record))
    return 0


async def _revoke(store: PostgresKeys, options: argparse.Namespace, tell: Tell) -> int:
    if options.account is not None:
        account = checked_account(options.account)
        assert account is not None
        tell(f"revoked {await store.revoke_account(account)} keys of {account}, and its tokens issued up to now")
        return 0
    key_id = checked_id(options.id)
    revoked = await store.revoke(key_id)
    tell(f"no key {key_id}" if revoked is None else f"{key_id} revoked {revoked:%Y-%m-%dT%H:%M:%SZ}")
    return EXIT_FAILED if revoked is None else 0


def _told(record: KeyRecord) -> dict[str, Any]:
    return {name: value for name, value in record._asdict().items() if name != "hash"}


def _line(record: KeyRecord) -> str:
    words = [record.id, f"plan {record.plan}", ",".join(record.scopes)]
    words += [f"account {record.account}"] if record.account else []
    words += [f"until {record.expires:%Y-%m-%d}"] if record.expires else []
    words += [f"revoked {record.revoked:%Y-%m-%dT%H:%M:%SZ}"] if record.revoked else []
    words += [f"({record.name})"] if record.name else []
    return "  ".join(words)
