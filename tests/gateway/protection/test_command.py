"""`oddswire account`: what it shows, what it does, whom it refuses."""

from __future__ import annotations

import argparse
from collections import defaultdict

import orjson
import pytest

from feeds.contract.errors import Refused
from gateway.commands import parser
from gateway.protection.command import account
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import Worker, one_postgres
from tests.gateway.protection.account import limited

pytestmark = one_postgres


def _runs_nothing(options: argparse.Namespace) -> int:
    """What a command line is parsed for, here."""
    raise AssertionError(options)


async def said(settings: DatabaseSettings, *words: str) -> list[str]:
    """The lines of a command."""
    lines: list[str] = []
    options = parser(defaultdict(lambda: _runs_nothing)).parse_args(["account", *words])
    assert await account(options, settings, lines.append) == 0
    return lines


async def test_an_operator_sees_and_excludes(worker: Worker, money: Database, settings: DatabaseSettings) -> None:
    assert await said(settings, "show", "u1") == ["u1 has no limits, and was never excluded"]
    await worker.deposit()
    await limited(worker, "stake", "day", "20.00")
    await limited(worker, "stake", "day", "30.00")
    [until] = await said(settings, "time-out", "u1", "--hours", "2", "--by", "jo")
    assert until.startswith("u1 is excluded until ")
    assert (await worker.place()).json()["code"] == "excluded"
    assert await said(settings, "exclude", "u1", "--for-ever", "--by", "jo") == ["u1 is excluded for ever"]
    assert await said(settings, "exclude", "u1", "--days", "9", "--by", "jo") == ["u1 is excluded for ever"]
    lines = await said(settings, "show", "u1")
    assert lines[0].startswith("stake by day  20.00 USD, used 0.00  from ")
    assert lines[1].startswith("self_exclusion  since ")
    assert [line.split("  ")[1:3] for line in lines[3:]] == [
        ["jo", "self_exclusion"],
        ["jo", "self_exclusion"],
        ["jo", "time_out"],
        ["self", "limit"],
        ["self", "limit"],
    ]
    [whole] = await said(settings, "show", "u1", "--json", "--limit", "1")
    assert len(orjson.loads(whole)["trail"]) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("show", "not an account"),
        ("time-out", "u1", "--hours", "0", "--by", "jo"),
        ("exclude", "u1", "--days", "99999999", "--by", "jo"),
        ("exclude", "u1", "--days", "3", "--by", "self"),
    ],
)
async def test_what_makes_no_sense_changes_nothing(
    words: tuple[str, ...], money: Database, settings: DatabaseSettings
) -> None:
    with pytest.raises(Refused):
        await said(settings, *words)
    assert await money.fetch("SELECT FROM protection.trail") == []
