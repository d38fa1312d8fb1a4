"""How a run goes, in one line. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bench.picture import short
from bench.recording import CPU, MEMORY, Key

BUSIEST = 4
NUMBERS_MAX = 6
_IDLE_CORES = 0.005


def progress_line(at_s: float, latest: Mapping[Key, float]) -> str:
    """The last point of every series that is no process's, then CPU of the busiest."""
    numbers = [_number(key, value) for key, value in latest.items() if key.plot not in (CPU, MEMORY)]
    cores = sorted(((value, key.name) for key, value in latest.items() if key.plot == CPU), reverse=True)
    busy = [f"{name} {value:.0%}" for value, name in cores[:BUSIEST] if value > _IDLE_CORES]
    return " | ".join(part for part in (f"{at_s:5.0f} s", ", ".join(numbers[:NUMBERS_MAX]), ", ".join(busy)) if part)


def _number(key: Key, value: float) -> str:
    unit = "" if key.unit == "1" else f"/{key.unit[2:]}" if key.unit.startswith("1/") else f" {key.unit}"
    return f"{key.name} {short(value)}{unit}"
