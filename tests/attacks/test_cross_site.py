"""Another site's page in a customer's browser."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.attacks.conftest import ANSWER_S, Target

pytestmark = pytest.mark.proof

EVIL = "https://evil.example"


def test_no_other_origin_reads_an_account(target: Target) -> None:
    token = target.customer("surfer").token
    for headers in ({}, {"Authorization": f"Bearer {token}"}):
        said = httpx.get(f"{target.api}/v1/wallet", headers={"Origin": EVIL, **headers}, timeout=ANSWER_S)
        assert said.headers.get("access-control-allow-origin") in (None, ""), said.headers
        assert "access-control-allow-credentials" not in said.headers
    said = httpx.options(
        f"{target.api}/v1/bets",
        headers={
            "Origin": EVIL,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        },
        timeout=ANSWER_S,
    )
    assert said.headers.get("access-control-allow-origin") in (None, "")


def test_a_form_of_another_site_moves_no_money(target: Target) -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
        said = httpx.post(
            f"{target.api}/v1/wallet/withdrawals",
            content=b'{"amount":"1.00","currency":"USD"}',
            headers={"Origin": EVIL, "Content-Type": kind, "Cookie": "session=1"},
            timeout=ANSWER_S,
        )
        assert said.status_code == 401, (kind, said.text)


def test_a_socket_of_another_site_hears_no_account(target: Target) -> None:
    async def opened() -> str:
        try:
            async with connect(target.stream, origin=EVIL) as line:  # type: ignore[arg-type]
                await line.send(json.dumps({"op": "subscribe", "id": 1, "topics": ["account"]}))
                async with asyncio.timeout(ANSWER_S):
                    while (said := json.loads(await line.recv()))["t"] not in ("error", "account"):
                        pass
                    return str(said["t"])
        except InvalidStatus as refused:
            assert refused.response.status_code == 403  # noqa: PT017 what else it may be is a fault
            return "refused"

    assert asyncio.run(opened()) in ("refused", "error")
