"""Every setting and limit of a shard, in one place. What happens at a limit stands in its description."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from fanout.contract.addresses import Networks
from fanout.contract.tickets import TicketKeys, parse_keys
from feeds.contract.errors import Refused

TiersMs = Annotated[
    tuple[int, ...],
    NoDecode,
    Field(min_length=1, max_length=8, description="conflation tiers offered, ms, comma separated, fastest first"),
]
NAME_PATTERN = r"^[a-z0-9-]{1,32}$"

NameList = Annotated[tuple[str, ...], NoDecode]


def _limit(low: int, high: int, description: str) -> object:
    return Field(ge=low, le=high, description=description)


def _names(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class FanoutSettings(BaseSettings):
    """A shard's settings; variables are ODDSWIRE_FANOUT_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_FANOUT_", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=NAME_PATTERN, description="the shard's name")] = "fanout-1"
    host: Annotated[str, Field(description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, _limit(0, 65_535, "port for WebSocket, SSE, health and metrics; 0 takes a free one")] = 8100
    url: Annotated[str, Field(description="stream URL by which devices reach this shard; empty: by host and port")] = ""
    peers: Annotated[
        NameList, Field(description="stream URLs of other shards, for devices to go to while the registry knows none")
    ] = ()
    registry_interval_s: Annotated[float, Field(gt=0, le=60, description="a shard announces itself this often")] = 1.0
    registry_ttl_s: Annotated[int, _limit(2, 600, "a shard that stops announcing itself is forgotten after this")] = 4
    origins: Annotated[
        NameList, Field(description="origins that browsers may connect from; * for all; no Origin header is no browser")
    ] = ("*",)
    public_topics: Annotated[bool, Field(description="odds are for everybody; else a stream needs a ticket")] = True
    ticket_keys: Annotated[
        SecretStr, Field(description="keys of tickets, KID:SECRET,KID:SECRET, shared with the gateway; secrets >= 32 B")
    ] = SecretStr("")

    tiers_ms: TiersMs = (0, 100, 250, 1000)
    tier_default_ms: Annotated[int, _limit(0, 60_000, "tier of a connection that asks for none")] = 100
    tick_ceiling_ms: Annotated[int, _limit(20, 1000, "longest stretch between flushes of tiers up to 100 ms")] = 150
    tick_phases: Annotated[
        int, _limit(1, 64, "moments within a tier's interval at which its topics take turns, so that writes are spread")
    ] = 8
    hb_ms: Annotated[int, _limit(100, 60_000, "heartbeat to every live device")] = 5_000

    topics: Annotated[int, _limit(1, 10_000, "topics of a connection; more: topic_limit")] = 200
    message_bytes: Annotated[int, _limit(256, 1_048_576, "a device's message; larger: message_too_large, 1009")] = (
        16_384
    )
    ops_per_s: Annotated[
        int, _limit(1, 1_000, "a device's messages a second, bursts of twice that; more: ops_limit")
    ] = 20
    waiting_ops: Annotated[int, _limit(1, 100, "subscribes that wait for the log at once; more: ops_limit")] = 8
    handshake_bytes: Annotated[int, _limit(1_024, 65_536, "request head; larger: 431")] = 8_192
    handshake_s: Annotated[float, Field(gt=0, le=60, description="time for a request head; longer: closed")] = 5.0
    speak_s: Annotated[float, Field(gt=0, le=60, description="time to the first subscribe; longer: close 4400")] = 5.0
    session_s: Annotated[int, _limit(1, 604_800, "session lifetime, less up to a tenth of jitter; then close 4009")] = (
        86_400
    )
    sockets: Annotated[int, _limit(1, 1_000_000, "sockets of this shard; more: 503 with Retry-After")] = 50_000
    admission_lag_ms: Annotated[
        int, _limit(10, 60_000, "lateness of fast flushes, p99 of a second; more: 503 with Retry-After")
    ] = 120
    admission_images: Annotated[
        int, _limit(1, 1_000_000, "devices that wait for a catch-up chunk; more: 503 with Retry-After")
    ] = 4_000
    sockets_per_address: Annotated[int, _limit(1, 1_000_000, "sockets of one address; more: 429")] = 100
    sockets_per_account: Annotated[
        int, _limit(1, 1_000_000, "sockets here that tickets of one account opened; more: close 4029")
    ] = 20
    address_exempt: Annotated[NameList, Field(description="networks that limits by address skip")] = (
        "127.0.0.0/8",
        "::1/128",
    )
    trusted_proxies: Annotated[
        NameList, Field(description="networks of proxies whose X-Forwarded-For names the client; by default nobody's")
    ] = ()
    ping_s: Annotated[float, Field(gt=0, le=600, description="WebSocket ping to a device that is silent")] = 30.0
    pong_s: Annotated[float, Field(gt=0, le=600, description="time for its pong; longer: closed")] = 20.0
    user_timeout_s: Annotated[
        float, Field(ge=1, le=600, description="TCP_USER_TIMEOUT: time for what was sent to arrive; longer: reset")
    ] = 30.0

    chunk_bytes: Annotated[int, _limit(1_024, 1_048_576, "a catch-up frame's body; more follows in the next")] = 65_536
    send_buffer_bytes: Annotated[
        int, _limit(4_096, 4_194_304, "a socket's buffer in the kernel; a device gets nothing new while it is full")
    ] = 131_072
    slow_close_ms: Annotated[int, _limit(100, 600_000, "time with a full buffer; longer: close 4008")] = 10_000
    close_grace_s: Annotated[float, Field(gt=0, le=60, description="time for a closed socket to flush; then reset")] = (
        2.0
    )
    behind_ms: Annotated[int, _limit(10, 60_000, "wait for the log to reach a cursor; longer: close 4010")] = 2_000
    joining_ms: Annotated[int, _limit(100, 60_000, "wait for a lane to be joined; longer: close 4010")] = 10_000
    lane_linger_s: Annotated[
        float, Field(ge=0, le=3600, description="a lane is read so long after its last device")
    ] = 30.0
    drain_window_s: Annotated[
        float, Field(ge=0, le=600, description="SIGTERM: devices are told to move within this")
    ] = 5.0
    drain_deadline_s: Annotated[float, Field(ge=0, le=600, description="SIGTERM: then all are closed with 4010")] = 10.0

    @field_validator("tiers_ms", mode="before")
    @classmethod
    def _split_numbers(cls, value: object) -> object:
        return tuple(int(part) for part in value.split(",")) if isinstance(value, str) else value

    _split_names = field_validator("peers", "origins", "address_exempt", "trusted_proxies", mode="before")(_names)

    @field_validator("address_exempt", "trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Networks(value)
        return value

    @field_validator("tiers_ms")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)) or value[0] < 0:
            message = "tiers are ascending, without repeats, from 0"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _can_check_tickets(self) -> FanoutSettings:
        try:
            keys = self.keys()
            if not self.public_topics and not keys:
                message = "without public_topics there must be ticket_keys"
                raise ValueError(message)
        except Refused as refusal:
            raise ValueError(str(refusal)) from None
        return self

    def keys(self) -> TicketKeys:
        """The keys of tickets. Raises Refused("bad_key")."""
        return parse_keys(self.ticket_keys.get_secret_value())

    def stream_url(self, port: int) -> str:
        """Where devices reach this shard, listening on `port`; by loopback where it listens on every address."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return self.url or f"ws://{f'[{host}]' if ':' in host else host}:{port}/v1/stream"

    def tier_for(self, conflate_ms: int | None) -> int:
        """The tier granted for a wish, ms: the next slower one that is offered, or the slowest."""
        wish = self.tier_default_ms if conflate_ms is None else conflate_ms
        return next((tier_ms for tier_ms in self.tiers_ms if tier_ms >= wish), self.tiers_ms[-1])


class WatchSettings(BaseSettings):
    """Settings of `watch`; variables are ODDSWIRE_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="ODDSWIRE_", frozen=True)

    watch_url: Annotated[
        NameList, Field(min_length=1, description="stream URLs that watch tries in turn, comma separated")
    ] = ("ws://127.0.0.1:8100/v1/stream", "ws://127.0.0.1:8101/v1/stream")

    _split_names = field_validator("watch_url", mode="before")(_names)
