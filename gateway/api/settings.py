"""Settings of the API, with their limits. What happens at a limit stands in its description."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from fanout.contract.addresses import Networks
from fanout.contract.tickets import TicketKeys, parse_keys
from feeds.contract.errors import Refused
from gateway.api.edge import AccessLog

WORKERS_MAX = 64


class ApiSettings(BaseSettings):
    """Settings of `serve`; variables are ODDSWIRE_GATEWAY_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_GATEWAY_", frozen=True)

    host: Annotated[str, Field(min_length=1, description="address the API listens on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535, description="port of the API; 0 takes a free one")] = 8000
    trusted_proxies: Annotated[
        tuple[str, ...],
        NoDecode,
        Field(
            max_length=100,
            description="networks of proxies whose X-Forwarded-For names the client, comma separated; nobody's",
        ),
    ] = ()
    workers: Annotated[
        int, Field(ge=1, le=WORKERS_MAX, description="processes that share the port, each with a book of its own")
    ] = 1
    bodies_mib: Annotated[
        int,
        Field(ge=1, le=65_536, description="memory for bodies that are kept, MiB; beyond it the oldest is made anew"),
    ] = 128
    encoded_mib: Annotated[
        int,
        Field(ge=1, le=65_536, description="memory for encoded markets and events, MiB; beyond it the oldest goes"),
    ] = 64
    access_log: Annotated[
        AccessLog,
        Field(
            description="requests that are logged: all; routed, which leaves out reads from kept bytes; refused; none"
        ),
    ] = "routed"
    log_level: Annotated[
        str, Field(pattern="^(debug|info|warning|error)$", description="debug, info, warning or error")
    ] = "info"

    history_connections: Annotated[
        int, Field(ge=1, le=100, description="questions to the database at once, of one worker; further ones queue")
    ] = 4
    history_waiting: Annotated[
        int, Field(ge=0, le=10_000, description="questions that queue; more: 503 with Retry-After")
    ] = 32
    history_wait_ms: Annotated[
        int, Field(ge=1, le=60_000, description="longest a question queues; longer: 503 with Retry-After")
    ] = 500
    history_statement_s: Annotated[
        float, Field(gt=0, le=60, description="time for one statement; longer: cancelled, 503 with Retry-After")
    ] = 5.0
    shed_history_ms: Annotated[
        int, Field(ge=1, le=60_000, description="requests waited so long: history is refused, 503 with Retry-After")
    ] = 100
    shed_boards_ms: Annotated[
        int,
        Field(
            ge=1,
            le=60_000,
            description="requests waited so long: large boards that must be made are refused; twice as long: all large",
        ),
    ] = 200
    shed_streams_ms: Annotated[
        int, Field(ge=1, le=60_000, description="requests waited so long: nobody new is sent to the stream, 503")
    ] = 220
    shed_status_ms: Annotated[
        int,
        Field(
            ge=1,
            le=60_000,
            description="requests, or bets for the database, waited so long: bets and wallets are not told, 503",
        ),
    ] = 240
    ticket_session_s: Annotated[
        int, Field(ge=1, le=604_800, description="a connection that a ticket opened lasts so long, seconds")
    ] = 86_400
    trace_endpoint: Annotated[
        str, Field(description="OTLP/HTTP collector of traces; empty: OTEL_EXPORTER_OTLP_ENDPOINT, or no traces")
    ] = ""
    trace_hot_share: Annotated[
        float, Field(ge=0, le=1, description="of reads from kept bytes, the share that has a span")
    ] = 0.0

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Networks(value)
        return value

    @property
    def shed_s(self) -> tuple[float, float, float, float]:
        """From where on history, boards, streams and status are refused, seconds."""
        shed_ms = (self.shed_history_ms, self.shed_boards_ms, self.shed_streams_ms, self.shed_status_ms)
        history, boards, streams, status = (each / 1_000 for each in shed_ms)
        return history, boards, streams, status

    @property
    def history_pool(self) -> dict[str, float]:
        """Of a pool for questions alone: as many connections as questions at once, opened when they are needed."""
        return {"connections": self.history_connections, "statement_timeout_s": self.history_statement_s}


class TicketSettings(BaseSettings):
    """The keys of tickets: the same variable as the shards'."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_FANOUT_", frozen=True, hide_input_in_errors=True)

    ticket_keys: Annotated[
        SecretStr, Field(description="keys of tickets, KID:SECRET,KID:SECRET, shared with the gateway; secrets >= 32 B")
    ] = SecretStr("")

    @field_validator("ticket_keys")
    @classmethod
    def _are_keys(cls, value: SecretStr) -> SecretStr:
        try:
            parse_keys(value.get_secret_value())
        except Refused as refusal:
            raise ValueError(str(refusal)) from None
        return value

    def keys(self) -> TicketKeys:
        """The first mints."""
        return parse_keys(self.ticket_keys.get_secret_value())
