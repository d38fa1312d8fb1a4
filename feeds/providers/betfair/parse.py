"""Exchange Stream lines to the markets they describe, as Betfair sees them. Bytes in, no I/O, no clock.

Owns what a line means: images, deltas, definitions, ladders, segments. A line is decoded and validated whole before
anything is touched, so a refused line changes nothing. Never maps to our model and never decides what is published.

A market begins with its definition: changes of a market never defined are passed over, and an image without one
forgets the market, because deltas upon unknown prices would be wrong prices.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import msgspec

from feeds.contract.errors import Refused
from feeds.providers.betfair.ladder import LevelLadder, PriceLadder, apply_levels, apply_prices
from feeds.providers.betfair.spec import (
    MarketChange,
    MarketDefinition,
    Message,
    PriceSize,
    Projection,
    RunnerChange,
    RunnerKey,
)

LINE_BYTES_MAX: Final = 16 * 1024 * 1024
"""A longer line is refused. The largest image seen, 105 markets, has 0.3 MB."""

PUBLISHER_DEGRADED: Final = 503

_OPS = frozenset({"connection", "status", "mcm", "ocm", "rcm", "ccm"})
UNFINISHED = frozenset({"SEG_START", "SEG"})
_decoder = msgspec.json.Decoder(Message)

Depth = Literal["full", "best", "display"]
"""Which ladders a market is sent with: atb/atl, batb/batl, bdatb/bdatl. The first that is sent is the one to quote."""


class Quote(NamedTuple):
    """Best available to back and to lay, and the last traded price, in Betfair's numbers."""

    back: PriceSize | None
    lay: PriceSize | None
    ltp: float | None


class Runner:
    """One runner of a market. `spn`/`spf` are starting price projections, which may be "NaN" or "Infinity"."""

    __slots__ = ("atb", "atl", "batb", "batl", "bdatb", "bdatl", "ltp", "spb", "spf", "spl", "spn", "trd", "tv")

    def __init__(self) -> None:
        self.ltp: float | None = None
        self.tv: float | None = None
        self.spn: Projection | None = None
        self.spf: Projection | None = None
        self.atb: PriceLadder = {}
        self.atl: PriceLadder = {}
        self.trd: PriceLadder = {}
        self.spb: PriceLadder = {}
        self.spl: PriceLadder = {}
        self.batb: LevelLadder = {}
        self.batl: LevelLadder = {}
        self.bdatb: LevelLadder = {}
        self.bdatl: LevelLadder = {}

    def apply(self, change: RunnerChange) -> None:
        """A delta: only the fields present change. An empty `trd` clears the traded volume."""
        if change.ltp is not None:
            self.ltp = change.ltp
        if change.tv is not None:
            self.tv = change.tv
        if change.spn is not None:
            self.spn = change.spn
        if change.spf is not None:
            self.spf = change.spf
        if change.trd is not None and not change.trd:
            self.trd.clear()
        for prices, entries in (
            (self.atb, change.atb),
            (self.atl, change.atl),
            (self.trd, change.trd),
            (self.spb, change.spb),
            (self.spl, change.spl),
        ):
            if entries:
                apply_prices(prices, entries)
        for levels, steps in (
            (self.batb, change.batb),
            (self.batl, change.batl),
            (self.bdatb, change.bdatb),
            (self.bdatl, change.bdatl),
        ):
            if steps:
                apply_levels(levels, steps)

    def quote(self, depth: Depth | None) -> Quote:
        """The best prices by the ladders the market is sent with. Nothing is quoted where none are."""
        if depth == "full":
            back = max(self.atb) if self.atb else None
            lay = min(self.atl) if self.atl else None
            return Quote(
                None if back is None else (back, self.atb[back]),
                None if lay is None else (lay, self.atl[lay]),
                self.ltp,
            )
        if depth == "best":
            return Quote(self.batb.get(0), self.batl.get(0), self.ltp)
        if depth == "display":
            return Quote(self.bdatb.get(0), self.bdatl.get(0), self.ltp)
        return Quote(None, None, self.ltp)


_NOTHING = Runner()


class BetfairMarket:
    """One market as the stream has told it so far. `depth` None: no ladders were sent; unless it is `laddered`, that
    is how BASIC historic files are."""

    __slots__ = ("conflated", "definition", "depth", "id", "laddered", "runners", "tv")

    def __init__(self, market_id: str, definition: MarketDefinition, *, laddered: bool = False) -> None:
        self.id = market_id
        self.laddered = laddered
        self.definition = definition
        self.runners: dict[RunnerKey, Runner] = {}
        self.depth: Depth | None = None
        self.tv: float | None = None
        self.conflated = False

    def runner(self, key: RunnerKey) -> Runner:
        """A runner, whether or not anything was sent of it."""
        return self.runners.get(key, _NOTHING)

    def quote(self, key: RunnerKey) -> Quote:
        """Best prices of a runner."""
        return self.runner(key).quote(self.depth)

    def apply(self, change: MarketChange) -> None:
        """A delta; its definition first, then its runners in the order of the list."""
        if change.market_definition is not None:
            self.definition = change.market_definition
        if change.tv is not None:
            self.tv = change.tv
        self.conflated = bool(change.con)
        for runner_change in change.rc or ():
            key = runner_change.key
            runner = self.runners.get(key)
            if runner is None:
                runner = self.runners[key] = Runner()
            runner.apply(runner_change)
            self._see(runner_change)

    def _see(self, change: RunnerChange) -> None:
        if self.depth == "full":
            return
        if change.atb is not None or change.atl is not None:
            self.depth = "full"
        elif change.batb is not None or change.batl is not None:
            self.depth = "best"
        elif self.depth is None and (change.bdatb is not None or change.bdatl is not None):
            self.depth = "display"


