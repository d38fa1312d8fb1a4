"""Every provider, in one table: a name, and how one is made of what follows the colon in `--provider NAME[:WHERE]`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from feeds.contract.errors import Refused
from feeds.contract.ids import SLUG_PATTERN
from feeds.mapping import MappingTable, Names
from feeds.ports import Provider
from feeds.recorder import Recorder


@dataclass(frozen=True)
class ProviderOptions:
    """What a provider may be told. Each takes what means something to it."""

    feed: str
    lanes: int
    events: int
    rate: int
    seed: int
    speed: float
    loop: bool
    corrections: float = 0.0
    game_s: int = 600
    mapping: MappingTable = field(default_factory=MappingTable)
    record: Path | None = None


def _readable(where: str) -> Path:
    path = Path(where)
    if not path.is_file() or not os.access(path, os.R_OK):
        raise Refused("unreadable", f"no readable recording: {where}")
    return path


def _recorder(options: ProviderOptions) -> Recorder | None:
    """For what is live: a recording need not be recorded."""
    return None if options.record is None else Recorder(options.record, options.feed)


def _check_live(options: ProviderOptions) -> None:
    if options.record is not None:
        raise Refused("bad_provider", "only what a live provider says can be recorded")


def _simulator(where: str, options: ProviderOptions) -> Provider:
    from feeds.providers.simulator.client import Simulator  # noqa: PLC0415 only what runs is loaded
    from feeds.providers.simulator.listing import Chance  # noqa: PLC0415

    _check_live(options)
    if where:
        raise Refused("bad_provider", f"the simulator takes nothing after its name, got {where!r}")
    return Simulator(
        feed=options.feed,
        lanes=options.lanes,
        events=options.events,
        rate=options.rate,
        game_s=options.game_s,
        chance=Chance(options.seed, corrections=options.corrections),
    )


def _betfair(where: str, options: ProviderOptions) -> Provider:
    from feeds.providers.betfair.client import BetfairRecording  # noqa: PLC0415 only what runs is loaded
    from feeds.providers.betfair.layout import PROVIDER  # noqa: PLC0415
    from feeds.providers.betfair.live import BetfairLive  # noqa: PLC0415
    from feeds.providers.betfair.settings import BetfairSettings  # noqa: PLC0415

    names = Names(PROVIDER, options.mapping)
    if not where:
        live = BetfairLive(BetfairSettings(), feed=options.feed, lanes=options.lanes, names=names)
        live.recorder = _recorder(options)
        return live
    _check_live(options)
    return BetfairRecording(
        _readable(where),
        feed=options.feed,
        lanes=options.lanes,
        speed=options.speed,
        loop=options.loop,
        names=names,
    )


def _theoddsapi(where: str, options: ProviderOptions) -> Provider:
    from feeds.providers.theoddsapi.client import TheOddsApi  # noqa: PLC0415 only what runs is loaded
    from feeds.providers.theoddsapi.mapping import PROVIDER, Translator  # noqa: PLC0415
    from feeds.providers.theoddsapi.recording import TheOddsApiRecording  # noqa: PLC0415
    from feeds.providers.theoddsapi.settings import TheOddsApiSettings, check_bookmaker  # noqa: PLC0415

    settings = TheOddsApiSettings()  # of this provider alone, so read only where it runs
    names = Names(PROVIDER, options.mapping)
    if not where:
        live = TheOddsApi(settings, feed=options.feed, lanes=options.lanes, names=names)
        live.recorder = _recorder(options)
        return live
    _check_live(options)
    translator = Translator(
        feed=options.feed,
        lanes=options.lanes,
        names=names,
        bookmaker=check_bookmaker(settings),
        price_format=settings.odds_format,
    )
    return TheOddsApiRecording(_readable(where), translator, feed=options.feed, speed=options.speed, loop=options.loop)


def _sportradar(where: str, options: ProviderOptions) -> Provider:
    if where.isdecimal():
        from feeds.providers.sportradar.client import SportradarFeed  # noqa: PLC0415 only what runs is loaded
        from feeds.providers.sportradar.settings import SportradarSettings  # noqa: PLC0415

        settings = SportradarSettings()
        live = SportradarFeed(
            int(where), settings=settings, feed=options.feed, lanes=options.lanes, mapping=options.mapping
        )
        live.recorder = _recorder(options)
        return live
    _check_live(options)
    from feeds.providers.sportradar.recorded import SportradarRecording  # noqa: PLC0415

    path = Path(where)
    if not where or not os.access(path, os.R_OK):
        raise Refused("unreadable", f"no readable recording: {where or 'sportradar:PRODUCER|PATH names none'}")
    return SportradarRecording(
        path,
        feed=options.feed,
        lanes=options.lanes,
        mapping=options.mapping,
        speed=options.speed,
        loop=options.loop,
    )


PROVIDERS: dict[str, Callable[[str, ProviderOptions], Provider]] = {
    "simulator": _simulator,
    "betfair": _betfair,
    "theoddsapi": _theoddsapi,
    "sportradar": _sportradar,
}


def default_feed(spec: str) -> str:
    """The feed's name where none was given: the provider's, with its producer where it names one (`sportradar-1`)."""
    name, _, where = spec.partition(":")
    return f"{name}-{where}" if where.isdecimal() else name


def make_provider(spec: str, options: ProviderOptions) -> Provider:
    """The provider of `NAME` or `NAME:WHERE`. Raises Refused("unknown_provider", "bad_feed", or the provider's own)."""
    name, _, where = spec.partition(":")
    factory = PROVIDERS.get(name)
    if factory is None:
        raise Refused("unknown_provider", f"unknown provider {name!r}; there are: {', '.join(PROVIDERS)}")
    if not SLUG_PATTERN.match(options.feed):
        raise Refused("bad_feed", f"a feed's name is of a-z, 0-9, _ and -, at most 48 characters: {options.feed!r}")
    return factory(where, options)
