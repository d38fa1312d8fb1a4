"""Every view of the desk on a whole stack with the simulator: it moves, axe finds nothing serious, nothing is blocked.

Pictures of every view, dark at a desktop's size and light at a tablet's, are left in PICTURES.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.browser.desk_page import DeskTab, Look, desk_tab
from tests.journeys.conftest import home, port
from tests.journeys.stack_process import stack

__all__ = ["home", "port"]

pytestmark = pytest.mark.journey

PICTURES = Path(__file__).with_name("pictures")
LOOKS = (Look("dark", 1280, 860), Look("light", 820, 1100, ["color-contrast"]))
SIGN_IN = """async () => { const answer = await fetch("/desk/sign-in/development", { method: "POST",
  headers: { "Content-Type": "application/json", "Desk-Request": "1" }, body: '{"account":"jo","role":"trader"}' });
  return answer.status; }"""
VIEWS = "async () => (await import('/desk/page/views.js')).VIEWS.map(({ name }) => name)"
FIRST = """() => { const row = document.querySelector(".row[data-state=live]:has(.px)"); return {
  event: row.querySelector("a").getAttribute("href"), market: row.querySelector(".px").dataset.market }; }"""
IS_THERE = """(shown) => document.querySelector(`nav a[aria-current][href="${shown}"]`) !== null
  && document.querySelector("#view > *") !== null && document.querySelector("#view .waiting") === null"""
FILLED = {"board": ".px b:not(:empty)", "event": ".ladder .px b:not(:empty)", "futures": ".field .px b:not(:empty)"}
FILLED |= {"line": ".choose li", "movement": ".chart canvas", "operations": ".heat canvas", "location": ".map path"}
FITS = "() => document.documentElement.scrollWidth <= innerWidth"


async def pictured(desk: DeskTab, name: str) -> list[str]:
    """Takes the pictures of a view; gives what axe finds."""
    issues: list[str] = []
    for look in LOOKS:
        await desk.looks(look)
        await desk.tab.picture(PICTURES / f"{name}-{look.name}.png")
        assert await desk.tab.run(FITS), (name, look)
        issues += [f"{name}, {look.name}: {issue}" for issue in await desk.serious(look.rules)]
    return issues


async def test_every_view(browser: Chromium, home: Path, port: int) -> None:
    PICTURES.mkdir(exist_ok=True)
    with stack("--events", "24", "--rate", "60", "--port", str(port), cwd=home) as up:
        up.until("ready in")
        url = f"http://127.0.0.1:{port}/desk/board"
        desk = await desk_tab(browser, url)
        await desk.stream_is("live")
        await desk.has(".px[data-move]")
        found = await desk.tab.run(FIRST)
        assert await desk.tab.run(SIGN_IN) == 200
        await desk.tab.open(url)
        views: list[str] = await desk.tab.run(VIEWS)
        pages = {view: f"/desk/{view}" for view in views}
        pages |= {"event": found["event"], "futures": "/desk/board/:future"}
        pages["movement"] = f"/desk/line/{found['market']}"
        issues: list[str] = []
        for name, path in pages.items():
            await desk.go(path)
            await desk.tab.until(IS_THERE, "/".join(path.split("/")[:3]))
            await desk.has(FILLED.get(name, "#view h1"))
            issues += await pictured(desk, name)
        await desk.clean()
        await desk.tab.close()
        assert issues == []
        assert up.end() == 0
