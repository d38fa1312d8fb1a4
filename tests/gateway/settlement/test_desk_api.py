"""Corrections, entered results and histories over REST, as a desk and as a user have them; PostgreSQL is real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import orjson
import pytest

from feeds.contract.model import Event, Market, Selection
from gateway.api.correction_schemas import BetHistory, Correction, Corrections, Graded, Impact, Named
from gateway.api.edge import App, Receive, Scope, Send
from gateway.settlement.corrections.desk import CorrectionsDesk
from gateway.settlement.corrections.settings import CorrectionSettings
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.gateway.api.odds import Odds
from tests.gateway.bets.worker import PATIENCE_S, one_postgres, principal
from tests.gateway.history.made import MadeArchive
from tests.gateway.settlement.ground import Ground, single

pytestmark = one_postgres

TOPIC = "football.nfl.E1"
EVENT = Event("E1", TOPIC, "Away @ Home", "2026-09-21T20:00:00Z", "ended", 1, "Home", "Away")
SIDES = (Selection("O1", "Home", side="home", line="-3.5"), Selection("O2", "Away", side="away", line="3.5"))
SPREAD = Market("M1", "E1", TOPIC, "main", "spread", "game", "alpha-0", 1, "closed", SIDES, line="-3.5")
ODD = msgspec.structs.replace(SPREAD, id="M2", type="first_to_sneeze")

QUARTERS = {"q1": (7, 0), "q2": (7, 3), "q3": (0, 7), "q4": (3, 3)}
"""17:13."""


def entered(**changes: tuple[int, int]) -> dict[str, Any]:
    """The body of an entered result."""
    scores = {part: {"home": home, "away": away} for part, (home, away) in (QUARTERS | changes).items()}
    return {"event": "E1", "entered": {"state": "final", "scores": scores}}


class Asked:
    """A gateway with corrections over one database; header `x-account` asks, `x-scope` with that scope."""

    def __init__(self, database: Database, settings: DatabaseSettings) -> None:
        self.odds = Odds(access=(_by_header,))
        self.desk = CorrectionsDesk(CorrectionSettings(batch_bets=1, pause_ms=0, approve_above=0))
        self.odds.gateway.corrections = self.desk
        self.ground = Ground(database)
        self._settings = settings

    async def __call__(self, method: str, path: str, body: Any = None, *, by: str = "jo", scope: str = "desk") -> Any:
        """The answer."""
        content = None if body is None else orjson.dumps(body)
        return await self.odds.client.request(
            method, path, content=content, headers={"x-account": by, "x-scope": scope}
        )

    async def said(self, kind: Any, method: str, path: str, body: Any = None, **how: Any) -> Any:
        """The JSON of a good answer, which is of this type."""
        answer = await self(method, path, body, **how)
        assert answer.status_code in (200, 201, 202), answer.text
        msgspec.json.decode(answer.content, type=kind)
        return answer.json()


def _by_header(app: App) -> App:
    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = scope["exchange"]
        account, wanted = exchange.headers.get(b"x-account"), exchange.headers.get(b"x-scope", b"desk")
        if account is not None:
            exchange.principal = principal(account.decode(), wanted.decode())
        await app(scope, receive, send)

    return layer


@pytest.fixture
async def asked(money: Database, settings: DatabaseSettings) -> AsyncIterator[Asked]:
    """Ann bet on Home -3.5, Cem on Away +3.5; Dia on what no house rule grades."""
    await MadeArchive(money).write([(0, EVENT), (1, SPREAD), (2, ODD)])
    made = Asked(money, settings)
    await made.ground.bets(single("B1", "ann"), single("B2", "cem", "O2"), single("B3", "dia", market="M2"))
    async with made.odds.client:
        running = asyncio.create_task(made.desk.run(settings))
        async with asyncio.timeout(PATIENCE_S):
            while made.desk.at is None:  # noqa: ASYNC110 it is there once the database is
                await asyncio.sleep(0.005)
        yield made
        running.cancel()
        await asyncio.wait((running,))


async def test_a_result_entered_and_corrected(asked: Asked) -> None:
    graded = await asked.said(Graded, "POST", "/v1/desk/results", entered())
    assert (graded["recorded"], graded["conflicts"]) == (["M1"], [])
    assert [(one["market"], one["code"]) for one in graded["not_graded"]] == [("M2", "no_rule")]
    await asked.ground.settle()
    assert await asked.ground.told("B1") == ("won", 2_000, 1)
    again = await asked.said(Graded, "POST", "/v1/desk/results", entered(q4=(3, 4)))
    assert (again["recorded"], again["conflicts"]) == ([], ["M1"])

    drafted = {
        "reason": "a point was missed",
        "results": [
            {
                "market": "M1",
                "event": "E1",
                "topic": TOPIC,
                "type": "spread",
                "selections": [{"id": "O1"}, {"id": "O2", "w": [1, 1]}],
            }
        ],
    }
    name = (await asked.said(Named, "POST", "/v1/desk/corrections", drafted))["id"]
    path = f"/v1/desk/corrections/{name}"
    impact = await asked.said(Impact, "POST", f"{path}/impact", {"dry_run": False})
    usd = impact["totals"]["by_currency"]["USD"]
    assert (usd["credits"], usd["debits"]) == ("20.00", "20.00")
    refused = await asked("POST", f"{path}/approve", {})
    assert (refused.status_code, refused.json()["code"]) == (403, "second_person")
    assert (await asked("POST", f"{path}/apply", {})).json()["code"] == "wrong_state"
    await asked.said(Correction, "POST", f"{path}/approve", {"hash": impact["hash"][:16]}, by="sam")
    await asked.said(Correction, "POST", f"{path}/apply", {})
    async with asyncio.timeout(PATIENCE_S):
        while (await asked.said(Correction, "GET", path))["state"] != "done":  # noqa: ASYNC110 another task's
            await asyncio.sleep(0.01)

    history = await asked.said(BetHistory, "GET", "/v1/bets/B1/history", by="ann", scope="bets")
    assert [(one["state"], one["payout"], one["cash"], one["correction"]) for one in history["items"]] == [
        ("won", "20.00", "20.00", None),
        ("lost", "0.00", "-20.00", name),
    ]
    assert history["items"][1]["reason"] == "a point was missed"
    assert (await asked("GET", "/v1/bets/B1/history", by="cem", scope="bets")).status_code == 404
    listed = await asked.said(Corrections, "GET", "/v1/desk/corrections?state=done")
    assert [one["id"] for one in listed["items"]] == [name]
    back = (await asked.said(Named, "POST", f"{path}/undo", {"reason": "it was right"}))["id"]
    await asked.said(Named, "POST", f"/v1/desk/corrections/{back}/abort", {"reason": "it was not"})


async def test_dry_runs_record_nothing(asked: Asked) -> None:
    graded = await asked.said(Graded, "POST", "/v1/desk/results", entered() | {"dry_run": True})
    assert (graded["recorded"], graded["graded"]) == ([], ["M1"])
    assert not await asked.ground.database.fetch("SELECT FROM settlement.saying")


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/v1/desk/results", {"event": "E9", "entered": {"state": "final"}}, "not_found"),
        ("POST", "/v1/desk/results", {"event": "E1", "entered": {"state": "soon"}}, "bad_body"),
        ("POST", "/v1/desk/corrections", {"reason": "r", "results": []}, "bad_body"),
        ("GET", "/v1/desk/corrections/Cnone", None, "not_found"),
        ("POST", "/v1/desk/corrections/Cnone/impact", {}, "not_found"),
        ("GET", "/v1/desk/corrections?state=soon", None, "bad_parameter"),
        (
            "POST",
            "/v1/desk/corrections",
            {"reason": "r", "results": [{"market": "M1", "event": "E1", "topic": TOPIC, "type": "spread"}]},
            "bad_result",
        ),
    ],
)
async def test_what_is_refused(asked: Asked, method: str, path: str, body: Any, code: str) -> None:
    answer = await asked(method, path, body)
    assert answer.json()["code"] == code


async def test_only_the_desk_may(asked: Asked) -> None:
    for method, path in (
        ("GET", "/v1/desk/corrections"),
        ("POST", "/v1/desk/corrections"),
        ("POST", "/v1/desk/results"),
    ):
        answer = await asked(method, path, {}, by="ann", scope="bets")
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
