"""A real Chromium, one for a whole test run, driven from a thread of its own: tests have an event loop each."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from playwright.async_api import Browser, Error, Page, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
"""`.ci/run` installs Debian's."""

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-features=LocalNetworkAccessChecks",
)
"""The last: pages.py serves pages from nowhere, which to Chromium is not this machine; a real gateway is."""

STARTING_S = 60.0
DOING_S = 100.0

T = TypeVar("T")


class Tab:
    """A page. `faults` are the errors that nothing in it caught, and what its console calls errors."""

    def __init__(self, chromium: Chromium, page: Page) -> None:
        self._chromium = chromium
        self.page = page
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)

    async def open(self, url: str) -> None:
        """Goes there."""
        await self._chromium.do(self.page.goto(url))

    async def run(self, script: str, argument: Any = None) -> Any:
        """Evaluates a function in the page; gives what it gives."""
        return await self._chromium.do(self.page.evaluate(script, argument))

    async def until(self, condition: str, argument: Any = None) -> None:
        """Waits until a function in the page gives true. Fails with what went wrong there."""
        try:
            await self._chromium.do(self.page.wait_for_function(condition, arg=argument, polling=20))
        except Error as error:
            raise AssertionError(f"never true: {condition}; faults: {self.faults}") from error

    async def picture(self, file: Path) -> None:
        """A screenshot."""
        await self._chromium.do(self.page.screenshot(path=file))

    async def close(self) -> None:
        """Closes it."""
        await self._chromium.do(self.page.close())


class Chromium:
    """The browser and the loop it lives in."""

    def __init__(self, loop: asyncio.AbstractEventLoop, browser: Browser) -> None:
        self._loop = loop
        self._browser = browser

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Does something in the browser's loop."""
        async with asyncio.timeout(DOING_S):
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def tab(self, url: str, **context: Any) -> Tab:
        """A page of its own, with no cookies and no cache of others, at this address."""
        tab = await self.do(self._made(context))
        await tab.open(url)
        return tab

    async def _made(self, context: dict[str, Any]) -> Tab:
        """In the browser's loop: to listen to a page is to tell the browser so, and its ids are of one thread."""
        return Tab(self, await self._browser.new_page(**context))


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Starts it; ends it at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="chromium")
    thread.start()

    def wait(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(STARTING_S)

    try:
        playwright = wait(async_playwright().start())
        try:
            browser = wait(playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS))
            try:
                yield Chromium(loop, browser)
            finally:
                wait(browser.close())
        finally:
            wait(playwright.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STARTING_S)
        loop.close()
