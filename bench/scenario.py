"""What a scenario is: a name, options, limits, and one run. The registry is bench/scenarios/registry.py."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

from bench.result import Limit, Measured, Result

Tell = Callable[[str], None]
"""Progress, one line for people."""


class CannotMeasure(Exception):
    """What was asked for cannot be measured here, or a part of it failed. The text is for people."""


class Scenario(NamedTuple):
    """One thing that is measured. `run` is told the parsed options; each run starts from nothing and leaves nothing.

    `run` raises CannotMeasure. `options` adds the scenario's own to those every scenario has; each has a default.
    `table` tells a result in a form of its own, instead of a figure a line; `draw` gives it as SVG.
    """

    name: str
    summary: str
    limits: tuple[Limit, ...]
    options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Tell], Awaitable[Measured]]
    table: Callable[[Result], Iterator[str]] | None = None
    draw: Callable[[Result], str] | None = None
