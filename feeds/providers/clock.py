"""What time it is for a provider's thin shells. Pure modules are given it."""

from __future__ import annotations

import time


def unix_ms() -> int:
    """Now, Unix milliseconds."""
    return time.time_ns() // 1_000_000
