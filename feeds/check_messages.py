"""`oddswire feeds check` of messages that stand for themselves: what each holds, and how many were understood.

Owns that report and its exit status. Never maps to our model. Adding a provider is one line in MESSAGE_INSPECTORS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TextIO

import msgspec

from feeds.contract.errors import Refused
from feeds.inspection import MessageInspector, MessageSeen, OutcomeSeen
from feeds.providers.sportradar.inspection import SportradarInspector
from feeds.recording import Tally

MESSAGE_INSPECTORS: Final[Mapping[str, Callable[[], MessageInspector]]] = {
    "sportradar": SportradarInspector,
}


def check_messages(path: Path, inspector: MessageInspector, *, as_json: bool, out: TextIO, err: TextIO) -> Tally:
    """Writes a report of each message and of all. Raises Refused("unreadable" | ...) where nothing could be read."""
    tally = Tally()
    kinds: Counter[str] = Counter()
    write = _json if as_json else _text
    try:
        for file, line in inspector.documents(path):
            try:
                seen = inspector.read(file, line)
            except Refused as refusal:
                tally.refuse(refusal.code)
                err.write(f"feeds check: {file}, line {line.number}: {refusal}\n")
                continue
            tally.understood += 1
            kinds[seen.message] += 1
            out.write(write(seen))
    except Refused as refusal:
        if not tally.lines:
            raise
        err.write(f"feeds check: {refusal}\n")
        tally.refuse(refusal.code)
    _summary(tally, kinds, as_json=as_json, out=out)
    return tally


def _summary(tally: Tally, kinds: Counter[str], *, as_json: bool, out: TextIO) -> None:
    if not as_json:
        out.write(f"{tally.lines} messages, {tally.understood} understood, {tally.refused} refused\n")
        out.writelines(f"  {count} {reason}\n" for reason, count in tally.reasons.most_common())
        return
    summary = {
        "lines": tally.lines,
        "understood": tally.understood,
        "refused": tally.refused,
        "reasons": dict(tally.reasons),
        "messages": dict(kinds),
    }
    out.write(msgspec.json.encode({"summary": summary}).decode() + "\n")


def _json(seen: MessageSeen) -> str:
    return msgspec.json.encode(seen).decode() + "\n"


def _text(seen: MessageSeen) -> str:
    told = "  ".join(f"{name}={value}" for name, value in seen.attributes.items())
    lines = [f"{seen.file}:{seen.line} {seen.message}  {told}"]
    for market in seen.markets:
        status = "" if market.status is None else f"  status {market.status}"
        lines.append(f"  market {market.market} {market.specifiers or ''}{status}")
        lines += [f"    {_outcome(outcome)}" for outcome in market.outcomes]
    return "\n".join(lines) + "\n"


def _outcome(outcome: OutcomeSeen) -> str:
    return "  ".join(f"{name} {value}" for name, value in msgspec.structs.asdict(outcome).items() if value is not None)
