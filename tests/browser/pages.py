"""The module as a page gets it, without a gateway: files of this tree under an address that nobody serves."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Route

from tests.browser.chromium import Chromium, Tab

ORIGIN = "http://localhost:1"
MODULE = Path(__file__).parents[2] / "gateway/api/page/oddswire.js"
_FILES = {"/sdk/oddswire.js": MODULE, "/player.js": Path(__file__).with_name("player.js")}
_DESK = Path(__file__).parents[2] / "gateway/desk/page"
"""Files of the desk's page, below /desk/page."""

_PAGE = '<!doctype html><title>test</title><script type="module" src="{script}"></script>'


async def module_tab(browser: Chromium, script: str = "/sdk/oddswire.js") -> Tab:
    """A tab with the module at hand as `import("/sdk/oddswire.js")`, which loads this script."""

    async def serve(route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        file = _FILES.get(path)
        if path.startswith("/desk/page/"):
            file = _DESK / path.removeprefix("/desk/page/")
        if file is not None:
            await route.fulfill(body=file.read_text(), content_type="text/javascript")
        else:
            await route.fulfill(body=_PAGE.format(script=script), content_type="text/html")

    tab = await browser.tab("about:blank")
    await browser.do(tab.page.route(f"{ORIGIN}/**", serve))
    await tab.open(ORIGIN)
    return tab
