"""What the model says beside what was measured: cells that it was not fitted to. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec
import numpy as np

from bench.capacity.coefficients import Coefficients, Made, fitted
from bench.capacity.shard import behind_ms, p99_ms, served
from bench.capacity.sizing import Demand, load_of
from bench.result import Result
from feeds.contract.errors import Refused

_NAME = re.compile(r"shard_cpu_share_(\d+)_sockets_(\d+)_a_second\Z")

FIGURES = {
    "cpu": ("shard_cpu_share", "share of a core"),
    "p99_ms": ("ingest_to_device_p99_ms", "p99, ms"),
    "memory": ("shard_memory_per_socket", "memory a socket, B"),
}


class Compared(NamedTuple):
    """One figure of one load, predicted and measured."""

    sockets: int
    rate: int
    figure: str
    predicted: float
    measured: float

    @property
    def off(self) -> float:
        """By what share the prediction is above the measurement."""
        return self.predicted / self.measured - 1


def compared(growth: Result, costs: Coefficients) -> list[Compared]:
    """Every cell of a result of `bench growth`."""
    events, tier_ms = int(str(growth.parameters["events"])), float(str(growth.parameters["tier"]))
    found = []
    for name in growth.figures:
        match = _NAME.match(name)
        if match is None:
            continue
        sockets, rate = int(match[1]), int(match[2])
        measured = {
            figure: growth.figures[f"{named}_{sockets}_sockets_{rate}_a_second"].value
            for figure, (named, _) in FIGURES.items()
        }
        records = growth.figures[f"records_per_s_{sockets}_sockets_{rate}_a_second"].value
        demand = Demand(sockets, round(records), events, tier_ms, 1, 1, 1, 1)
        predicted = predict(demand, costs)
        found += [Compared(sockets, rate, figure, predicted[figure], measured[figure]) for figure in FIGURES]
    return found


def predict(demand: Demand, costs: Coefficients) -> dict[str, float]:
    """What one shard with all of these devices comes to."""
    made = served(load_of(demand, demand.devices), demand.tier_ms, costs)
    late = p99_ms(made, behind_ms(made, costs), np.array([float(demand.devices)]))
    return {"cpu": float(made.cpu[0]), "p99_ms": late, "memory": costs.load_bytes / demand.devices + costs.socket_bytes}


def growth_of(text: bytes) -> Result:
    """A result of `bench growth --json`. Raises Refused("bad_growth")."""
    try:
        result = msgspec.json.decode(text, type=Result)
    except msgspec.MsgspecError as error:
        raise Refused("bad_growth", str(error)) from error
    if result.name != "growth":
        raise Refused("bad_growth", f"this is a result of {result.name}")
    return result


def held_out(costs: Coefficients) -> list[Compared]:
    """Cells that the coefficients were fitted to, each predicted by a fit of the others. Not those of the highest rate:
    without them nothing tells what a record costs, and at it the bus is late itself."""
    found = []
    made = Made(**{name: getattr(costs, name) for name in Made._fields})
    fastest = max(cell.records_per_s for cell in costs.cells)
    for cell in costs.cells:
        if cell.records_per_s > fastest / 2:
            continue
        others = fitted([other for other in costs.cells if other is not cell], made)
        rate = round(cell.records_per_s)
        predicted = predict(Demand(cell.sockets, rate, costs.events, costs.tier_ms, 1, 1, 1, 1), others)
        found.append(Compared(cell.sockets, rate, "cpu", predicted["cpu"], cell.cpu))
        found.append(Compared(cell.sockets, rate, "p99_ms", predicted["p99_ms"], cell.p99_ms))
    return found
