"""What a watcher is told, as text: movements of prices and statuses, latency, and one plain line for each. Pure.

Names come from providers: what is not printable never reaches a terminal.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from fanout.contract.replica import Message, Replica

LATENCY_WINDOW_S = 10.0
LATENCIES_MAX = 20_000
"""Latencies kept; at more changes than these in the window, the newest."""

_HUNDREDTH = 99
_NO_PRICE = "off"


class Change(NamedTuple):
    """One visible change of a market: of a selection's price or status, or of the market's (`selection` empty).

    `moved` is the sign of the change of the price: 1 pays more than before, -1 less, 0 cannot be compared.
    """

    market: Message
    selection: str
    before: str
    after: str
    moved: int = 0


class Shown(NamedTuple):
    """A market as it was last shown: its status, and text and decimal price of every selection."""

    status: str
    prices: dict[str, tuple[str, float]]


class Movements:
    """Tells what changed from one message to the next by what is visible: repeated states are no change."""

    def __init__(self) -> None:
        self._shown: dict[str, Shown] = {}
        self._not_live: dict[str, str] = {}

    def of_message(self, message: Message, replica: Replica) -> list[Change]:
        """The changes that a message made, after the replica took it. What an image brings first is no change."""
        image = message["t"] == "img"
        changes: list[Change] = []
        for part in message.get("m", ()):
            market_id = part["id"]
            market, before = replica.markets.get(market_id), self._shown.pop(market_id, None)
            if market is None:
                if before is not None and part.get("gone"):
                    changes.append(Change(part, "", before.status, "gone"))
                continue
            after = self._shown[market_id] = _shown(market)
            if before is not None or not image:
                changes += _between(market, before, after)
        if message["t"] == "live":
            self._shown = {market_id: shown for market_id, shown in self._shown.items() if market_id in replica.markets}
        return changes

    def of_sources(self, replica: Replica) -> list[tuple[str, str]]:
        """Sources that turned since the last call, with their state."""
        before, after = self._not_live, dict(replica.not_live)
        self._not_live = after
        turned = [(source, state) for source, state in after.items() if before.get(source) != state]
        return turned + [(source, "live") for source in before if source not in after]


class Latency:
    """Milliseconds from the ingestor's receipt of a change to its arrival here, over the last seconds."""

    def __init__(self) -> None:
        self._ms: deque[tuple[float, int]] = deque(maxlen=LATENCIES_MAX)

    def note(self, latency_ms: int, now_s: float) -> None:
        """A change arrived."""
        self._ms.append((now_s, latency_ms))

    def quantiles_ms(self, now_s: float) -> tuple[int, int] | None:
        """p50 and p99 of the window, or None where nothing arrived in it."""
        while self._ms and self._ms[0][0] < now_s - LATENCY_WINDOW_S:
            self._ms.popleft()
        ranked = sorted(latency_ms for _, latency_ms in self._ms)
        if not ranked:
            return None
        last = len(ranked) - 1
        return ranked[last // 2], ranked[last * _HUNDREDTH // 100]


def plain(text: str) -> str:
    """The text without anything that a terminal would obey."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def american(price: int | None) -> str:
    """An American price as it is written: `+120`, `-110`, `off` for a withdrawn one."""
    return _NO_PRICE if price is None else f"{price:+d}"


def clock(now_ms: int) -> str:
    """Local time of day, to the millisecond."""
    return time.strftime("%H:%M:%S", time.localtime(now_ms // 1000)) + f".{now_ms % 1000:03d}"


def change_line(change: Change, events: dict[str, Message], *, now_ms: int, latency_ms: int | None) -> str:
    """`HH:MM:SS.mmm  football.nfl.E1  Bills @ Chiefs  spread  Chiefs -3.5  -110 -> -115  34 ms`."""
    market = change.market
    event = events.get(market.get("event", ""), {})
    fields = [
        clock(now_ms),
        market.get("topic", ""),
        event.get("name", ""),
        market_name(market),
        change.selection,
        f"{change.before} -> {change.after}",
        "" if latency_ms is None else f"{latency_ms} ms",
    ]
    return line(fields)


def account_line(message: Message, *, now_ms: int) -> str:
    """`HH:MM:SS.mmm  account 17  bet_placed  bet B1  stake 10.00  cash 90.00 USD  open stakes 10.00  12 ms`."""
    data = message["data"]
    wallet = data.get("wallet") or {}
    plain_facts = [f"{name} {value}" for name, value in data.items() if isinstance(value, str | int)]
    held = [f"cash {wallet['cash']} {wallet['currency']}", f"open stakes {wallet['open_stakes']}"] if wallet else []
    bets = [f"{len(data['bets'])} running bets"] if "bets" in data else []
    ago = [] if message["kind"] == "state" else [f"{max(0, now_ms - message['ts'])} ms"]
    return line([clock(now_ms), f"account {message['seq']}", message["kind"], *plain_facts, *bets, *held, *ago])


def line(fields: Iterable[str]) -> str:
    """Two spaces between what is there."""
    return "  ".join(plain(field) for field in fields if field)


def market_name(market: Message) -> str:
    """Type, subject and period of a market, as far as they say anything. A market that is gone has but its id."""
    if "type" not in market:
        return str(market["id"])
    period = market["period"]
    words = [market.get("subject", {}).get("name", ""), market["type"], "" if period == "game" else period]
    return " ".join(word for word in words if word)


def _shown(market: Message) -> Shown:
    return Shown(_status(market), {selection["id"]: _price(selection) for selection in market["x"]})


def _status(market: Message) -> str:
    reason = market.get("reason")
    return f"{market['st']} ({reason})" if reason else str(market["st"])


def _price(selection: Message) -> tuple[str, float]:
    text = american(selection["a"])
    if selection["st"] != "open":
        text = f"{text} {selection['st']}"
    return text, 0.0 if selection["d"] is None else float(selection["d"])


def _between(market: Message, before: Shown | None, after: Shown) -> list[Change]:
    changes: list[Change] = []
    if before is not None and before.status != after.status:
        changes.append(Change(market, "", before.status, after.status))
    for selection in market["x"]:
        text, decimal = after.prices[selection["id"]]
        old_text, old_decimal = ("new", 0.0) if before is None else before.prices.get(selection["id"], ("new", 0.0))
        if text != old_text:
            moved = (decimal > old_decimal) - (decimal < old_decimal) if decimal and old_decimal else 0
            changes.append(Change(market, selection["name"], old_text, text, moved))
    return changes
