"""Reports, and the command line: the day reconciles with the ledger, and every change of a settlement is listed."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
import structlog

from feeds.contract.results import MarketResult
from gateway.main import main
from gateway.settlement.corrections.drafts import Said
from gateway.settlement.reports.report import CHANGES_COLUMNS, changes, csv_lines, daily, daily_json, told
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import money_pool, one_postgres
from tests.gateway.settlement.correcting import PLACED, corrections, run, utc_now
from tests.gateway.settlement.ground import Ground, parlay, single
from tests.gateway.settlement.results import LOST, VOID, WON, result, said

pytestmark = one_postgres

OTHER = {"O1": LOST, "O2": WON}


@pytest.fixture
async def ground(money: Database) -> Ground:
    """M1 was settled one way, then corrected; M2 is void."""
    made = Ground(money)
    await made.bets(single("B1", "ann"), single("B2", "cem", "O2"), single("B3", "ann", market="M2"))
    await made.bets(parlay("B4", "dia", "M1", "M3"))
    await made.say(said("M1", 1), said("M2", 1, x={"O1": VOID, "O2": VOID}))
    await run(corrections(money), result("M1", 0, x=OTHER), reason="=two points")
    return made


async def test_a_day_is_what_the_ledger_says(ground: Ground) -> None:
    today = utc_now().date()
    found = await daily(ground.database, today)
    rows = {row["market"]: row for row in found.rows}
    assert {name: rows["M1"][name] for name in ("stakes", "payouts", "corrections", "house_position")} == {
        "stakes": 2_000,
        "payouts": -2_000,
        "corrections": 0,
        "house_position": 0,
    }
    assert rows["parlay"]["house_position"] == 1_000
    assert (rows["M2"]["holds"], rows["M2"]["house_position"]) == ((0, 0) if today == PLACED.date() else (-1_000, 0))
    assert found.differs == {}
    assert sum(found.balances["USD"].values()) == 0
    assert found.balances["USD"]["user:open_stakes"] == 0
    body = orjson.loads(daily_json(found))
    assert body["rows"][0]["stakes"] == "20.00"
    before = await daily(ground.database, PLACED.date() - timedelta(days=1))
    assert (before.rows, before.balances) == ([], {})


async def test_every_change_is_listed(ground: Ground) -> None:
    found = [row async for row in changes(ground.database, PLACED, utc_now() + timedelta(days=1))]
    assert {(row["bet"], row["state_before"], row["state"], row["amount"]) for row in found} == {
        ("B1", "won", "lost", -2_000),
        ("B2", "lost", "won", 2_000),
        ("B3", "accepted", "void", 1_000),
        ("B4", "accepted", "lost", 0),
    }
    corrected = next(row for row in found if row["bet"] == "B1")
    assert (corrected["drafter"], corrected["approver"], corrected["reason"]) == ("jo", "sam", "=two points")
    lines = list(csv.DictReader(io.StringIO(csv_lines(CHANGES_COLUMNS, map(told, found), head=True))))
    by_bet = {line["bet"]: line for line in lines}
    assert (by_bet["B1"]["amount"], by_bet["B1"]["reason"]) == ("-20.00", "'=two points")
    assert by_bet["B3"]["correction"] == ""


class Told:
    """`oddswire`, as this process."""

    def __init__(self, database: DatabaseSettings, capsys: pytest.CaptureFixture[str]) -> None:
        self._url = database.url.get_secret_value()
        self._capsys = capsys

    def __call__(self, *words: str, status: int = 0) -> str:
        """What it says."""
        assert main([*words, "--database", self._url]) == status, self._capsys.readouterr().err
        return self._capsys.readouterr().out

    def json(self, *words: str, status: int = 0) -> Any:
        """What it says, read."""
        return orjson.loads(self(*words, "--json", status=status))


def test_by_command_line(
    settled: None, own_logs: None, settings: DatabaseSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told_ = Told(settings, capsys)
    drafted = tmp_path / "draft.json"
    meant: MarketResult = result("M1", 0, x=OTHER)
    drafted.write_bytes(msgspec.json.encode([Said(meant, "spread")]))
    name = told_("correction", "draft", "--file", str(drafted), "--reason", "points", "--by", "jo").strip()
    dry = told_.json("correction", "impact", name, "--by", "jo", "--dry-run")
    assert dry["totals"]["by_currency"]["USD"]["debits"] == "20.00"
    told_("correction", "approve", name, "--by", "sam", status=2)
    impact = told_.json("correction", "impact", name, "--by", "jo")
    assert impact == dry
    told_("correction", "approve", name, "--by", "sam", "--hash", "0" * 12, status=2)
    told_("correction", "approve", name, "--by", "sam", "--hash", impact["hash"][:12])
    assert told_.json("correction", "apply", name, "--by", "jo")["state"] == "done"
    told_("correction", "abort", name, "--by", "jo", "--reason", "r", status=2)
    back = told_.json("correction", "undo", name, "--by", "jo", "--reason", "it was right")["id"]
    told_("correction", "abort", back, "--by", "jo", "--reason", "it was not")
    assert f"{name}  done" in told_("correction", "list", "--state", "done")
    assert "market   M1: O1 won, O2 lost -> O1 lost, O2 won" in told_("correction", "show", name)
    assert "M1,none,USD" in told_("report", "daily", "--date", utc_now().date().isoformat(), "--csv")
    assert told_("report", "changes", "--since", "2020-01-01T00:00:00Z").count("\n") == 2


@pytest.fixture
def own_logs() -> Iterator[None]:
    """Commands configure logs for their process, which this one is."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def settled(settings: DatabaseSettings) -> None:
    """Ann and Cem bet on M1, which is settled: for a test that is not itself in a loop."""

    async def lay() -> None:
        await migrate(settings)
        async with money_pool(settings) as database:
            ground = Ground(database)
            await ground.bets(single("B1", "ann"), single("B2", "cem", "O2"))
            await ground.say(said("M1", 1))

    asyncio.run(lay())
