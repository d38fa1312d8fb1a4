"""wrk, the load of HTTP reads: how it is called, and what it says."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench.scenario import CannotMeasure

WRK = "wrk"
CONNECTIONS = 32
PACED_CONNECTIONS = 128
"""wrk waits in whole milliseconds between two requests of a connection: more connections, finer rates."""

_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0}
_GRACE_S = 30.0


class Heard(NamedTuple):
    """What came back."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


def installed() -> bool:
    """Whether this machine has it."""
    return shutil.which(WRK) is not None


async def load(
    url: str,
    seconds: float,
    *,
    place: Path,
    wait_ms: float | None = None,
    headers: Mapping[str, str] | None = None,
    script: Path | None = None,
) -> Heard:
    """As fast as it goes, or with so long, on average, between an answer and the next request; `script`: what it asks,
    in Lua, where that is more than a GET. Raises CannotMeasure."""
    words = [WRK, "-t1", f"-d{max(1, round(seconds))}", "--latency"]
    if wait_ms is None:
        words += [f"-c{CONNECTIONS}", *(("-s", str(script)) if script is not None else ())]
    else:
        words += [f"-c{PACED_CONNECTIONS}", "-s", str(_pace(place, wait_ms))]
    words += [word for name, value in (headers or {}).items() for word in ("-H", f"{name}: {value}")]
    process = await asyncio.create_subprocess_exec(
        *words, url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(seconds + _GRACE_S):
            said = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return heard(said)


def heard(said: str) -> Heard:
    """What wrk says at its end. Raises CannotMeasure."""
    total = re.search(r"(\d+) requests in ([0-9.]+)(us|ms|s|m)", said)
    if total is None or "Non-2xx or 3xx" in said or "Socket errors" in said:
        raise CannotMeasure(f"wrk: {' | '.join(said.splitlines()[-8:])}")
    seconds = float(total[2]) * _UNITS_MS[total[3]] / 1_000
    return Heard(int(total[1]), seconds, _quantile_ms(said, "50%"), _quantile_ms(said, "99%"))


def _quantile_ms(said: str, name: str) -> float:
    found = re.search(rf"^ +{name} +([0-9.]+)(us|ms|s|m)$", said, re.MULTILINE)
    if found is None:
        raise CannotMeasure(f"wrk says no {name}")
    return float(found[1]) * _UNITS_MS[found[2]]


def _pace(place: Path, mean_ms: float) -> Path:
    """A script that has each connection wait for so long between two requests, evenly from nothing to twice that."""
    script = place / "pace.lua"
    script.write_text(f"function delay() return math.floor(math.random() * {2 * mean_ms:.3f} + 0.5) end\n")
    return script
