"""One client's conversation with the simulated Exchange Stream: lines in, lines out, faults on the way. Pure.

Owns the server's half of the protocol: greeting, authentication, subscription, images in segments, deltas, heartbeats,
clk tokens. Publish times always rise, so that lines in another order can be told by them. Handshakes are never faulty;
a line that lost anything by `silence` has to be closed, as TCP never gives what comes after a loss.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from feeds.providers.simulator.serving.betfair_board import BetfairBoard, Changed, Json
from feeds.providers.simulator.serving.faults import FaultyLine

SEGMENT_MARKETS: Final = 25
"""Markets in a segment of an image."""

HEARTBEAT_MS_MIN, HEARTBEAT_MS_MAX = 500, 5_000
CONNECTIONS_AVAILABLE: Final = 10


class _Filter(msgspec.Struct, rename="camel"):
    event_type_ids: list[str] = []
    market_types: list[str] = []
    event_ids: list[str] = []


class _Request(msgspec.Struct, rename="camel"):
    op: str
    id: int | None = None
    app_key: str = ""
    session: str = ""
    market_filter: _Filter = msgspec.field(default_factory=_Filter)
    clk: str | None = None
    initial_clk: str | None = None
    heartbeat_ms: int = 5_000
    conflate_ms: int = 0
    segmentation_enabled: bool = False


_decoder = msgspec.json.Decoder(_Request)
_encoder = msgspec.json.Encoder()


class Talk:
    """What is said to one client. `line` carries its faults; `ended`: the connection is to be closed.

    `epoch` names the board's life: a clk of another one is refused.
    """

    def __init__(self, board: BetfairBoard, line: FaultyLine, *, epoch: str, connection_id: str) -> None:
        self.line = line
        self.ended = False
        self.subscribed = False
        self._board = board
        self._epoch = epoch
        self._connection_id = connection_id
        self._authenticated = False
        self._subscription = _Request("")
        self._lost = False
        self._pt = 0
        self._spoke_ms = 0

    def greeting(self) -> bytes:
        """The first line."""
        return _line({"op": "connection", "connectionId": self._connection_id})

    def request(self, data: bytes, now_ms: int, *, fail: str | None, degraded: bool) -> list[bytes]:
        """The answer to a line of the client's; `fail`: an error code to answer with."""
        try:
            request = _decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self._refuse(None, "INVALID_REQUEST", str(error))
        if fail is not None:
            return self._refuse(request.id, fail, "as commanded")
        if request.op == "authentication":
            return self._authenticate(request)
        if request.op == "heartbeat":
            return [self._success(request.id)]
        if request.op != "marketSubscription" or not self._authenticated:
            code = "INVALID_REQUEST" if self._authenticated else "NO_SESSION"
            return self._refuse(request.id, code, request.op[:40])
        return self._subscribe(request, now_ms, degraded=degraded)

    def changes(self, changes: Iterable[Changed], now_ms: int, *, degraded: bool) -> list[bytes]:
        """What the client gets of these."""
        lines: list[bytes] = []
        rollback_first = self.line.active("rollback_first", now_ms)
        for changed in changes:
            if rollback_first and changed.reopening is not None and self._wants(changed.mc):
                lines += self._send(
                    self._mcm([changed.reopening], now_ms, degraded=degraded, clk=str(changed.seq - 1)), now_ms
                )
            if self._wants(changed.mc):
                lines += self._send(self._mcm([changed.mc], now_ms, degraded=degraded, clk=str(changed.seq)), now_ms)
        return lines

    def heartbeat(self, now_ms: int, *, degraded: bool) -> list[bytes]:
        """A heartbeat, where nothing was said for as long as the client asked for."""
        if now_ms - self._spoke_ms < self._subscription.heartbeat_ms:
            return []
        message = self._mcm(None, now_ms, degraded=degraded, clk=str(self._board.seq), ct="HEARTBEAT")
        return self._send(message, now_ms)

    def _authenticate(self, request: _Request) -> list[bytes]:
        if not request.app_key:
            return self._refuse(request.id, "NO_APP_KEY", "no appKey")
        if not request.session:
            return self._refuse(request.id, "NO_SESSION", "no session")
        self._authenticated = True
        return [self._success(request.id, connectionsAvailable=CONNECTIONS_AVAILABLE)]

    def _subscribe(self, request: _Request, now_ms: int, *, degraded: bool) -> list[bytes]:
        request.heartbeat_ms = min(max(request.heartbeat_ms, HEARTBEAT_MS_MIN), HEARTBEAT_MS_MAX)
        self._subscription = request
        changes: list[Json] | None = None
        if request.clk is not None:
            if request.initial_clk != self._epoch or not request.clk.isdigit():
                return self._refuse(request.id, "INVALID_CLOCK", "a clk of another life")
            changes = self._board.since(int(request.clk))
        self.subscribed = True
        ct = "SUB_IMAGE" if changes is None else "RESUB_DELTA"
        told = self._board.image() if changes is None else changes
        return [self._success(request.id), *self._image(told, ct, now_ms, degraded=degraded)]

    def _image(self, told: list[Json], ct: str, now_ms: int, *, degraded: bool) -> list[bytes]:
        wanted = [mc for mc in told if self._wants(mc)]
        size = SEGMENT_MARKETS if self._subscription.segmentation_enabled else max(len(wanted), 1)
        parts = [wanted[start : start + size] for start in range(0, len(wanted), size)] or [[]]
        lines: list[bytes] = []
        for number, part in enumerate(parts):
            extra: Json = {}
            if len(parts) > 1:
                first, last = number == 0, number == len(parts) - 1
                extra["segmentType"] = "SEG_START" if first else "SEG_END" if last else "SEG"
            message = self._mcm(part, now_ms, degraded=degraded, clk=str(self._board.seq), ct=ct)
            message |= {
                "initialClk": self._epoch,
                "heartbeatMs": self._subscription.heartbeat_ms,
                "conflateMs": self._subscription.conflate_ms,
                **extra,
            }
            lines += self._send(message, now_ms)
        return lines

    def _wants(self, mc: Json) -> bool:
        wanted = self._subscription.market_filter
        definition = self._board.definition(mc["id"])
        return all(
            not allowed or definition.get(name) in allowed
            for name, allowed in (
                ("eventTypeId", wanted.event_type_ids),
                ("marketType", wanted.market_types),
                ("eventId", wanted.event_ids),
            )
        )

    def _mcm(self, mc: list[Json] | None, now_ms: int, *, degraded: bool, clk: str, ct: str | None = None) -> Json:
        self._pt = max(now_ms, self._pt + 1)
        message: Json = {"op": "mcm", "id": self._subscription.id, "clk": clk, "pt": self._pt}
        if ct is not None:
            message["ct"] = ct
        if degraded:
            message["status"] = 503
        if mc:
            message["mc"] = mc
        return message

    def _send(self, message: Json, now_ms: int) -> list[bytes]:
        self._spoke_ms = now_ms
        if self.line.active("silence", now_ms):
            self._lost = True
        elif self._lost:
            self.ended = True
            return []
        return self.line.send(_line(message), now_ms)

    def _success(self, request_id: int | None, **more: object) -> bytes:
        status = {"op": "status", "id": request_id, "statusCode": "SUCCESS", "connectionClosed": False, **more}
        return _line(status)

    def _refuse(self, request_id: int | None, code: str, message: str) -> list[bytes]:
        self.ended = True
        status: Json = {"op": "status", "id": request_id, "statusCode": "FAILURE", "errorCode": code}
        return [_line({**status, "errorMessage": message[:200], "connectionClosed": True})]


def _line(message: Json) -> bytes:
    return _encoder.encode(message) + b"\r\n"
