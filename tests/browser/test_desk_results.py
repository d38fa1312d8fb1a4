"""A result and its correction in a real Chromium: entered, recorded, found wrong, drafted, approved by another."""

from __future__ import annotations

import pytest

from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.browser.desk_page import DeskTab
from tests.browser.test_desk_controls import SAYS, Stage, stage
from tests.gateway.bets.worker import one_postgres
from tests.gateway.conftest import postgres, settings
from tests.gateway.history.made import MadeArchive
from tests.gateway.settlement.conftest import money
from tests.gateway.settlement.ground import Ground, single
from tests.gateway.settlement.test_desk_api import EVENT, ODD, QUARTERS, SPREAD

__all__ = ["money", "postgres", "settings", "stage"]

pytestmark = [pytest.mark.journey, one_postgres]

STEP = ".correction .steps [aria-current]"


@pytest.fixture
async def ground(money: Database, settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """Ann bet on Home -3.5, Cem on Away +3.5, Dia on what no rule grades; every correction needs a second person."""
    monkeypatch.setenv("ODDSWIRE_DATABASE_URL", settings.url.get_secret_value())
    monkeypatch.setenv("ODDSWIRE_CORRECTION_APPROVE_ABOVE", "0")
    monkeypatch.setenv("ODDSWIRE_CORRECTION_PAUSE_MS", "0")
    await MadeArchive(money).write([(0, EVENT), (1, SPREAD), (2, ODD)])
    made = Ground(money)
    await made.bets(single("B1", "ann"), single("B2", "cem", "O2"), single("B3", "dia", market="M2"))
    return made


async def confirmed(stage: Stage, desk: DeskTab, button: str) -> None:
    """Presses a button and says yes; waits until it is done."""
    await stage.click(desk, f"button[name={button}]")
    await stage.click(desk, "dialog[open] button[name=confirm]")
    await desk.tab.until("() => document.querySelector('dialog[open]') === null")


async def test_a_result_is_corrected_by_two_people(ground: Ground, stage: Stage) -> None:
    jo = await stage.tab("results", "jo")
    await stage.browser.do(jo.tab.page.select_option("select[name=event]", "E1"))
    for part, (home, away) in QUARTERS.items():
        await stage.fill(jo, f"input[name={part}-home]", str(home))
        await stage.fill(jo, f"input[name={part}-away]", str(away))
    await stage.click(jo, "button[name=look]")
    await jo.tab.until(SAYS, [".graded", "1 markets as graded"])
    await jo.tab.until(SAYS, [".graded", "1 not graded"])
    assert await ground.told("B1") == ("accepted", None, 0), "a look records nothing"
    await confirmed(stage, jo, "record")
    await ground.settle()
    assert await ground.told("B1") == ("won", 2_000, 1)

    await stage.fill(jo, "input[name=q4-away]", "4")
    await stage.click(jo, "button[name=look]")
    await jo.tab.until(SAYS, [".graded", "1 have another result"])
    await stage.click(jo, "button[name=draft]")
    await stage.confirm(jo, "A point was missed")
    await jo.tab.until(SAYS, [".correction h2", "A point was missed"])
    await confirmed(stage, jo, "impact")
    await jo.tab.until(SAYS, [".correction .figures-of", "20.00"])
    assert await jo.tab.run("() => document.querySelector('button[name=approve]').disabled"), "not by who drafted it"

    ann = await stage.tab(await jo.tab.run("() => location.pathname.slice('/desk/'.length)"), "ann")
    await confirmed(stage, ann, "approve")
    await jo.tab.until(SAYS, [STEP, "Approved"])
    assert await ground.told("B1") == ("won", 2_000, 1), "approved is not applied"
    await confirmed(stage, jo, "apply")
    for desk in (jo, ann):
        await desk.tab.until(SAYS, [STEP, "Done"])
    assert (await ground.told("B1"))[:2] == ("lost", 0)
    assert (await ground.told("B2"))[:2] == ("won", 2_000)
    for desk in (jo, ann):
        await desk.clean()
        await desk.tab.close()
