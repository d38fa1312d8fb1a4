"""Ahead of layers and routes: reads of a target that was asked for before, by somebody who is known, from bytes.

One plain call a request, in no task: nothing is parsed, and only that encoded which changed since it was asked for.
Where it answers it does itself what the layers do (request id, counts, origin, who asks and whether they may now, what
is late or too much); it says what they say, as it asks them. What it does not answer it leaves as it was, for them:

whatever is not a read that was answered by its route before, or not by one who was verified before;
headers that stand there twice, or cannot be read; who may not read this, or not now;
everything, where every request is to be logged; of reads the share that is to have a span.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from time import perf_counter, time
from typing import NamedTuple

from feeds.contract.errors import Refused
from gateway.access.cors import Cors
from gateway.access.known import ANYBODY, Verified
from gateway.api.edge import RequestIds
from gateway.api.reads import Reads
from gateway.api.rsgi import Answering, Asked
from gateway.api.traffic import Traffic
from gateway.read.shelf import Page

Known = Callable[[str | None, str | None, float], Verified | None]
"""Who has this key, this token, at this Unix time, in s: see Access.known."""


def anybody(key: str | None, token: str | None, now_s: float) -> Verified:
    """Everything is open."""
    del key, token, now_s
    return ANYBODY


class Entrance(NamedTuple):
    """Who may come in, and from pages of which origins."""

    known: Known = anybody
    cors: Cors | None = None


class Ahead:
    """What answers ahead of the rest. `routed_share`: of reads, those that are left to it nevertheless."""

    def __init__(
        self, reads: Reads, traffic: Traffic, ids: RequestIds, entrance: Entrance, *, routed_share: float
    ) -> None:
        self._reads = reads
        self._targets = reads.shelf.targets
        self._count = traffic.count
        self._id_of = ids.of
        self._known, self._cors = entrance
        self._routed_share = routed_share

    def answers(self, asked: Asked, answering: Answering) -> bool:
        """Answers, if it can; False: it has done nothing."""
        began_s = perf_counter()
        if asked.method != "GET":
            return False
        page = self._targets.get((asked.path, asked.query_string))
        if page is None or (self._routed_share and random.random() < self._routed_share):
            return False
        given = asked.headers
        pairs = given.items()
        headers = dict(pairs)
        if not len(pairs) == len(headers) == len(given):
            return False
        now_s = time()
        verified = self._known(headers.get("x-api-key"), headers.get("authorization"), now_s)
        if verified is None or (verified.check is not None and not _may(verified, page)):
            return False
        meter = verified.meter
        if meter is not None and meter.take(now_s) is not None:
            return False
        request_id = self._id_of(headers.get("request-id", ""))
        status, said, body = self._reads.said(page, headers, request_id, private=verified is not ANYBODY)
        told = [*said, ("request-id", request_id)]
        if meter is not None:
            told += meter.headers(now_s)
        if self._cors is not None:
            told += self._cors.told(headers.get("origin"))
        answering.response_bytes(status, told, body)
        self._count(self._reads.name_of(page), status, perf_counter() - began_s)
        return True


def _may(verified: Verified, page: Page) -> bool:
    assert verified.check is not None
    try:
        verified.check(page.view)
    except Refused:
        return False
    return True
