"""How the cost of a shard grows: with its devices at one rate of updates, and with the rate at one number of devices.

Each cell is a run of `fanout` of its own; what is drawn is the shard's share of its core, and the p99 from ingest to
device. With `--grid` every number of devices is run at every rate. No bound but that every cell was measured and nobody
sent away: this finds the knee, it does not judge it. `records_per_s` tells how many updates really came: the feed and
NATS share the other cores with the swarm, and have a limit of their own.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from bench.options import count_to, counts_to, numbers
from bench.picture import Lines, lines
from bench.report import number
from bench.result import Limit, Measured, Reading, Result, Usage
from bench.scenario import CannotMeasure, Scenario, Tell
from bench.scenarios import fanout

SOCKETS = (1_000, 3_000, 7_000, 15_000)
RATES = (100, 1_000, 5_000, 20_000)
_SOCKETS_MOST, _RATE_MOST = 200_000, 20_000

_DRAWN = {
    "shard_cpu_share": "the shard's share of a core",
    "ingest_to_device_p99_ms": "p99 from ingest to device",
}
_KEPT = (*_DRAWN, "ingest_to_device_p50_ms", "records_per_s", "deliveries_per_s", "shard_memory_per_socket")


class Cell(NamedTuple):
    """One load."""

    sockets: int
    rate: int

    @property
    def title(self) -> str:
        """For people, and for the names of its processes."""
        return f"{self.sockets}x{self.rate}/s"

    def figure(self, name: str) -> str:
        """The name of one of its figures."""
        return f"{name}_{self.sockets}_sockets_{self.rate}_a_second"


class Row(NamedTuple):
    """Cells that make one line: along the devices, or along the rate; the other stands still."""

    axis: str
    at: str
    cells: tuple[Cell, ...]

    @property
    def by_sockets(self) -> bool:
        """Along the devices."""
        return self.axis == _DEVICES


_DEVICES, _UPDATES = "devices", "updates a second"


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """Every cell once; one that cannot be measured is told, and the others are. Raises CannotMeasure if none can."""
    figures: dict[str, Reading] = {}
    processes: list[Usage] = []
    closed, failed = 0.0, 0
    cells = dict.fromkeys(cell for row in rows(vars(options)) for cell in row.cells)
    for cell in cells:
        load = argparse.Namespace(**vars(options) | cell._asdict())
        try:
            measured = await fanout.run(load, partial(_tell, tell, cell))
        except CannotMeasure as error:
            failed += 1
            _tell(tell, cell, str(error))
            continue
        figures |= {cell.figure(name): measured.figures[name] for name in _KEPT}
        closed += measured.figures["closed"].value
        processes += [msgspec.structs.replace(one, name=f"{one.name} {cell.title}") for one in measured.processes]
    if failed == len(cells):
        raise CannotMeasure("no load could be measured")
    return Measured(figures | {"closed": Reading(closed, "1"), "cells_failed": Reading(failed, "1")}, processes)


def _tell(tell: Tell, cell: Cell, text: str) -> None:
    tell(f"{cell.sockets} devices, {cell.rate} updates a second: {text}")


def rows(options: dict[str, object]) -> list[Row]:
    """The lines that the options ask for."""
    sockets, rates = numbers(str(options["sockets"])), numbers(str(options["rates"]))
    if options["grid"]:
        return [_by_sockets(sockets, rate) for rate in rates]
    at_sockets = int(str(options["at_sockets"]))
    by_rates = Row(_UPDATES, f"{at_sockets:,} devices", tuple(Cell(at_sockets, rate) for rate in rates))
    return [_by_sockets(sockets, int(str(options["at_rate"]))), by_rates]


def _by_sockets(sockets: Sequence[int], rate: int) -> Row:
    return Row(_DEVICES, f"{rate:,} updates/s", tuple(Cell(number, rate) for number in sockets))


def table(result: Result) -> Iterator[str]:
    """A row for each cell."""
    columns = {"share of core": "shard_cpu_share", "p50 ms": "ingest_to_device_p50_ms"}
    columns |= {"p99 ms": "ingest_to_device_p99_ms", "records/s": "records_per_s", "deliveries/s": "deliveries_per_s"}
    yield f"  {'devices':>10} {'updates/s':>10} " + " ".join(f"{title:>14}" for title in columns)
    for cell in dict.fromkeys(cell for row in rows(dict(result.parameters)) for cell in row.cells):
        figures = [result.figures.get(cell.figure(name)) for name in columns.values()]
        told = ["not measured" if figure is None else number(figure.value) for figure in figures]
        yield f"  {cell.sockets:>10,} {cell.rate:>10,} " + " ".join(f"{text:>14}" for text in told)


def draw(result: Result) -> str:
    """A chart for each figure and axis, and in it a line for each row."""
    every = rows(dict(result.parameters))
    charts = []
    for name, title in _DRAWN.items():
        for axis in dict.fromkeys(row.axis for row in every):
            drawn = {row.at: _points(result, name, row) for row in every if row.axis == axis}
            unit = "" if name == "shard_cpu_share" else "ms"
            charts.append(Lines(title, axis, unit, {at: points for at, points in drawn.items() if points}))
    return lines([chart for chart in charts if chart.series])


def _points(result: Result, name: str, row: Row) -> list[tuple[float, float]]:
    measured = [(cell, result.figures.get(cell.figure(name))) for cell in row.cells]
    return [(float(cell.sockets if row.by_sockets else cell.rate), figure.value) for cell, figure in measured if figure]


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    numbers_of = {"sockets": (_SOCKETS_MOST, SOCKETS, "devices"), "rates": (_RATE_MOST, RATES, "updates a second")}
    for name, (most, default, what) in numbers_of.items():
        text = ",".join(map(str, default))
        add(f"--{name}", type=counts_to(most), default=text, metavar="N,...", help=f"{what} (%(default)s)")
    add("--grid", action="store_true", help="every number of devices at every rate, instead of one line for each")
    at = "along the other axis (%(default)s)"
    add("--at-rate", type=count_to(_RATE_MOST), default=2_000, metavar="N", help=f"updates a second, {at}")
    add("--at-sockets", type=count_to(_SOCKETS_MOST), default=1_000, metavar="N", help=f"devices, {at}")
    fanout.shape_options(parser, fanout.Defaults(seconds=8.0))


GROWTH = Scenario(
    "growth",
    "how the cost grows with devices and with updates",
    (Limit("closed", 0, "every"), Limit("cells_failed", 0, "every")),
    _options,
    run,
    table=table,
    draw=draw,
)
