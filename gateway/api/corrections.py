"""Endpoints of corrections and of entered results, for the desk; and of a bet's history. They translate: what is
decided is decided in gateway/settlement. Who asks is the token's account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from feeds.contract.errors import Refused
from feeds.contract.ids import ID_PATTERN
from gateway.api.calls import Asking, Endpoint, Said, there
from gateway.api.correction_schemas import drafted
from gateway.settlement.corrections.desk import Working
from gateway.settlement.corrections.telling import job_said, shown_said, totals_said

Body = dict[str, Any]


class CorrectionEndpoints:
    """By the names in routes.py. `at` gives None while there is no database."""

    def __init__(self, at: Callable[[], Working | None]) -> None:
        self._at_or_none = at
        self.by_name: dict[str, Endpoint] = {
            "bet_history": self._history,
            "corrections": self._list,
            "correction": self._show,
            "draft_correction": self._draft,
            "compute_correction": self._impact,
            "approve_correction": self._approve,
            "apply_correction": self._apply,
            "abort_correction": self._abort,
            "undo_correction": self._undo,
            "enter_result": self._enter,
        }

    @property
    def _at(self) -> Working:
        return there(self._at_or_none())

    async def _history(self, asking: Asking) -> Said:
        steps = await self._at.history.of(asking.account, _id(asking))
        if steps is None:
            raise Refused("not_found", "")
        return _said({"items": steps, "next_page_token": None})

    async def _list(self, asking: Asking) -> Said:
        jobs = await self._at.corrections.jobs(state=asking.query.state)
        return _said({"items": [job_said(job) for job in jobs], "next_page_token": None})

    async def _show(self, asking: Asking) -> Said:
        return _said(shown_said(await self._at.corrections.show(_id(asking))))

    async def _draft(self, asking: Asking) -> Said:
        body = asking.body
        name = await self._at.corrections.draft(body.said(), reason=body.reason, by=asking.account)
        return _said({"id": name}, 201)

    async def _impact(self, asking: Asking) -> Said:
        found = await self._at.corrections.impact(_id(asking), by=asking.account, dry=asking.body.dry_run)
        return _said({"hash": found.hash, "totals": totals_said(found.totals.said())})

    async def _approve(self, asking: Asking) -> Said:
        job = await self._at.corrections.approve(_id(asking), by=asking.account, digest=asking.body.hash)
        return _said(job_said(job))

    async def _apply(self, asking: Asking) -> Said:
        at, name = self._at, _id(asking)
        job = (await at.corrections.show(name)).job
        if job.state not in ("approved", "applying", "verifying"):
            raise Refused("wrong_state", f"correction {name} is {job.state}")
        at.apply(name, asking.account)
        return _said(job_said(job), 202)

    async def _abort(self, asking: Asking) -> Said:
        back = await self._at.corrections.abort(_id(asking), by=asking.account, reason=asking.body.reason)
        return _said({"id": back})

    async def _undo(self, asking: Asking) -> Said:
        name = await self._at.corrections.undo(_id(asking), by=asking.account, reason=asking.body.reason)
        return _said({"id": name}, 201)

    async def _enter(self, asking: Asking) -> Said:
        entering, body = self._at.entering, asking.body
        graded = await entering.grade(body.event, body.entered)
        if not body.dry_run:
            await entering.record(graded)
        return _said(
            {
                "recorded": [] if body.dry_run else [one.result.market for one in graded.fresh],
                "graded": [one.result.market for one in (*graded.fresh, *graded.same, *graded.other)],
                "conflicts": [one.result.market for one in graded.other],
                "drafts": [msgspec.to_builtins(drafted(one)) for one in graded.other],
                "not_graded": [one._asdict() for one in graded.not_graded],
            }
        )


def _id(asking: Asking) -> str:
    name: str = asking.path["id"]
    if not ID_PATTERN.match(name):
        raise Refused("bad_parameter", "id: not an id")
    return name


def _said(body: Body, status: int = 200) -> Said:
    return Said(status, orjson.dumps(body))
