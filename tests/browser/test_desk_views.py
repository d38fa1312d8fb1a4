"""Every view of the desk on a whole stack with the simulator: it moves, axe finds nothing serious, nothing is blocked.

Pictures of every view, dark at a desktop's size and light at a tablet's, are left in PICTURES.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.browser.desk_page import DeskTab, desk_tab
from tests.journeys.conftest import home, port
from tests.journeys.stack_process import stack

__all__ = ["home", "port"]

pytestmark = pytest.mark.journey

PICTURES = Path(__file__).with_name("pictures")
LOOKS = {
    "dark-1280": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "light-820": {"viewport": {"width": 820, "height": 1100}, "color_scheme": "light"},
}
SIGN_IN = """async () => { const answer = await fetch("/desk/sign-in/development", { method: "POST",
  headers: { "Content-Type": "application/json", "Desk-Request": "1" }, body: '{"account":"jo","role":"trader"}' });
  return answer.status; }"""
VIEWS = "async () => (await import('/desk/page/views.js')).VIEWS.map(({ name }) => name)"
FIRST = """() => { const row = document.querySelector(".row[data-state=live]:has(.px)"); return {
  event: row.querySelector("a").getAttribute("href"), market: row.querySelector(".px").dataset.market }; }"""
IS_THERE = "() => document.querySelector('#view > *') !== null && document.querySelector('#view .waiting') === null"


RULES = {"dark-1280": None, "light-820": ["color-contrast"]}
"""What axe looks for: all of it once, and the other theme's colours."""


async def pictured(desk: DeskTab, name: str, look: str) -> list[str]:
    """Takes the picture; gives what axe finds."""
    await desk.tab.until(IS_THERE)
    PICTURES.mkdir(exist_ok=True)
    await desk.tab.picture(PICTURES / f"{name}-{look}.png")
    return [f"{name}, {look}: {issue}" for issue in await desk.serious(RULES[look])]


async def test_every_view(browser: Chromium, home: Path, port: int) -> None:
    with stack("--events", "24", "--rate", "60", "--port", str(port), cwd=home) as up:
        up.until("ready in")
        url = f"http://127.0.0.1:{port}/desk"
        issues: list[str] = []
        for look, context in LOOKS.items():
            desk = await desk_tab(browser, f"{url}/board", **context)
            await desk.stream_is("live")
            await desk.has(".px[data-move]")
            found = await desk.tab.run(FIRST)
            assert await desk.tab.run(SIGN_IN) == 200
            views: list[str] = await desk.tab.run(VIEWS)
            pages = {view: f"{url}/{view}" for view in views} | {
                "event": f"http://127.0.0.1:{port}{found['event']}",
                "futures": f"{url}/board/:future",
                "movement": f"{url}/line/{found['market']}",
            }
            for name, address in pages.items():
                await desk.tab.open(address)
                if name == "movement":
                    await desk.has(".chart canvas")
                elif name in ("board", "event", "futures"):
                    await desk.has(".px b:not(:empty)")
                issues += await pictured(desk, name, look)
                assert await desk.tab.run("() => document.documentElement.scrollWidth <= innerWidth"), (name, look)
                await desk.clean()
            await desk.tab.close()
        assert issues == []
        assert up.end() == 0
