"""A scratch database with bets that were settled and corrected, for what is planted in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bench.chaos.checkers.database import reading
from gateway.store.migrations import migrate
from gateway.store.settings import DatabaseSettings
from tests.gateway.bets.worker import money_pool
from tests.gateway.conftest import postgres, settings
from tests.gateway.settlement.ground import Ground, parlay, single
from tests.gateway.settlement.results import LOST, WON, said

__all__ = ["postgres", "settings"]

SAID = [said("M1", 1), said("M1", 2, x={"O1": LOST, "O2": WON}), said("M2", 3)]


@pytest.fixture
async def scratch(settings: DatabaseSettings) -> AsyncIterator[Any]:
    """A connection of a superuser to it."""
    await migrate(settings)
    async with money_pool(settings) as database:
        ground = Ground(database)
        await ground.bets(single("B1", "ann"), single("B2", "bob", "O2"), parlay("B3", "ann", "M2", "M3"))
        for each in SAID:
            await ground.say(each)
    async with reading(settings.url.get_secret_value()) as connection:
        yield connection
