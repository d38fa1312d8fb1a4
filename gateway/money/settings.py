"""How long money work may take in the database, and how much of it there is at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class MoneySettings(BaseSettings):
    """The pool that money is moved through; a pool of its own, so that no read of history waits before it. Most of a
    bet's time is its commit's, which the disk makes for all that wait: more at once cost less each."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_MONEY_", frozen=True)

    connections: Annotated[int, Field(ge=1, le=100, description="most connections of one process for money")] = 24
    statement_timeout_s: Annotated[float, Field(gt=0, le=60, description="server-side, for one statement")] = 5.0
    lock_timeout_s: Annotated[float, Field(gt=0, le=60, description="server-side, for one lock")] = 2.0
    idle_timeout_s: Annotated[
        float, Field(gt=0, le=60, description="server-side, for a transaction in which nothing happens")
    ] = 5.0

    @property
    def server_settings(self) -> dict[str, str]:
        """What the server holds each connection to. Everything here is found by an index, however small its table was
        when a statement was planned."""
        return {
            "lock_timeout": f"{self.lock_timeout_s * 1000:.0f}",
            "idle_in_transaction_session_timeout": f"{self.idle_timeout_s * 1000:.0f}",
            "enable_seqscan": "off",
        }
