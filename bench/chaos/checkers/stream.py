"""The stream: what devices showed, against the log. S4 to S7; S1 to S3 and S8 are held against each frame (view.py)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from bench.chaos.checkers.log import Log
from bench.chaos.checkers.violation import Violation
from bench.chaos.view import Seen, Shown, View

SILENCE_S = 3.5
"""S7: a source that fell silent is shown stale within it."""

TOLD_MAX = 20
"""Of one rule and device; more are the same again."""

_LOOK_S = 0.05


def check_shown(shown: Shown, log: Log) -> Iterator[Violation]:
    """S5, S6: everything that was shown stands in the log, at that position, as it was shown."""
    for (lane, s, what), seen in shown.items():
        record = log.records.get((lane, s))
        if record is None or record.id != what:
            yield Violation("S6", f"device {seen.device}", f"{what} at {s} of lane {lane} was never published")
        elif record.form != seen.form:
            yield _other(record.is_open, seen, f"{what} at {s} of lane {lane}")


def _other(is_open: bool, seen: Seen, where: str) -> Violation:
    rule = "S5" if seen.is_open and not is_open else "S6"
    return Violation(rule, f"device {seen.device}", f"{where} is shown as it was never published")


def check_silences(views: Sequence[View], log: Log, *, slack_s: float) -> Iterator[Violation]:
    """S7: no frame that came so long after a source's last beat left the device believing in that source."""
    for source, times in log.beats.items():
        ends = [*times[1:], times[-1]]
        silent = [(one + SILENCE_S + slack_s, other) for one, other in zip(times, ends, strict=True)]
        silent = [(from_s, to_s) for from_s, to_s in silent if from_s < to_s]
        for view in views if silent else ():
            yield from _believed(view, source, silent)


def _believed(view: View, source: str, silent: list[tuple[float, float]]) -> Iterator[Violation]:
    if source not in view.sources:
        return
    for from_s, to_s in silent:
        late = [at_s - from_s for at_s, not_live in view.heard if from_s < at_s < to_s and source not in not_live]
        if late:
            told = f"{source} fell silent {SILENCE_S + min(late):.2f} s before and is shown live"
            yield Violation("S7", f"device {view.name}", told)


def behind(view: View, log: Log) -> list[str]:
    """S4: what the device does not show of what the log holds."""
    missing = []
    for record in log.last.values():
        body = record.body
        if record.kind == "market":
            wanted = any(topic.means(body["topic"], record.id, body["class"]) for topic in view.topics)
            held = view.last.get(record.id, 0)
            if wanted and held < record.s and not (record.over and record.id not in view.markets):
                missing.append(f"{record.id} at {held} of {record.s}")
            elif wanted and not record.over and held == record.s and record.id not in view.markets:
                missing.append(f"{record.id} at {record.s}, which it dropped")
        elif not record.over and any(topic.leads(body["topic"]) for topic in view.topics):
            held = view.events.get(record.id, {"s": 0})["s"]
            if held < record.s:
                missing.append(f"event {record.id} at {held} of {record.s}")
    return missing


async def until_converged(views: Sequence[View], log: Log, within_s: float) -> tuple[float, list[Violation]]:
    """Waits until every device holds what the log held when it was read; gives how long that took, seconds."""
    began_s = time.monotonic()
    while late := [view for view in views if behind(view, log)]:
        if time.monotonic() - began_s > within_s:
            return within_s, [_lag(view, log) for view in late]
        await asyncio.sleep(_LOOK_S)
    return time.monotonic() - began_s, []


def _lag(view: View, log: Log) -> Violation:
    missing = behind(view, log)
    live = "live" if view.live else "not live"
    return Violation("S4", f"device {view.name}", f"{live}, lacks {len(missing)}: {', '.join(missing[:5])}")
