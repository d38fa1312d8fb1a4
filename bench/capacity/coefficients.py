"""What a shard costs: coefficients fitted to measured cells, and kept as dated data. Pure but for reading the file.

A shard's CPU a second is `idle + record x records + write x frames + byte x bytes + connect x connects`. No coefficient
is below nothing: what a fit would make so is left out of it.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from bench.machine import Machine
from feeds.contract.errors import Refused

_FILE = Path(__file__).parent / "data" / "coefficients.json"

_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Positive = Annotated[float, msgspec.Meta(gt=0)]


LATE = 0.01
"""The share of deliveries that p99 leaves out."""
HEARTBEATS_PER_S = 0.2
"""Frames to every device that tell of no change."""


class Cell(NamedTuple):
    """One measured load of a shard: what it did a second, and its share of a core."""

    sockets: int
    records_per_s: float
    frames_per_s: float
    bytes_per_s: float
    deliveries_per_s: float
    cpu: float
    socket_bytes: float
    p99_ms: float


class Coefficients(msgspec.Struct, frozen=True, kw_only=True):
    """CPU seconds of one core like the one of `machine`, bytes of memory, and bytes on the wire.

    `record_cpu_s`: a message of the bus, decoded, kept, and encoded for the devices of its market;
    `frame_bytes`: of a frame beside the changes in it. `load_bytes`: memory that a load takes however many
    devices share it, beside boards and the process itself; `socket_bytes` come with each device.
    `changes_at_once`: markets of an event that change together. `transit_ms`: from ingest to the shard's board,
    99 of 100. `cells` are what all of it was fitted to, over `events` at `tier_ms`.
    """

    measured: datetime.date
    command: str
    machine: Machine
    idle_cpu: _Seconds
    record_cpu_s: _Seconds
    write_cpu_s: _Positive
    byte_cpu_s: _Seconds
    connect_cpu_s: _Positive
    load_bytes: Annotated[float, msgspec.Meta(ge=0)]
    socket_bytes: _Positive
    frame_bytes: _Positive
    change_bytes: _Positive
    changes_at_once: Annotated[float, msgspec.Meta(ge=1)]
    transit_ms: Annotated[float, msgspec.Meta(ge=0)]
    events: int
    tier_ms: float
    cells: tuple[Cell, ...]


class Made(NamedTuple):
    """When, how and where cells were measured, and what is not fitted to them."""

    measured: datetime.date
    command: str
    machine: Machine
    events: int
    tier_ms: float
    connect_cpu_s: float


class Fitted(NamedTuple):
    """CPU seconds each."""

    idle_cpu: float
    record_cpu_s: float
    write_cpu_s: float
    byte_cpu_s: float


def fit_cpu(cells: Sequence[Cell]) -> Fitted:
    """The least squares of relative errors. Raises Refused("too_few_cells")."""
    if len(cells) < len(Fitted._fields):
        raise Refused("too_few_cells", f"{len(cells)} cells do not tell {len(Fitted._fields)} coefficients apart")
    rows = [(1.0, cell.records_per_s, cell.frames_per_s, cell.bytes_per_s) for cell in cells]
    cpu = np.array([cell.cpu for cell in cells])
    return Fitted(*not_below_zero(np.array(rows) / cpu[:, None], np.ones(len(cells))))


def not_below_zero(rows: np.ndarray, values: np.ndarray) -> list[float]:
    """Least squares of `rows @ x = values` where no x may be below 0: the best of all choices of which are left out."""
    columns = rows.shape[1]
    best, found = np.inf, [0.0] * columns
    for chosen in range(1, 1 << columns):
        used = [column for column in range(columns) if chosen >> column & 1]
        scale = np.abs(rows[:, used]).max(axis=0)
        if not scale.all():
            continue
        fitted, *_ = np.linalg.lstsq(rows[:, used] / scale, values, rcond=None)
        fitted = fitted / scale
        missed = float(((rows[:, used] @ fitted - values) ** 2).sum())
        if (fitted >= 0).all() and missed < best * (1 - 1e-9):
            best = missed
            found = [0.0] * columns
            for column, value in zip(used, fitted, strict=True):
                found[column] = float(value)
    return found


def fit_bytes(cells: Sequence[Cell]) -> tuple[float, float]:
    """Bytes of a frame, and of a change in it."""
    received = np.array([cell.bytes_per_s for cell in cells])
    rows = np.array([(cell.frames_per_s, cell.deliveries_per_s) for cell in cells])
    frame, change = not_below_zero(rows / received[:, None], np.ones(len(cells)))
    return max(frame, 1.0), max(change, 1.0)


def fit_memory(cells: Sequence[Cell]) -> tuple[float, float]:
    """Bytes that come with a load, and with each socket. The least squares of relative errors."""
    each = np.array([cell.socket_bytes for cell in cells])
    rows = np.array([(1 / cell.sockets, 1.0) for cell in cells])
    load, socket = not_below_zero(rows / each[:, None], np.ones(len(cells)))
    return load, max(socket, 1.0)


def fit_at_once(cells: Sequence[Cell], *, events: int, tier_ms: float) -> float:
    """How many changes of an event come at once: so that ticks in which something changed are as many as were seen."""
    tick_s = tier_ms / 1000
    found = []
    for cell in cells:
        ticks = (cell.frames_per_s / cell.sockets - HEARTBEATS_PER_S) * tick_s
        if 0 < ticks < 1:
            found.append(-cell.records_per_s / events * tick_s / math.log(1 - ticks))
    return max(median(found), 1.0) if found else 1.0


def fitted(cells: Sequence[Cell], made: Made) -> Coefficients:
    """All of them. Raises Refused("too_few_cells")."""
    frame_bytes, change_bytes = fit_bytes(cells)
    calmest = min(cells, key=lambda cell: cell.cpu)
    load_bytes, socket_bytes = fit_memory(cells)
    return Coefficients(
        **made._asdict(),
        **fit_cpu(cells)._asdict(),
        load_bytes=load_bytes,
        socket_bytes=socket_bytes,
        frame_bytes=frame_bytes,
        change_bytes=change_bytes,
        changes_at_once=fit_at_once(cells, events=made.events, tier_ms=made.tier_ms),
        transit_ms=max(calmest.p99_ms - (1 - LATE) * made.tier_ms, 0.0),
        cells=tuple(cells),
    )


def coefficients_of(text: bytes) -> Coefficients:
    """Those of a file. Raises Refused("bad_coefficients")."""
    try:
        return msgspec.json.decode(text, type=Coefficients)
    except msgspec.MsgspecError as error:
        raise Refused("bad_coefficients", str(error)) from error


@cache
def shipped_coefficients() -> Coefficients:
    """The file that ships with this package. Raises Refused("bad_coefficients")."""
    return coefficients_of(_FILE.read_bytes())
