"""A real browser, where the machine has one: Chromium, headless, driven by playwright. Neither is a dependency."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


def missing() -> str | None:
    """What is not here, or None."""
    if CHROMIUM is None:
        return "no chromium on this machine (Debian: apt-get install chromium)"
    return None if find_spec("playwright") is not None else "playwright is not installed (pip install playwright)"


@contextlib.asynccontextmanager
async def page(url: str, *, width: int, height: int) -> AsyncIterator[Any]:
    """A page of a browser of its own, at this address."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 a development dependency

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            opened = await browser.new_page(viewport={"width": width, "height": height})
            await opened.goto(url)
            yield opened
        finally:
            await browser.close()
