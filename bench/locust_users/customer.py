"""An API customer: polls boards by ETag, pays for those that changed, and asks for past prices now and then."""

from __future__ import annotations

import random
import time
from collections import deque

import orjson
from locust import between, task

from bench.locust_users.reader import Reader

BOARDS_KEPT = 50
"""ETags that a customer keeps; beyond it the oldest goes."""

MARKETS_KEPT = 200
"""Markets of which past prices may be asked for."""

PAST_S = 600
TURNED_AWAY = 503
"""History is what is turned away first when a gateway has too much to do, and there is none without a database."""


class ApiCustomer(Reader):
    """Polls the boards of live games."""

    weight = 3
    wait_time = between(0.2, 1.0)

    def on_start(self) -> None:
        """Holds nothing yet."""
        super().on_start()
        self._etags: dict[str, str] = {}
        self._markets: deque[str] = deque(maxlen=MARKETS_KEPT)

    @task(9)
    def poll(self) -> None:
        """One board, by the ETag it had; a 304 is counted apart."""
        if not self.topics:
            return
        path = f"/v1/events/{random.choice(self.games)}/markets"
        etag = self._etags.pop(path, None)
        headers = self.headers if etag is None else {**self.headers, "If-None-Match": etag}
        with self.client.get(path, headers=headers, name="board", catch_response=True) as answer:
            if answer.status_code == 304 and etag is not None:
                answer.request_meta["name"] = "board, unchanged"
                self._etags[path] = etag
            elif answer.status_code == 200 and answer.headers.get("ETag"):
                self._etags[path] = answer.headers["ETag"]
                self._markets += [market["id"] for market in orjson.loads(answer.content)["items"][:5]]
            elif answer.status_code == 404:
                self.look()  # the game has ended and left the log
            if answer.status_code in (200, 304, 404):
                answer.success()
        while len(self._etags) > BOARDS_KEPT:
            del self._etags[next(iter(self._etags))]

    @task(1)
    def history(self) -> None:
        """The last minutes of one market, minute by minute."""
        if not self._markets:
            return
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - PAST_S))
        path = f"/v1/markets/{random.choice(self._markets)}/history?from={since}&interval=1m"
        with self.client.get(path, headers=self.headers, name="history", catch_response=True) as answer:
            if answer.status_code == TURNED_AWAY:
                answer.request_meta["name"] = "history, turned away"
            if answer.status_code in (200, 404, TURNED_AWAY):
                answer.success()
