"""The desk's page as tests see it: what it shows, what its policy blocked, what axe finds."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.chromium import Chromium, Tab

_WATCH = """
globalThis.blocked = [];
globalThis.streamStates = [];
addEventListener("securitypolicyviolation", (event) => blocked.push(`${event.violatedDirective} ${event.blockedURI}`));
addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
  const state = document.getElementById("stream")?.dataset.state;
  if (state && state !== streamStates.at(-1)) streamStates.push(state);
}).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] }));
globalThis.moves = new Set();
addEventListener("DOMContentLoaded", () => new MutationObserver((changes) => {
  for (const { target: { dataset } } of changes) moves.add(`${dataset.market} ${dataset.selection} ${dataset.move}`);
}).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["data-move"] }));
"""

_CELL = "document.querySelector(`.px[data-market=${CSS.escape(market)}][data-selection=${CSS.escape(selection)}]`)"
SHOWS = f"""([market, selection, st, price]) => {{
  const cell = {_CELL};
  return cell !== null && cell.dataset.st === st && cell.querySelector("b").textContent === price;
}}"""
FLASHED = "([market, selection, way]) => moves.has(`${market} ${selection} ${way}`)"
STREAM_IS = "(state) => document.getElementById('stream')?.dataset.state === state"
MINUS = "\u2212"


_GO = "(path) => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }"


class Look(NamedTuple):
    """A screen, a theme, and what axe looks for: None for all it knows."""

    scheme: Literal["dark", "light"]
    width: int
    height: int
    rules: list[str] | None = None

    @property
    def name(self) -> str:
        """`dark-1280`."""
        return f"{self.scheme}-{self.width}"


class DeskTab:
    """A tab with the page. `faults`: errors that nothing in it caught."""

    def __init__(self, browser: Chromium, tab: Tab) -> None:
        self._browser = browser
        self.tab = tab

    async def shows(self, market: str, st: str, price: str, selection: str = "O1") -> None:
        """Waits until a cell of the board does."""
        await self.tab.until(SHOWS, [market, selection, st, price])

    async def flashed(self, market: str, way: str, selection: str = "O1") -> None:
        """Waits until a cell has shown that its price went up or down: for less than a second, so it is noted down."""
        await self.tab.until(FLASHED, [market, selection, way])

    async def stream_is(self, state: str) -> None:
        """Waits until the page says so of its stream."""
        await self.tab.until(STREAM_IS, state)

    async def go(self, path: str) -> None:
        """To another address of the desk, as its links do: without a request."""
        await self.tab.run(_GO, path)

    async def looks(self, look: Look) -> None:
        """The same page on another screen, in another theme."""
        page = self.tab.page
        await self._browser.do(page.set_viewport_size({"width": look.width, "height": look.height}))
        await self._browser.do(page.emulate_media(color_scheme=look.scheme))

    async def press(self, *keys: str) -> None:
        """One key after the other."""
        for key in keys:
            await self._browser.do(self.tab.page.keyboard.press(key))

    async def type(self, text: str) -> None:
        """Into what has the focus."""
        await self._browser.do(self.tab.page.keyboard.type(text))

    async def has(self, selector: str) -> None:
        """Waits until there is such an element."""
        await self.tab.until("(selector) => document.querySelector(selector) !== null", selector)

    async def serious(self, rules: list[str] | None = None) -> list[str]:
        """What axe-core finds that is serious or critical, each with the first element. `rules`: these alone."""
        if not await self.tab.run("() => 'axe' in globalThis"):
            await self.tab.run(f"() => {{ {AXE_SCRIPT} }}")
        options = {"resultTypes": ["violations"], **({} if rules is None else {"runOnly": rules})}
        found: dict[str, Any] = await self.tab.run("(options) => axe.run(document, options)", options)
        return [
            f"{issue['id']}: {issue['nodes'][0]['html'][:160]} {issue['nodes'][0]['failureSummary']}"
            for issue in found["violations"]
            if issue["impact"] in ("serious", "critical")
        ]

    async def clean(self) -> None:
        """Fails where the policy blocked something, or an error was not caught."""
        blocked = await self.tab.run("() => blocked")
        assert blocked == [], blocked
        assert self.tab.faults == [], self.tab.faults


async def desk_tab(browser: Chromium, url: str, **context: Any) -> DeskTab:
    """A tab at an address of the desk."""
    tab = await browser.tab("about:blank", **context)
    await browser.do(tab.page.add_init_script(_WATCH))
    await tab.open(url)
    return DeskTab(browser, tab)
