"""Latencies: recorded in microseconds, told in milliseconds. A thin face on HdrHistogram (hdrhistogram.org)."""

from __future__ import annotations

from hdrh.histogram import HdrHistogram

from bench.result import Reading

_LOWEST_US, _HIGHEST_US = 1, 60_000_000
_DIGITS = 3

QUANTILES = (("p50", 50.0), ("p99", 99.0), ("p999", 99.9))


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

    def percentile_us(self, quantile: float) -> int:
        """Of 100."""
        return int(self._histogram.get_value_at_percentile(quantile))

    def figures(self, name: str) -> dict[str, Reading]:
        """`NAME_p50_ms` and further quantiles, `NAME_max_ms`."""
        told = {
            f"{name}_{label}_ms": Reading(self._histogram.get_value_at_percentile(quantile) / 1000, "ms")
            for label, quantile in QUANTILES
        }
        told[f"{name}_max_ms"] = Reading(self._histogram.get_max_value() / 1000 if len(self) else 0.0, "ms")
        return told
