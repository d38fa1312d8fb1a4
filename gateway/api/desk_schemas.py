"""The JSON of the desk's own routes, as types. They write what they are made of."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fanout.contract.fleet import WINDOW_S_MAX
from feeds.contract.desk import Action
from feeds.contract.model import MarketClass
from gateway.desk.commands import WORDS_CHARS_MAX

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=WORDS_CHARS_MAX)]
Stage = Literal["bus", "shard"]


class AimedAt(msgspec.Struct, omit_defaults=True):
    """What of a scope is meant: one market, a class, or with neither all of it."""

    market: str | None = None
    cls: MarketClass | None = msgspec.field(default=None, name="class")


class LaidSuspension(msgspec.Struct):
    """Nothing of the target is open; times are Unix ms."""

    target: AimedAt
    why: str
    by: str
    at: int
    until: int | None = None


class LaidPrice(msgspec.Struct):
    """American and decimal odds."""

    a: int
    d: str


class LaidOverride(msgspec.Struct):
    """One selection has this price, until then."""

    market: str
    selection: str
    price: LaidPrice
    why: str
    by: str
    at: int
    until: int


class LaidLimit(msgspec.Struct):
    """A margin in hundredths of a percent, or the largest stake in minor units."""

    target: AimedAt
    value: int
    by: str
    at: int


class Laid(msgspec.Struct):
    """Entries of an overlay."""

    suspensions: list[LaidSuspension] = []
    overrides: list[LaidOverride] = []
    margins: list[LaidLimit] = []
    max_stakes: list[LaidLimit] = []


class DeskDeed(msgspec.Struct):
    """A change of an overlay: who did what, when (Unix ms) and why, which version that made, and the entries that it
    took away and put there."""

    id: str
    scope: str
    version: int
    action: Action
    target: AimedAt
    by: str
    at: int
    why: str
    before: Laid
    after: Laid


class ShownOverlay(msgspec.Struct):
    """The overlay of a sport, league or event: its entries in force, and the change that made this version. `missing`:
    lanes of the log that do not have it yet."""

    scope: str
    version: int
    entries: Laid
    change: DeskDeed
    missing: list[int]


class Overlays(msgspec.Struct):
    """What lies over the line, the general first."""

    items: list[ShownOverlay]
    next_page_token: None = None


class Trail(msgspec.Struct):
    """What was done, the newest first."""

    items: list[DeskDeed]
    next_page_token: None = None


class CarriedOut(msgspec.Struct):
    """What became of a command. `failed`: lanes that could not be written, and why; `unrecorded`: why it is not on the
    trail. Neither: it is whole. Otherwise the same command, by its id, goes on where this one stopped."""

    id: str
    scope: str
    version: int
    whole: bool
    failed: dict[str, str]
    unrecorded: str
    change: DeskDeed


class Shard(msgspec.Struct):
    """A shard of the stream. `closed`: why it takes no device now; empty: it does."""

    name: str
    url: str
    state: str
    sockets: int
    lag_p50_ms: int
    lag_p99_ms: int
    headroom: float
    lanes: list[int]
    closed: str


class FeedShown(msgspec.Struct):
    """A feed in one lane. `age_ms`: of its newest beat; `per_s`: states of markets a second."""

    source: str
    lane: int
    state: Literal["live", "stale", "down"]
    age_ms: int
    per_s: float


class Worker(msgspec.Struct):
    """A worker of a gateway. `delay_ms`: how long requests wait; `database_ms`: how long a bet would."""

    name: str
    delay_ms: int
    database_ms: int


class Betting(msgspec.Struct):
    """`refused`, by reason, and `shed`, by what was turned away: of the last minute."""

    requests_per_s: float
    bets_per_s: float
    refused: dict[str, int]
    shed: dict[str, int]


class Exposure(msgspec.Struct):
    """What is staked on an event, and what the house would lose if in each of its markets the worst selection won."""

    event: str
    topic: str
    name: str
    currency: str
    stakes: str
    liability: str
    markets: int


class OperationsShown(msgspec.Struct):
    """How everything is. `missing`: what could not be asked."""

    at_ms: int
    shards: list[Shard]
    feeds: list[FeedShown]
    gateways: list[Worker]
    betting: Betting
    exposure: list[Exposure]
    missing: list[str]


class DelaysAsked(msgspec.Struct, frozen=True):
    """`since_ms`: columns after this time, Unix ms."""

    since_ms: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)] = 0


class DelayColumn(msgspec.Struct):
    """What came within a step from `at_ms` on: how many of each bucket."""

    at_ms: int
    counts: list[int]


class Delays(msgspec.Struct):
    """How long each stage took, over time. `bounds_ms`: upper bounds of the buckets; there is one more, without one.

    `bus`: from the receipt of the provider's message to whoever reads the log's bus. `shard`: how late flushes to
    devices ended.
    """

    step_ms: int
    bounds_ms: list[int]
    bus: list[DelayColumn]
    shard: list[DelayColumn]


class DrainIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`window_s`: devices are spread over so many seconds; null: as the shard's own settings say."""

    reason: Reason
    window_s: Annotated[float, msgspec.Meta(ge=0, le=WINDOW_S_MAX)] | None = None


class Draining(msgspec.Struct):
    """It has begun to."""

    shard: str
    devices: int


class PlaceAsked(msgspec.Struct, frozen=True):
    """A point, the accuracy of its fix in metres, and whether it moves."""

    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    accuracy_m: Annotated[float, msgspec.Meta(gt=0, le=100_000)] = 30.0
    moving: bool = False


class RuleShown(msgspec.Struct):
    """A rule in force: what it says, about what, by which source."""

    id: str
    verdict: Literal["allow", "refuse"]
    text: str
    when: dict[str, str]
    title: str
    section: str
    address: str


class Verdict(msgspec.Struct):
    """Whether a place would be accepted, and for how many seconds; else by which refusal. `state`: which holds the
    point, null for none; `border_m`: how far its border is, or a zone's."""

    accepted: bool
    code: str
    advice: str
    state: str | None
    state_name: str
    border_m: float | None
    buffer_m: float
    lifetime_s: int | None
    age: int | None
    rules: list[RuleShown]
    boundaries: str
    reviewed: str


class Border(msgspec.Struct):
    """A state's rings of longitude and latitude, and whether anything may be bet on there."""

    state: str
    offered: bool
    rings: list[list[tuple[float, float]]]


class Borders(msgspec.Struct):
    """The states. They are drawn by these, and judged by finer ones."""

    items: list[Border]
    boundaries: str


class BordersAsked(msgspec.Struct, frozen=True):
    """`state`: this one alone, as fine as there is."""

    state: Annotated[str, msgspec.Meta(pattern=r"^US-[A-Z]{2}$")] | None = None
