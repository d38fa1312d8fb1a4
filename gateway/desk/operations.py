"""How everything is, for the desk: made once for all who look, at most once a second, and at no cost where nobody does.

Shards and gateways say themselves how they are, in the registry; feeds beat in the log; what the house may lose stands
in PostgreSQL, and is asked for less often. Where one of them is away the rest is told, and that it is away.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import NamedTuple

import structlog

from fanout.contract.fleet import LAG_BOUNDS_MS, DrainProgress, ShardStatus
from feeds.contract.coordination import Coordination, Unavailable
from feeds.contract.errors import Refused
from gateway.desk.flow import STEP_MS, Column, Columns, Flow
from gateway.desk.shared import Shared
from gateway.desk.status import GATEWAYS, INTERVAL_S, TTL_S, GatewayStatus, decode_gateway, encode_gateway
from gateway.read.book import ReadBook
from gateway.store.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

AGE_S = 1.0
EXPOSURE_AGE_S = 5.0
EXPOSURE_S = 3.0
"""For the question to PostgreSQL."""

EVENTS_MAX = 50
"""Events of the greatest exposure that are told."""

RATES_S = 60.0
"""Refusals are told for the last minute, as far as it is known here."""


class Feed(NamedTuple):
    """One source: a feed in one lane. `age_ms`: of its newest beat; `per_s`: states of markets a second."""

    source: str
    lane: int
    state: str
    age_ms: int
    per_s: float


class Rates(NamedTuple):
    """Of all workers: a second's worth now, and refusals of the last minute by reason."""

    requests_per_s: float
    bets_per_s: float
    refused: Mapping[str, int]
    shed: Mapping[str, int]


class Exposed(NamedTuple):
    """What the house would lose on an event if in each market the worst selection won, in minor units."""

    event: str
    currency: str
    stakes: int
    liability: int
    markets: int


class Snapshot(NamedTuple):
    """All of it. `missing`: what is away."""

    at_ms: int
    shards: tuple[ShardStatus, ...]
    feeds: tuple[Feed, ...]
    gateways: tuple[GatewayStatus, ...]
    rates: Rates
    exposure: tuple[Exposed, ...]
    missing: tuple[str, ...]


class Around(NamedTuple):
    """What it is made of. `exposures`: currency, market, stakes and worst liability of each market, None while there is
    no database; `drain`: has a shard drain within so many seconds, gives what it says first."""

    book: ReadBook
    shards: Callable[[], Iterable[ShardStatus]]
    shards_away: Callable[[], bool]
    coordination: Coordination
    exposures: Callable[[], Awaitable[Iterable[tuple[str, str, int, int]]] | None]
    drain: Callable[[str, float | None], Awaitable[DrainProgress]]
    own: Callable[[], GatewayStatus]


