"""What a device holds of its own account, and the rule of the private topic: news in order, each once. Pure.

    state          what the account has as of `seq`: taken, unless more is known already
    seq = last+1   the next news
    seq <= last    known already: dropped
    seq > last+1   a hole, as is a state above `last`: what lies between is asked for by REST (`missing`), and what came
                   meanwhile waits for it; where it cannot be had, `give_up` goes on without

Used by the reference client; oddswire.js does the same in a browser.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Message = dict[str, Any]

AHEAD_MAX = 1_000
"""News kept while a hole is filled; beyond it the newest is dropped, and asked for with the rest."""

_RUNNING = frozenset({"pending_acceptance", "accepted", "under_review"})


class AccountReplica:
    """News of one account. `seq` is the number of the newest that was shown, None before the first state; `wallet` and
    `bets` (running ones, by id) are as of then. `holes` counts holes, `skipped` news that were given up."""

    def __init__(self) -> None:
        self.seq: int | None = None
        self.wallet: Message | None = None
        self.bets: dict[str, Message] = {}
        self.holes = 0
        self.skipped = 0
        self._ahead: dict[int, Message] = {}
        self._state: Message | None = None

    @property
    def missing(self) -> int | None:
        """After which number news are to be asked for; None where nothing is missing."""
        return self.seq if self._ahead or self._state is not None else None

    def hold(self, seq: int) -> None:
        """Begins where an earlier session ended, which showed everything up to `seq`. Before any message."""
        self.seq = seq

    def receive(self, message: Message) -> list[Message]:
        """One message of the topic. Gives what is to be shown by it, in order."""
        seq: int = message["seq"]
        is_state = message["kind"] == "state"
        if self.seq is None or (is_state and seq == self.seq) or (seq == self.seq + 1 and not is_state):
            return [*self._show(message), *self._follow()]
        if seq <= self.seq:
            return []
        if self.missing is None:
            self.holes += 1
        if is_state:
            self._state = message
        elif len(self._ahead) < AHEAD_MAX:
            self._ahead[seq] = message
        return []

    def recovered(self, items: Iterable[Message]) -> list[Message]:
        """A page by REST of what came after `missing`. Gives what is to be shown by it, in order."""
        shown: list[Message] = []
        for item in items:
            if self.seq is not None and item["seq"] == self.seq + 1:
                shown += self._show({"t": "account", **item})
                shown += self._follow()
        return shown

    def give_up(self) -> list[Message]:
        """What is missing cannot be had: goes on with the state, or the next that came. Gives what is to be shown."""
        ahead = [*self._ahead, *([] if self._state is None else [self._state["seq"]])]
        if not ahead or self.seq is None:
            return []
        if self._state is not None:  # it stands for all before it
            message, self._state = self._state, None
            self._ahead = {seq: one for seq, one in self._ahead.items() if seq > message["seq"]}
        else:
            message = self._ahead.pop(min(self._ahead))
        self.skipped += message["seq"] - self.seq - (message["kind"] != "state")
        return [*self._show(message), *self._follow()]

    def _follow(self) -> list[Message]:
        """What waited for this."""
        shown: list[Message] = []
        while self.seq is not None:
            if self._state is not None and self._state["seq"] <= self.seq:
                state, self._state = self._state, None
                shown += self._show(state) if state["seq"] == self.seq else ()
            elif self.seq + 1 in self._ahead:
                shown += self._show(self._ahead.pop(self.seq + 1))
            else:
                break
        return shown

    def _show(self, message: Message) -> list[Message]:
        data, kind = message["data"], message["kind"]
        self.seq = message["seq"]
        self.wallet = data.get("wallet", self.wallet)
        if kind == "state":
            self.bets = {bet["id"]: bet for bet in data["bets"]}
        else:
            self._take_bets(kind, data)
        return [message]

    def _take_bets(self, kind: str, data: Message) -> None:
        """Which bets run by now: what was placed, and what was settled and is open again."""
        match kind:
            case "bet_placed":
                self.bets[data["bet"]] = {"id": data["bet"], "stake": data.get("stake")}
            case "bet_refused":
                self.bets.pop(data["bet"], None)
            case "bet_settled" | "bet_corrected":
                for bet in data.get("bets", [data]):
                    if bet.get("state") in _RUNNING:
                        self.bets.setdefault(bet["bet"], {"id": bet["bet"]})
                    else:
                        self.bets.pop(bet["bet"], None)
            case "cash_out":
                if not data["open_stake"].strip("0."):
                    self.bets.pop(data["bet"], None)
