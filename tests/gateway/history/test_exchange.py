"""Exports to Parquet: read back they are the archive, and what is not is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from feeds.contract.model import Event, Market, Selection
from feeds.contract.prices import Price
from gateway.history import exchange, parquet
from gateway.history.answers import NotInHistory
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.bus import event, market
from tests.gateway.history.made import MadeArchive

DAY = date(2023, 11, 15)
STATES: list[Market | Event] = [
    event("E1"),
    market("M1", "E1", ts=1),
    market("M1", "E1", ts=2, st="suspended", reason="var"),
    market("M2", "E2", ts=3),
    market("M3", "E1", ts=4, selections=()),
    market(
        "M4",
        "E1",
        ts=5,
        selections=(
            Selection("O1", "A", price=Price(3_000, 201), lay=3_050, size=7, ltp=2_980),
            Selection("O2", "B", st="inactive"),
        ),
    ),
    event("E1", state="ended"),
]


@pytest.fixture
async def filled(settings: DatabaseSettings, database: Database) -> Database:
    await migrate(settings)
    await MadeArchive(database).write((3_600 * place, state) for place, state in enumerate(STATES))
    return database


async def test_a_day_comes_back_as_it_was(filled: Database, tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    assert await exchange.export(filled, path, day=DAY, event=None) == len(STATES)
    assert [change.state for change in parquet.read(path)] == STATES
    same = exchange.Comparison(same=True, file=len(STATES), archive=len(STATES), first_difference=None)
    assert await exchange.compare(filled, path) == same
    assert pq.read_table(path).num_rows == len(STATES) + 1
    assert not path.with_suffix(".partial").exists()


async def test_an_event_is_exported_alone(filled: Database, tmp_path: Path) -> None:
    path = tmp_path / "event.parquet"
    assert await exchange.export(filled, path, day=None, event="E1") == len(STATES) - 1
    assert [change.state for change in parquet.read(path)] == [state for state in STATES if "E2" not in str(state)]
    assert (await exchange.compare(filled, path)).same


@pytest.mark.parametrize("how", ["DELETE FROM history.change", "UPDATE history.change SET ts = 9"])
async def test_a_difference_is_told(filled: Database, tmp_path: Path, how: str) -> None:
    path = tmp_path / "day.parquet"
    await exchange.export(filled, path, day=DAY, event=None)
    await filled.execute(f"{how} WHERE s = 3")
    found = await exchange.compare(filled, path)
    assert (found.same, found.first_difference) == (False, 3)


async def test_what_cannot_be_exported_or_read_is_refused(filled: Database, tmp_path: Path) -> None:
    with pytest.raises(NotInHistory, match="no changes of 2020-01-01"):
        await exchange.export(filled, tmp_path / "x.parquet", day=date(2020, 1, 1), event=None)
    with pytest.raises(NotInHistory, match="no changes of event E9"):
        await exchange.export(filled, tmp_path / "x.parquet", day=None, event="E9")
    (tmp_path / "bad.parquet").write_bytes(b"nothing")
    with pytest.raises(NotInHistory, match="not a Parquet file"):
        await exchange.compare(filled, tmp_path / "bad.parquet")
    assert msgspec.json.encode(await exchange.compare(filled, await _exported(filled, tmp_path)))


async def _exported(database: Database, directory: Path) -> Path:
    path = directory / "day.parquet"
    await exchange.export(database, path, day=DAY, event=None)
    return path