class Operations:
    """Of one worker. `flow` is told of every state of a market."""

    def __init__(self, around: Around, flow: Flow) -> None:
        self.flow = flow
        self.shard_lags = Columns()
        self._around = around
        self._snapshot = Shared(self._made, age_s=AGE_S)
        self._exposure = Shared(self._exposed, age_s=EXPOSURE_AGE_S)
        self._told: list[tuple[float, dict[str, GatewayStatus]]] = []
        self._told_away = False

    async def snapshot(self) -> Snapshot:
        """As it is, at most a second old."""
        return await self._snapshot.get()

    def delays(self, since_ms: int) -> dict[str, list[Column]]:
        """Columns of the heat map after a time, by stage."""
        return {"bus": self.flow.columns.since(since_ms), "shard": self.shard_lags.since(since_ms)}

    async def drain(self, shard: str, *, window_s: float | None, by: str, reason: str) -> int:
        """Has a shard drain; gives how many devices are to move. Raises Refused("not_found" | "shard_silent")."""
        if shard not in {one.name for one in self._around.shards()}:
            raise Refused("not_found", f"there is no shard {shard}")
        log.warning("drain_ordered", shard=shard, by=by, reason=reason)
        progress = await self._around.drain(shard, window_s)
        self._snapshot.forget()
        return progress.devices

    async def run(self) -> None:
        """Tells how this worker is, and keeps the columns, until cancelled."""
        while True:
            now_ms = _now_ms()
            self.flow.look(now_ms)
            self.shard_lags.add(now_ms // STEP_MS * STEP_MS, _summed(one.lags for one in self._around.shards()))
            own = self._around.own()
            try:
                await self._around.coordination.put(GATEWAYS, own.name, value=encode_gateway(own), ttl_s=TTL_S)
                self._told_away = False
            except (Unavailable, Refused) as error:
                if not self._told_away:
                    log.warning("gateway_untold", why=str(error))
                self._told_away = True
            await asyncio.sleep(INTERVAL_S)

    async def _made(self) -> Snapshot:
        around, missing = self._around, []
        gateways: tuple[GatewayStatus, ...] = ()
        try:
            gateways = await self._gateways()
        except (Unavailable, Refused):
            missing.append("coordination")
        exposure: tuple[Exposed, ...] = ()
        try:
            exposure = await self._exposure.get()
        except (DatabaseUnavailable, TimeoutError):
            missing.append("database")
        if around.shards_away() and "coordination" not in missing:
            missing.append("coordination")
        now_ms = _now_ms()
        self.flow.look(now_ms)
        return Snapshot(
            at_ms=now_ms,
            shards=tuple(around.shards()),
            feeds=tuple(_feeds(around.book, self.flow.rates, now_ms)),
            gateways=gateways,
            rates=self._rates(gateways),
            exposure=exposure,
            missing=tuple(missing),
        )

    async def _gateways(self) -> tuple[GatewayStatus, ...]:
        found = []
        for record in await self._around.coordination.scan(GATEWAYS):
            try:
                found.append(decode_gateway(record.value))
            except Refused as refusal:  # of another version
                log.warning("gateway_entry_refused", gateway=record.name, why=str(refusal))
        return tuple(sorted(found, key=lambda one: one.name))

    def _rates(self, gateways: Iterable[GatewayStatus]) -> Rates:
        """From what was told before: the last time for a second's worth, a minute ago for what is refused."""
        now_s, now = time.monotonic(), {one.name: one for one in gateways}
        self._told = [told for told in self._told if told[0] > now_s - RATES_S] or self._told[-1:]
        recent = next((told for told in reversed(self._told) if told[0] <= now_s - 2 * INTERVAL_S), None)
        requests, bets = (0.0, 0.0) if recent is None else _per_s(recent[1], now)
        first = self._told[0][1] if self._told else now
        self._told.append((now_s, now))
        return Rates(
            requests,
            bets,
            _grown(first, now, lambda one: one.refused),
            _grown(first, now, lambda one: one.shed),
        )

    async def _exposed(self) -> tuple[Exposed, ...]:
        """Raises DatabaseUnavailable, TimeoutError."""
        asked = self._around.exposures()
        if asked is None:
            return ()
        async with asyncio.timeout(EXPOSURE_S):
            rows = await asked
        sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        for currency, market, stakes, liability in rows:
            found = self._around.book.market(market)
            if found is not None:
                total = sums[found[1].state.event, currency]
                for place, value in enumerate((stakes, max(liability, 0), 1)):
                    total[place] += value
        exposed = [Exposed(event, currency, *total) for (event, currency), total in sums.items()]
        return tuple(sorted(exposed, key=lambda one: -one.liability)[:EVENTS_MAX])


def _feeds(book: ReadBook, rates: Mapping[str, float], now_ms: int) -> Iterable[Feed]:
    for lane in book.lanes:
        for source, age_ms in sorted(lane.sources.ages_ms(now_ms).items()):
            state = lane.sources.not_live().get(source, "live")
            yield Feed(source, lane.number, state, age_ms, rates.get(source, 0.0))


def _per_s(before: Mapping[str, GatewayStatus], now: Mapping[str, GatewayStatus]) -> tuple[float, float]:
    """Requests and bets a second, of workers that are the same as before."""
    requests = bets = 0.0
    for name, one in now.items():
        was = before.get(name)
        if was is not None and was.since_ms == one.since_ms and one.at_ms > was.at_ms:
            per_s = 1000 / (one.at_ms - was.at_ms)
            requests += (one.requests - was.requests) * per_s
            bets += (one.bets - was.bets) * per_s
    return requests, bets


def _grown(
    before: Mapping[str, GatewayStatus],
    now: Mapping[str, GatewayStatus],
    counts_of: Callable[[GatewayStatus], Mapping[str, int]],
) -> dict[str, int]:
    """By how much counts have grown, of all workers; of one that began meanwhile all of it."""
    grown: defaultdict[str, int] = defaultdict(int)
    for name, one in now.items():
        was = before.get(name)
        held = counts_of(was) if was is not None and was.since_ms == one.since_ms else {}
        for what, count in counts_of(one).items():
            if more := count - held.get(what, 0):
                grown[what] += more
    return dict(sorted(grown.items(), key=lambda pair: -pair[1]))


def _summed(counts: Iterable[tuple[int, ...]]) -> list[int]:
    total = [0] * (len(LAG_BOUNDS_MS) + 1)
    for each in counts:
        for place, count in enumerate(each[: len(total)]):
            total[place] += count
    return total


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