class Change(NamedTuple):
    """What one line did.

    `pt`: publish time, Unix ms. `markets`: ids that changed or were forgotten, oldest change first; inside a segmented
    image none, at its end all. `image`: a whole image, or the end of one. `error`: the code of a failed `status`.
    """

    op: str
    pt: int | None
    markets: tuple[str, ...] = ()
    image: bool = False
    error: str | None = None


class StreamReader:
    """Everything the Exchange Stream, or a recording of it, has told. Feed it lines in order.

    `clk` and `initial_clk` are the tokens to resume with; `degraded` is the publisher's own word (status 503). In the
    `live` stream only an image begins a market, or a definition that closes it, and a market without ladders has no
    offers; in historic files a definition begins one, and such a market may be one of a file without ladders (BASIC).
    """

    def __init__(self, *, live: bool = False) -> None:
        self.markets: dict[str, BetfairMarket] = {}
        self.degraded = False
        self.clk: str | int | None = None
        self.initial_clk: str | int | None = None
        self.heartbeat_ms: int | None = None
        self.conflate_ms: int | None = None
        self._live = live
        self._pt = 0
        self._closed_pt: dict[str, int] = {}
        self._segmented: dict[str, None] = {}

    def read(self, line: bytes) -> Change:
        """Apply one line. Raises Refused and then has changed nothing:

        `json_malformed`, `bad_shape`, `line_too_long`, `unknown_op`, or `no_market_definition` where a line speaks
        only of markets that were never defined.
        """
        return self.apply(decode(line))

    def apply(self, message: Message) -> Change:
        """A line that was decoded. Raises Refused("no_market_definition") and then has changed nothing."""
        if message.op == "mcm":
            return self._market_change_message(message)
        failed = message.op == "status" and message.status_code == "FAILURE"
        return Change(message.op, message.pt, error=message.error_code or "unknown" if failed else None)

    def drop(self, market_ids: Iterable[str]) -> None:
        """An image did not mention these: they are not known any more, and over from now on."""
        for market_id in market_ids:
            self.markets.pop(market_id, None)
            self._closed_pt.setdefault(market_id, self._pt)

    def forget(self, market_ids: Iterable[str]) -> None:
        """Nothing is kept of these any more, not even that they are over."""
        for market_id in market_ids:
            self.markets.pop(market_id, None)
            self._closed_pt.pop(market_id, None)

    def over_since(self, pt: int) -> list[str]:
        """Markets that were closed or dropped at this publish time, Unix ms, or before, in the order they were."""
        due: list[str] = []
        for market_id, closed_pt in self._closed_pt.items():
            if closed_pt > pt:
                break
            due.append(market_id)
        return due

    def _market_change_message(self, message: Message) -> Change:
        changes = message.mc or []
        known = self._known(changes)
        if changes and not known and not self._segmented:
            raise Refused("no_market_definition", f"no definition of {changes[0].id} was ever sent")
        self.degraded = message.status == PUBLISHER_DEGRADED
        self._keep_tokens(message)
        self._pt = self._pt if message.pt is None else message.pt
        for change in known:
            self._apply(change)
            self._note_closed(change.id)
            self._segmented.pop(change.id, None)
            self._segmented[change.id] = None
        if message.segment_type in UNFINISHED:
            return Change("mcm", message.pt)
        touched = tuple(self._segmented)
        self._segmented.clear()
        image = message.ct == "SUB_IMAGE" or any(change.market_definition is not None for change in known)
        return Change("mcm", message.pt, touched, image)

    def _note_closed(self, market_id: str) -> None:
        market = self.markets.get(market_id)
        if market is None or market.definition.status != "CLOSED":
            self._closed_pt.pop(market_id, None)
        else:
            self._closed_pt.setdefault(market_id, self._pt)

    def _known(self, changes: list[MarketChange]) -> list[MarketChange]:
        """The changes of markets that are defined, now or by an earlier change of this very line."""
        defined: set[str] = set()
        known: list[MarketChange] = []
        for change in changes:
            if change.market_definition is not None and self._may_begin(change, change.market_definition):
                defined.add(change.id)
            if change.id in defined or change.id in self.markets:
                known.append(change)
        return known

    def _may_begin(self, change: MarketChange, definition: MarketDefinition) -> bool:
        return not self._live or bool(change.img) or definition.status == "CLOSED"

    def _apply(self, change: MarketChange) -> None:
        market = self.markets.get(change.id)
        if market is None or change.img:
            if change.market_definition is None:
                self.markets.pop(change.id, None)
                return
            market = self.markets[change.id] = BetfairMarket(change.id, change.market_definition, laddered=self._live)
        market.apply(change)

    def _keep_tokens(self, message: Message) -> None:
        if message.clk is not None:
            self.clk = message.clk
        if message.initial_clk is not None:
            self.initial_clk = message.initial_clk
        if message.heartbeat_ms is not None:
            self.heartbeat_ms = message.heartbeat_ms
        if message.conflate_ms is not None:
            self.conflate_ms = message.conflate_ms


def decode(line: bytes) -> Message:
    """One line as a Message of a known `op`. Raises Refused with the codes of StreamReader.read."""
    if len(line) > LINE_BYTES_MAX:
        raise Refused("line_too_long", f"a line of {len(line)} bytes, at most {LINE_BYTES_MAX} are read")
    try:
        message = _decoder.decode(line)
    except msgspec.ValidationError as error:
        raise Refused("bad_shape", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("json_malformed", str(error)) from error
    if message.op not in _OPS:
        raise Refused("unknown_op", f"an op Betfair does not have: {message.op[:40]!r}")
    return message
