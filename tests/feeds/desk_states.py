"""What tests of the desk share: overlays of any kind, and markets as they are published under them."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from feeds.contract.desk import Overlay, Rules, apply
from feeds.contract.errors import Refused
from feeds.contract.lane import Stored
from feeds.contract.model import Market
from feeds.contract.prices import price_from_milli
from feeds.contract.records import decode_overlay, encode_overlay
from feeds.contract.subjects import desk_subject
from gateway.desk.commands import (
    Command,
    Edit,
    Resume,
    SetMargin,
    SetMaxStake,
    SetPrice,
    Suspend,
    carried_out,
    parse_aim,
)

AIMS = ("football", "football.nfl", "football.nfl:main", "football.nfl.E1", "football.nfl.E1:prop", "football:main")


def command(aim: str, edit: Edit, *, number: int = 1, version: int | None = None) -> Command:
    """A command of jo's."""
    return Command(f"command-{number}", parse_aim(aim), edit, "jo", "because", version)


def overlay(aim: str, *edits: Edit, now_ms: int = 0, version: int = 0) -> Overlay:
    """The overlay after these edits of one aim."""
    made: Overlay | None = None
    for number, edit in enumerate(edits, start=version + 1):
        made = carried_out(command(aim, edit, number=number), made, version=number, now_ms=now_ms)
    assert made is not None
    return made


def stored(made: Overlay, s: int, *, lane: int = 0) -> Stored:
    """An overlay as it is read live."""
    return Stored(desk_subject(lane, made.scope).replace("odds.", "live.", 1), s, encode_overlay(made))


def published(market: Market, records: Iterable[Stored], now_ms: int) -> Market:
    """A market under the overlays of a lane, each scope's last record."""
    last = {record.subject[5:]: record for record in records}
    overlays = [decode_overlay(record.subject, record.data) for record in last.values()]
    league = market.topic.rpartition(".")[0]
    order = (league.partition(".")[0], league, market.topic)
    laid = {each.scope: Rules(each) for each in overlays if not each.over}
    return apply([laid[scope] for scope in order if scope in laid], market, now_ms)


def any_command(random: Random, markets: list[str], number: int) -> Command:
    """A command of any kind, on anything there may be."""
    market = f"football.nfl.E1.{random.choice(markets)}"
    edits: list[tuple[str, Edit]] = [
        (random.choice((*AIMS, market)), Suspend(random.choice((None, 1, 5)))),
        (random.choice((*AIMS, market)), Resume()),
        (market, SetPrice("O1", price_from_milli(random.randrange(1_100, 9_000)), random.choice((1, 3)))),
        (market, SetPrice("O1", None)),
        (random.choice((*AIMS, market)), SetMargin(random.choice((None, 100, 550)))),
        (random.choice((*AIMS, market)), SetMaxStake(random.choice((None, 10_000)))),
    ]
    return command(*random.choice(edits), number=number)


def tried(wanted: Command, before: Overlay | None, now_ms: int) -> Overlay | None:
    """The overlay after a command, None where it is refused."""
    try:
        return carried_out(wanted, before, version=1 if before is None else before.version + 1, now_ms=now_ms)
    except Refused:
        return None
