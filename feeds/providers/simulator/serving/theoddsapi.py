"""The simulator as The Odds API: its version 4 endpoints over HTTP on loopback, with quotas, ETags and faults.

Owns addresses, keys, the count of credits and what goes wrong on command. Each resource (an address and its query) is a
line of its own: what a fault adds to it waits for the next requests. `silence` is a request without an answer,
`reordering` and `replay` answer with older snapshots, `duplicates` with the same one again, `garbage` with none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from feeds.contract.model import FeedState
from feeds.contract.results import MarketResult
from feeds.ports import State
from feeds.providers.clock import unix_ms
from feeds.providers.simulator.serving.faults import FaultyLine
from feeds.providers.simulator.serving.theoddsapi_answers import BOOKMAKER, Answers, PriceFormat
from feeds.providers.simulator.serving.uvicorn_server import serving

KEY: Final = "simulated"
QUOTA: Final = 1_000_000_000
PENDING_MAX: Final = 64
"""Answers of a resource that wait because of a fault; beyond it the oldest are dropped."""
KEPT_MAX: Final = 64
"""Answers of a resource that are kept for a replay."""
RESOURCES_MAX: Final = 10_000
COMMANDS_MAX: Final = 1_000
"""Commands that also hold for resources asked for later."""


class _Resource:
    """One line: an address and its query."""

    def __init__(self, seed: int) -> None:
        self.line = FaultyLine(seed, replayed_max=KEPT_MAX)
        self.pending: deque[bytes] = deque(maxlen=PENDING_MAX)
        self.last: bytes | None = None


class OddsApiServer:
    """A FeedSink (feeds/ports.py) that answers with what was put. `requests` counts what was asked."""

    def __init__(self, *, key: str = KEY, quota: int = QUOTA, seed: int = 0) -> None:
        self.answers = Answers()
        self.remaining = quota
        self.used = 0
        self.requests = 0
        self._key = key
        self._seed = seed
        self._resources: dict[str, _Resource] = {}
        self._commands: deque[tuple[str, int]] = deque(maxlen=COMMANDS_MAX)
        self.app = Starlette(
            routes=[
                Route("/v4/sports", self._sports),
                Route("/v4/sports/{sport}/odds", self._odds),
                Route("/v4/sports/{sport}/events/{event}/odds", self._event_odds),
                Route("/v4/sports/{sport}/scores", self._scores),
            ]
        )

    def put(self, states: Iterable[State]) -> None:
        """See FeedSink."""
        self.answers.put(states)

    def results(self, results: Iterable[MarketResult]) -> None:
        """See FeedSink. The Odds API tells no results."""

    def health(self, state: FeedState) -> None:
        """See FeedSink. The Odds API tells nothing of itself."""

    def command(self, words: str) -> None:
        """A fault on every resource, `KIND SECONDS`. Raises Refused("bad_fault")."""
        now_ms = unix_ms()
        FaultyLine().command(words, now_ms)
        self._commands.append((words, now_ms))
        for resource in self._resources.values():
            resource.pending.extend(resource.line.command(words, now_ms))

    @property
    def faulty(self) -> bool:
        """Whether any fault goes on."""
        now_ms = unix_ms()
        return any(resource.line.faulty(now_ms) for resource in self._resources.values())

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[int]:
        """Serves meanwhile on a loopback port, a free one where it is 0. Gives the port."""
        async with serving(self.app, port) as bound:
            yield bound

    async def _sports(self, request: Request) -> Response:
        sports = [{"key": sport, "active": True} for sport in self.answers.sports()]
        return await self._answer(request, sports, cost=0)

    async def _odds(self, request: Request) -> Response:
        sport = request.path_params["sport"]
        if sport not in self.answers.sports():
            return _problem(404, "UNKNOWN_SPORT", "Unknown sport")
        keys = _keys(request)
        return await self._answer(request, self.answers.odds(sport, keys, _price_format(request)), cost=len(keys))

    async def _event_odds(self, request: Request) -> Response:
        sport, event_id = request.path_params["sport"], request.path_params["event"]
        keys = _keys(request)
        event = self.answers.event_odds(sport, event_id, keys, _price_format(request))
        if event is None:
            return _problem(404, "EVENT_NOT_FOUND", "Event not found")
        return await self._answer(request, event, cost=len(keys))

    async def _scores(self, request: Request) -> Response:
        completed = "daysFrom" in request.query_params
        scores = self.answers.scores(request.path_params["sport"], completed=completed)
        return await self._answer(request, scores, cost=2 if completed else 1)

    async def _answer(self, request: Request, content: object, *, cost: int) -> Response:
        self.requests += 1
        if request.query_params.get("apiKey") != self._key:
            return _problem(401, "INVALID_KEY", "API key is not valid")
        if cost > self.remaining:
            return _problem(401, "OUT_OF_USAGE_CREDITS", "Usage quota has been reached", self._quota(0))
        if BOOKMAKER not in request.query_params.get("bookmakers", BOOKMAKER).split(","):
            return _problem(422, "INVALID_BOOKMAKERS", f"There is one bookmaker here: {BOOKMAKER}")
        body = self._through_faults(request, orjson.dumps(content))
        if body is None:
            await _disconnected(request)
            return Response(status_code=503)
        etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag, **self._quota(0)})
        return Response(body, media_type="application/json", headers={"etag": etag, **self._quota(cost)})

    def _through_faults(self, request: Request, body: bytes) -> bytes | None:
        """What is answered in place of a body; None: nothing is."""
        now_ms = unix_ms()
        resource = self._resource(request)
        if resource.line.active("silence", now_ms):
            return None
        if not resource.pending:
            resource.pending.extend(resource.line.send(body, now_ms))
        resource.last = resource.pending.popleft() if resource.pending else resource.last
        return resource.last

    def _resource(self, request: Request) -> _Resource:
        query = "&".join(f"{name}={value}" for name, value in request.query_params.multi_items() if name != "apiKey")
        name = f"{request.url.path}?{query}"
        resource = self._resources.get(name)
        if resource is None:
            if len(self._resources) >= RESOURCES_MAX:
                self._resources.clear()
            resource = self._resources[name] = _Resource(self._seed + len(self._resources))
            for words, at_ms in self._commands:
                resource.line.command(words, at_ms)
        return resource

    def _quota(self, cost: int) -> dict[str, str]:
        self.remaining -= cost
        self.used += cost
        return {
            "x-requests-remaining": str(self.remaining),
            "x-requests-used": str(self.used),
            "x-requests-last": str(cost),
        }


async def _disconnected(request: Request) -> None:
    """Until the client gives up."""
    while (await request.receive())["type"] != "http.disconnect":
        continue


def _problem(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    body = orjson.dumps({"message": message, "error_code": code})
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def _keys(request: Request) -> frozenset[str]:
    return frozenset(request.query_params.get("markets", "h2h").split(","))


def _price_format(request: Request) -> PriceFormat:
    return "american" if request.query_params.get("oddsFormat") == "american" else "decimal"
