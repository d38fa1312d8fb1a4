"""Every limit of the client, and what happens at it."""

from __future__ import annotations

from typing import NamedTuple


class ApiLimits(NamedTuple):
    """Bounds of one client.

    `connect_s`, `answer_s`: time to connect, and between two pieces of an answer; longer: Unreachable, which may be
    tried again. `call_s`: time for a call with all its attempts and waits; what would go beyond is not tried.
    `backoff_s`, `backoff_max_s`: a wait is at random from 0 to the first, doubled with every failure, at most the
    second. `attempts`: of one call. `retry_after_max_s`: a longer Retry-After is not waited for, its problem raised.
    `answer_bytes`: a larger answer: BadAnswer. `connections`: more calls than that wait for one.
    `kept_bytes`: of boards kept for If-None-Match; beyond it the one least recently asked for goes.
    """

    connect_s: float = 5.0
    answer_s: float = 10.0
    call_s: float = 30.0
    backoff_s: float = 0.1
    backoff_max_s: float = 5.0
    attempts: int = 4
    retry_after_max_s: float = 20.0
    answer_bytes: int = 16 * 1024 * 1024
    connections: int = 20
    kept_bytes: int = 16 * 1024 * 1024
