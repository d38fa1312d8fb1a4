"""Latencies: recorded in microseconds, told in milliseconds. A thin face on HdrHistogram (hdrhistogram.org).

What becomes figures becomes a curve of the recording, too (recording.py).
"""

from __future__ import annotations

from hdrh.histogram import HdrHistogram

from bench.recording import recording
from bench.result import Reading

_LOWEST_US, _HIGHEST_US = 1, 60_000_000
_DIGITS = 3
RECENT_MAX = 100_000

QUANTILES = (("p50", 50.0), ("p99", 99.0), ("p999", 99.9))
CURVE = (0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99, 99.999)
"""Percentiles of a curve; each needs a value of its own, so few values give a shorter curve."""


class Latency:
    """A histogram from 1 us to 60 s at three digits; what lies outside counts as the nearest of the two."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(_LOWEST_US, _HIGHEST_US, _DIGITS)

    def record_us(self, microseconds: int) -> None:
        """One more."""
        self._histogram.record_value(min(max(microseconds, _LOWEST_US), _HIGHEST_US))

    def reset(self) -> None:
        """Forgets all."""
        self._histogram.reset()

    def encoded(self) -> str:
        """All of it, as text for another process."""
        return str(self._histogram.encode().decode())

    def add(self, encoded: str) -> None:
        """What another process recorded."""
        self._histogram.decode_and_add(encoded)

    def __len__(self) -> int:
        return int(self._histogram.get_total_count())

    def quantile_ms(self, percent: float) -> float:
        """The value that so many per cent do not exceed; 0 of none."""
        return float(self._histogram.get_value_at_percentile(percent)) / 1000

    def curve(self) -> list[tuple[float, float]]:
        """Percentile and milliseconds, as far as there are values to tell them apart."""
        count = len(self)
        wanted = [percent for percent in CURVE if count and (100.0 - percent) * count >= 100.0]
        values = self._histogram.get_percentile_to_value_dict(wanted) if wanted else {}
        return [(percent, values[percent] / 1000) for percent in wanted if percent in values]

    def figures(self, name: str) -> dict[str, Reading]:
        """`NAME_p50_ms` and further quantiles, `NAME_max_ms`."""
        told = {f"{name}_{label}_ms": Reading(self.quantile_ms(quantile), "ms") for label, quantile in QUANTILES}
        told[f"{name}_max_ms"] = Reading(self._histogram.get_max_value() / 1000 if len(self) else 0.0, "ms")
        recording().curve(name, self.curve())
        return told


class Recent(Latency):
    """A latency that also tells what came since it was last asked: for how it goes over time."""

    def __init__(self) -> None:
        super().__init__()
        self._recent: list[int] = []

    def record_us(self, microseconds: int) -> None:
        """One more; beyond `RECENT_MAX` in one interval only the histogram has it."""
        super().record_us(microseconds)
        if len(self._recent) < RECENT_MAX:
            self._recent.append(microseconds)

    def recent_ms(self) -> tuple[float, float, float] | None:
        """p50, p99 and the longest since the last call; None where nothing came."""
        ranked, self._recent = sorted(self._recent), []
        if not ranked:
            return None
        at = [ranked[min(len(ranked) - 1, int(len(ranked) * share))] / 1000 for share in (0.5, 0.99)]
        return at[0], at[1], ranked[-1] / 1000
