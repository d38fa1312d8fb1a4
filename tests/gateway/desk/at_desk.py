"""A gateway with the desk's page over ASGI, and people who sign in there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from gateway.access.settings import AccessSettings
from gateway.desk.settings import PageSettings
from tests.gateway.api.odds import Odds

HEADER = {"Desk-Request": "1"}
LOCAL = "http://127.0.0.1"


def at_desk(directory: Path, *, anonymous: bool = False, page: PageSettings | None = None, **more: Any) -> Odds:
    """With the development keys of a directory; its client is at 127.0.0.1, as a browser there."""
    access = AccessSettings(environment="development", development_dir=directory, anonymous=anonymous)
    odds = Odds(guarded=access, page=page, **more)
    odds.client.base_url = httpx.URL(LOCAL)
    return odds


async def sign_in(odds: Odds, account: str = "jo", role: str = "trader") -> httpx.Response:
    """By the development keys; the client keeps the cookie."""
    return await odds.client.post("/desk/sign-in/development", json={"account": account, "role": role}, headers=HEADER)
