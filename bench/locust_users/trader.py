"""A trading desk: looks at what lies over the line, suspends a game and resumes it, reads its other pages.

Every command names the version of the overlay that was seen; one that somebody changed meanwhile is refused
(`stale_version`), which is what should happen to a stale click and no failure: the trader looks again.
"""

from __future__ import annotations

import random
import secrets
from pathlib import Path
from typing import Any

import gevent
import orjson
from locust import between, task

from bench.locust_users.reader import Reader
from gateway.access.development import development_keys

TOKEN_S = 3_600
SUSPENDED_S = 30
"""A suspension ends by itself, should the trader never come back to it."""

THINKS_S = (0.5, 2.0)
LOOKS = 3
"""How often a trader looks again after somebody was faster."""

READ = ("/v1/desk/trail", "/v1/desk/operations", "/v1/desk/corrections")


class Trader(Reader):
    """Somebody at the desk."""

    weight = 1
    wait_time = between(1.0, 4.0)

    def on_start(self) -> None:
        """Signs in; sees whether this gateway has a desk."""
        super().on_start()
        place = Path(self.environment.parsed_options.data_dir)
        name = f"trader-{secrets.token_hex(4)}"
        token = development_keys(place).token(name, ("odds", "desk"), ttl_s=TOKEN_S)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._can_overlay = self._read("/v1/desk/overlays") is not None

    @task(3)
    def suspend_and_resume(self) -> None:
        """A game is shut for a moment."""
        if not self.topics or not self._can_overlay:
            return
        scope = random.choice(tuple(self.topics.values()))
        if self._command(scope, {"action": "suspend", "reason": "a check", "for_s": SUSPENDED_S}):
            gevent.sleep(random.uniform(*THINKS_S))
            self._command(scope, {"action": "resume", "reason": "checked"})

    @task(4)
    def look_at_overlays(self) -> None:
        """What lies over the line."""
        if self._can_overlay:
            self._read("/v1/desk/overlays")

    @task(2)
    def read(self) -> None:
        """One of the other pages."""
        self._read(random.choice(READ))

    def _command(self, scope: str, edit: dict[str, Any]) -> bool:
        """Whether it was carried out. One id for one wish, however often it is sent."""
        wish = {"id": secrets.token_hex(12), "scope": scope, **edit}
        for _ in range(LOOKS):
            body = orjson.dumps({**wish, "version": self._version(scope)}).decode()
            name = f"desk {edit['action']}"
            with self.client.post(
                "/v1/desk/commands", data=body, headers=self.headers, name=name, catch_response=True
            ) as answer:
                code = orjson.loads(answer.content or b"{}").get("code")
                if code in ("stale_version", "nothing_to_end"):
                    answer.request_meta["name"] = f"{name}, {code}"
                    answer.success()
            if code != "stale_version":
                return bool(answer.status_code == 200)
            wish["id"] = secrets.token_hex(12)  # refused is over: what is asked now is another command
        return False

    def _version(self, scope: str) -> int:
        """That of the overlay of this scope, 0 for none."""
        shown = self._read(f"/v1/desk/overlays?scope={scope}") or {"items": ()}
        return next((int(one["version"]) for one in shown["items"] if one["scope"] == scope), 0)

    def _read(self, path: str) -> dict[str, Any] | None:
        """A page of the desk, None where this gateway has none."""
        name = path.partition("?")[0]
        with self.client.get(path, headers=self.headers, name=name, catch_response=True) as answer:
            if answer.status_code == 404:
                answer.request_meta["name"] = f"{name}, none here"
                answer.success()
            if answer.status_code != 200:
                return None
            page: dict[str, Any] = orjson.loads(answer.content)
            return page
