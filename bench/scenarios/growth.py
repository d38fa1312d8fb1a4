"""How the cost of a shard grows: with its devices at one rate of updates, and with the rate at one number of devices.

Each cell is a run of `fanout` of its own; what is drawn is the shard's share of its core, and the p99 from ingest to
device. No bound but that nobody is sent away: this finds the knee, it does not judge it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from bench.line import LOG_DIR
from bench.options import seconds_to
from bench.picture import Lines, lines
from bench.result import Limit, Measured, Reading, Result, Usage
from bench.scenario import Scenario, Tell
from bench.scenarios import fanout

SOCKETS = (1_000, 3_000, 7_000, 15_000)
RATES = (100, 1_000, 5_000, 20_000)
_RATE_OF_SOCKETS = 2_000
_SOCKETS_OF_RATES = 1_000

_TOLD = {
    "shard_cpu_share": "the shard's share of a core",
    "ingest_to_device_p99_ms": "p99 from ingest to device",
}


class Cell(NamedTuple):
    """One load."""

    sockets: int
    rate: int

    def figure(self, name: str) -> str:
        """The name of one of its figures."""
        return f"{name}_{self.sockets}_sockets_{self.rate}_a_second"


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """Every cell once. Raises CannotMeasure."""
    figures: dict[str, Reading] = {}
    processes: list[Usage] = []
    closed = 0.0
    for cell in _cells(options.sockets, options.rates):
        load = argparse.Namespace(**vars(options) | cell._asdict())
        measured = await fanout.run(load, partial(_tell, tell, cell))
        figures |= {cell.figure(name): measured.figures[name] for name in _TOLD}
        closed += measured.figures["closed"].value
        processes += measured.processes
    return Measured(figures | {"closed": Reading(closed, "1")}, processes)


def _tell(tell: Tell, cell: Cell, text: str) -> None:
    tell(f"{cell.sockets} devices, {cell.rate} updates a second: {text}")


def draw(result: Result) -> str:
    """A chart for each figure and axis."""
    axes = (
        ("devices", [Cell(sockets, _RATE_OF_SOCKETS) for sockets in _numbers(str(result.parameters["sockets"]))]),
        ("updates a second", [Cell(_SOCKETS_OF_RATES, rate) for rate in _numbers(str(result.parameters["rates"]))]),
    )
    return lines([_chart(result, name, axis, cells) for name in _TOLD for axis, cells in axes])


def _chart(result: Result, name: str, axis: str, cells: Sequence[Cell]) -> Lines:
    by_sockets = axis == "devices"
    points = [(float(c.sockets if by_sockets else c.rate), result.figures[c.figure(name)].value) for c in cells]
    series = f"{_RATE_OF_SOCKETS} updates/s" if by_sockets else f"{_SOCKETS_OF_RATES} devices"
    return Lines(_TOLD[name], axis, result.figures[cells[0].figure(name)].unit, {series: points})


def _cells(sockets: str, rates: str) -> list[Cell]:
    by_sockets = [Cell(number, _RATE_OF_SOCKETS) for number in _numbers(sockets)]
    return [*by_sockets, *(Cell(_SOCKETS_OF_RATES, rate) for rate in _numbers(rates))]


def _numbers(text: str) -> list[int]:
    return sorted({int(word) for word in text.split(",")})


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--sockets", default=_comma(SOCKETS), metavar="N,...", help="devices, at 2000 updates a second (%(default)s)")
    add("--rates", default=_comma(RATES), metavar="N,...", help="updates a second, to 1000 devices (%(default)s)")
    add("--seconds", type=seconds_to(600), default=8.0, metavar="S", help="measured time of each (%(default)s)")
    parser.set_defaults(events=200, tier=100, spread="even", log_dir=LOG_DIR)


def _comma(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))


GROWTH = Scenario(
    "growth",
    "how the cost grows with devices and with updates",
    (Limit("closed", 0, "every"),),
    _options,
    run,
    draw=draw,
)
