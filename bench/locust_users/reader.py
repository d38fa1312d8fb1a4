"""What all users have: they know which games are live, and who they are to the gateway."""

from __future__ import annotations

import random
from typing import Any

import orjson
from locust import FastHttpUser


class Reader(FastHttpUser):
    """A user who knows which games are live."""

    abstract = True

    def on_start(self) -> None:
        """Which games there are; all that are not live where none is."""
        key = self.environment.parsed_options.api_key
        self.headers: dict[str, str] = {"X-API-Key": key} if key else {}
        self.topics: dict[str, str] = {}
        self.look()

    @property
    def games(self) -> list[str]:
        """Their ids."""
        return list(self.topics)

    def look(self) -> None:
        """Which games there are by now."""
        self.topics = self._games("live") or self._games("upcoming")

    def board(self, cls: str | None = None) -> dict[str, Any] | None:
        """The board of some game, None where it is gone: then the games are looked up again."""
        if not self.topics:
            return None
        path = f"/v1/events/{random.choice(self.games)}/markets"
        name = "board" if cls is None else f"board, {cls}"
        answer = self.client.get(path if cls is None else f"{path}?class={cls}", headers=self.headers, name=name)
        if answer.status_code != 200:
            self.look()
            return None
        board: dict[str, Any] = orjson.loads(answer.content)
        assert answer.headers is not None
        return board | {"cursor": str(answer.headers["Odds-Cursor"])}

    def endpoint(self) -> str:
        """Where the stream is; empty where nobody says."""
        given = str(self.environment.parsed_options.stream)
        if given:
            return given
        answer = self.client.get("/v1/stream/endpoint", headers=self.headers, name="/v1/stream/endpoint")
        return str(orjson.loads(answer.content)["url"]) if answer.status_code == 200 else ""

    def _games(self, state: str) -> dict[str, str]:
        answer = self.client.get(f"/v1/events?state={state}", headers=self.headers, name="/v1/events")
        items = orjson.loads(answer.content or b"{}").get("items", ())
        return {str(event["id"]): str(event["topic"]) for event in items}
