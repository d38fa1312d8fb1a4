"""Every provider, in one table: a name, and how one is made of what follows the colon in `--provider NAME[:WHERE]`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from feeds.contract.errors import Refused
from feeds.contract.ids import SLUG_PATTERN
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
    record: Path | None = None


def _simulator(where: str, options: ProviderOptions) -> Provider:
    from feeds.providers.simulator.client import Simulator  # noqa: PLC0415 only what runs is loaded

    if options.record is not None:
        raise Refused(
            "bad_provider", "the simulator says nothing that could be recorded: the same seed, the same slate"
        )
    if where:
        raise Refused("bad_provider", f"the simulator takes nothing after its name, got {where!r}")
    return Simulator(
        feed=options.feed, lanes=options.lanes, events=options.events, rate=options.rate, seed=options.seed
    )


def _betfair(where: str, options: ProviderOptions) -> Provider:
    from feeds.providers.betfair.client import BetfairRecording  # noqa: PLC0415 only what runs is loaded

    path = Path(where)
    if not where or not path.is_file() or not os.access(path, os.R_OK):
        raise Refused("unreadable", f"no readable recording: {where or 'betfair:FILE names none'}")
    recorder = None if options.record is None else Recorder(options.record, options.feed)
    return BetfairRecording(
        path, feed=options.feed, lanes=options.lanes, speed=options.speed, loop=options.loop, recorder=recorder
    )


PROVIDERS: dict[str, Callable[[str, ProviderOptions], Provider]] = {
    "simulator": _simulator,
    "betfair": _betfair,
}


def default_feed(spec: str) -> str:
    """The feed's name where none was given: the provider's."""
    return spec.partition(":")[0]


def make_provider(spec: str, options: ProviderOptions) -> Provider:
    """The provider of `NAME` or `NAME:WHERE`. Raises Refused("unknown_provider", "bad_feed", or the provider's own)."""
    name, _, where = spec.partition(":")
    factory = PROVIDERS.get(name)
    if factory is None:
        raise Refused("unknown_provider", f"unknown provider {name!r}; there are: {', '.join(PROVIDERS)}")
    if not SLUG_PATTERN.match(options.feed):
        raise Refused("bad_feed", f"a feed's name is of a-z, 0-9, _ and -, at most 48 characters: {options.feed!r}")
    return factory(where, options)
