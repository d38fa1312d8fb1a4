"""`oddswire ledger verify`: everything read again, and what differs. The only place of the ledger that wires."""

from __future__ import annotations

import sys
from collections.abc import Callable

from gateway.money.audit import Audit, audit
from gateway.settlement.recounting import recount
from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings

EXIT_OK, EXIT_DIFFERS = 0, 1

_SORTING_S_MAX = 3_600.0
"""How long the first rows of a large ledger may take to come."""


async def verify(settings: DatabaseSettings, tell: Callable[[str], None]) -> int:
    """Gives the exit status: 0 nothing differs, 1 something does. Raises DatabaseUnavailable."""

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    patient = settings.model_copy(update={"statement_timeout_s": _SORTING_S_MAX})
    async with open_database(patient) as database:
        found = await audit(database, progress)
        await recount(database, found, progress)
    for line in report(found):
        tell(line)
    return EXIT_OK if found.clean else EXIT_DIFFERS


def report(found: Audit) -> list[str]:
    """The lines of it: what differs, then what was read."""
    lines = [f"{one.rule}  {one.where}: {one.what}" for one in found.differences]
    more = found.differing.total() - len(found.differences)
    if more:
        lines.append(f"and {more:,} more: " + ", ".join(f"{rule} {n:,}" for rule, n in sorted(found.differing.items())))
    read = ", ".join(f"{number:,} {what}" for what, number in found.counted.items())
    lines.append(f"ledger {'clean' if found.clean else 'DIFFERS'}: {read}")
    return lines
