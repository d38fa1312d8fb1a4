"""One connection to the Exchange Stream, without the connection: bytes in, changes and bytes to send out.

Owns the conversation (greeting, authentication, subscription, stream), the cutting into lines, the tokens to resume
with, and when a whole image is in. No socket, no clock: a shell reads, writes, measures silence and connects again.

Nothing numbers Betfair's lines, so two things tell that one was lost or that they came in another order: a line that
cannot be read, and a publish time below one already seen. Both fail the conversation with the remedy `image`. An image
with a line that cannot be read fails at its end, unless `holes_allowed`, or an image that never reads would keep the
feed from ever being live: the markets of that line are not known then, and what is sent of them later is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import msgspec

from feeds.contract.errors import Refused
from feeds.providers.betfair.failures import StreamFailed, failed_status
from feeds.providers.betfair.parse import LINE_BYTES_MAX, UNFINISHED, Change, StreamReader, decode
from feeds.providers.betfair.requests import Resume, Subscription, authentication, market_subscription
from feeds.providers.betfair.spec import Message
from feeds.recording import Tally

AUTHENTICATION_ID: Final = 1
SUBSCRIPTION_ID: Final = 2

HEARTBEAT_MS_MIN: Final = 500
HEARTBEAT_MS_MAX: Final = 30_000

Phase = Literal["greeting", "authenticating", "subscribing", "streaming"]

_IMAGES: Final = frozenset({"SUB_IMAGE", "RESUB_DELTA"})


class Credentials(NamedTuple):
    """What logs in: never to be shown."""

    app_key: str
    session: str


class _Ids(msgspec.Struct):
    """Of a line that is not of the right shape, whose market changes it may still name."""

    id: str


class _Named(msgspec.Struct):
    mc: list[_Ids]


_named_decoder = msgspec.json.Decoder(_Named)


class StreamSession:
    """The conversation of one connection. `reader` outlives it where the next one resumes.

    `complete`: the whole image, or all that changed since the resume, is in. `resume`: where the next connection may
    go on, None where it needs an image. `holes`: lines of the image that could not be read. `conflated`: changes that
    Betfair merged from several. `refused`: lines that were passed over.
    """

    def __init__(
        self,
        reader: StreamReader,
        credentials: Credentials,
        subscription: Subscription,
        *,
        resume: Resume | None = None,
        holes_allowed: bool = False,
    ) -> None:
        self.phase: Phase = "greeting"
        self.complete = False
        self.resume = resume
        self.holes = 0
        self.conflated = 0
        self.refused = Tally()
        self._refusal: Refused | None = None
        self._reader = reader
        self._credentials = credentials
        self._subscription = subscription
        self._holes_allowed = holes_allowed
        self._resuming = resume is not None
        self._buffer = bytearray()
        self._to_send = bytearray()
        self._pt = 0
        self._unmentioned: set[str] | None = None

    @property
    def heartbeat_ms(self) -> int:
        """How often Betfair speaks at least: what it confirmed, within its own bounds, else what was asked for."""
        confirmed = self._reader.heartbeat_ms if self.phase == "streaming" else None
        if confirmed is None:
            return self._subscription.heartbeat_ms
        return min(max(confirmed, HEARTBEAT_MS_MIN), HEARTBEAT_MS_MAX)

    def take_refusal(self) -> Refused | None:
        """The newest refusal since it was last asked for."""
        refusal, self._refusal = self._refusal, None
        return refusal

    def data_to_send(self) -> bytes:
        """What is to be written to the connection now."""
        data = bytes(self._to_send)
        self._to_send.clear()
        return data

    def receive(self, data: bytes) -> Iterator[Change]:
        """The changes in what was read, each already applied to the reader; to be iterated to its end.

        Raises StreamFailed, after which nothing more may be received.
        """
        searched = len(self._buffer)
        self._buffer += data
        while (end := self._buffer.find(b"\n", searched)) >= 0:
            line = bytes(self._buffer[:end]).strip()
            del self._buffer[: end + 1]
            searched = 0
            if line:
                yield from self._line(line)
        if len(self._buffer) > LINE_BYTES_MAX:
            raise StreamFailed("line_too_long", f"more than {LINE_BYTES_MAX} bytes without an end of line", "image")

    def _line(self, line: bytes) -> Iterator[Change]:
        try:
            message = decode(line)
        except Refused as refusal:
            self._pass_over(refusal, line)
            return
        self.refused.understood += 1
        if message.op == "connection":
            self._greeted()
        elif message.op == "status":
            self._status(message)
        elif message.op == "mcm":
            yield from self._market_changes(message)

    def _pass_over(self, refusal: Refused, line: bytes) -> None:
        """A line that cannot be read: it may have been a change of anything, so what is known is in doubt."""
        self._count(refusal)
        if self._unmentioned is not None:
            self.holes += refusal.code != "unknown_op"
        elif self.phase == "streaming" and self._may_concern_us(refusal, line):
            raise StreamFailed(refusal.code, str(refusal), "image")

    def _may_concern_us(self, refusal: Refused, line: bytes) -> bool:
        if refusal.code == "unknown_op":
            return False
        if not self.complete:
            return True
        try:
            return any(change.id in self._reader.markets for change in _named_decoder.decode(line).mc)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return True

    def _greeted(self) -> None:
        if self.phase != "greeting":
            self._count(Refused("out_of_turn", "a second greeting"))
            return
        self.phase = "authenticating"
        app_key, session = self._credentials
        self._to_send += authentication(AUTHENTICATION_ID, app_key=app_key, session=session)

    def _status(self, message: Message) -> None:
        if message.status_code == "FAILURE" or message.connection_closed:
            raise failed_status(message.error_code or "UNEXPECTED_ERROR", (message.error_message or "")[:200])
        if self.phase == "authenticating" and message.id == AUTHENTICATION_ID:
            self.phase = "subscribing"
            self._to_send += market_subscription(SUBSCRIPTION_ID, self._subscription, self.resume)
        elif self.phase == "subscribing" and message.id == SUBSCRIPTION_ID:
            self.phase = "streaming"

    def _market_changes(self, message: Message) -> Iterator[Change]:
        if self.phase not in ("subscribing", "streaming") or message.id not in (SUBSCRIPTION_ID, None):
            self._count(Refused("other_subscription", f"a change of subscription {message.id} in phase {self.phase}"))
            return
        if message.pt is not None:
            if message.pt < self._pt:
                raise StreamFailed("out_of_order", f"published at {message.pt}, after {self._pt}", "image")
            self._pt = message.pt
        if message.ct == "SUB_IMAGE" and self._unmentioned is None:
            if message.segment_type in (None, "SEG_START"):
                self._begin_image()
            elif not self.complete:
                raise StreamFailed("out_of_order", "an image without its beginning", "image")
        try:
            change = self._reader.apply(message)
        except Refused as refusal:
            self._count(refusal)
            change = Change("mcm", message.pt)
        self.conflated += sum(1 for changed in message.mc or () if changed.con)
        if self._unmentioned is not None:
            self._unmentioned.difference_update(changed.id for changed in message.mc or ())
        yield change
        if message.segment_type not in UNFINISHED:
            yield from self._finished(message)

    def _begin_image(self) -> None:
        """It replaces everything, also what it will not mention; until it is whole nothing can be resumed."""
        self.complete = False
        self.resume = None
        self.holes = 0
        self._unmentioned = set(self._reader.markets)

    def _finished(self, message: Message) -> Iterator[Change]:
        if self._unmentioned is not None:
            gone, self._unmentioned = tuple(sorted(self._unmentioned)), None
            self._reader.drop(gone)
            if gone:
                yield Change("mcm", message.pt, gone)
            if self.holes and not self._holes_allowed:
                raise StreamFailed("image_with_holes", f"{self.holes} lines of it cannot be read", "image")
            self.complete = True
        elif message.ct in _IMAGES or self._resuming:
            self.complete = True
        reader = self._reader
        if self.complete and reader.initial_clk is not None and reader.clk is not None:
            self.resume = Resume(reader.initial_clk, reader.clk)

    def _count(self, refusal: Refused) -> None:
        self.refused.refuse(refusal.code)
        self._refusal = refusal
