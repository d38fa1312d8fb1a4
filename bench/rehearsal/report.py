"""The rehearsal as a page that the runbook quotes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bench.chaos.checkers.violation import Violation
from bench.rehearsal.watching import Drilled

_HEAD = "| what happened | odds | bets | whole | connections that ended | promised | kept |"


def page(
    drills: Sequence[Drilled], violations: Sequence[Violation], facts: Sequence[str], left_out: Sequence[str]
) -> str:
    """Markdown: what happened, for how long it was felt, and whether everything holds."""
    lines = [
        "# Rehearsal",
        "",
        *(f"- {fact}" for fact in facts),
        "",
        _HEAD,
        "|---|---|---|---|---|---|---|",
        *map(_row, drills),
        "",
        "Odds: the longest stretch in which some device was not live, heard nothing or was told that a source is",
        "stale; a heartbeat comes every second, so up to 1.6 s of silence is quiet. Bets: the longest stretch without",
        "an accepted bet. Whole: until every process served again, once it was mended.",
        "",
        f"Invariants of DOMAIN.md 5 afterwards: {len(violations)} violations.",
        *(f"- {one}" for one in violations),
        *(["", "Left out here: " + "; ".join(left_out) + "."] if left_out else []),
    ]
    return "\n".join(lines) + "\n"


def _row(one: Drilled) -> str:
    kept = "yes" if one.kept else f"**no** {one.failed}".rstrip()
    ends = ", ".join(f"{times} by {_closed(how)}" for how, times in one.ends.items()) or "none"
    felt = f"{one.odds_s:.1f} s | {one.bets_s:.1f} s | {one.whole_s:.1f} s | {ends}"
    return f"| {one.says} | {felt} | {one.promised_s:g} s: {one.source} | {kept} |"


def _closed(how: str) -> str:
    name, _, code = how.partition(" ")
    return code or name
