"""The browser's account replica is the Python one: the same random calls, the same shown and held after each."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import orjson

from fanout.contract.account import AccountReplica, Message
from tests.browser.chromium import Chromium
from tests.browser.pages import module_tab
from tests.browser.scripts import Script, copied

SEEDS = 60
CALLS = 60
NAMES = {"give_up": "giveUp"}


def news(seq: int, random: Random) -> Message:
    kind = random.choice(("balance", "bet_placed", "bet_settled", "bet_corrected", "bet_refused", "cash_out"))
    bet = {"bet": f"B{random.randrange(3)}", "stake": "1.00", "state": random.choice(("accepted", "won"))}
    said: Message = {} if kind == "balance" else {**bet, "open_stake": random.choice(("0.00", "0", "0.50", "10.00"))}
    if kind == "bet_corrected" and random.random() < 0.5:
        said = {"bets": [bet]}
    return {"seq": seq, "ts": seq, "kind": kind, "data": {**said, "wallet": {"version": seq}}}


def script_of(seed: int) -> Script:
    """News that come, are lost, doubled and late; states of now and of before; pages, whole or not; and giving up."""
    random = Random(seed)
    script: Script = [["hold", random.randrange(3)]] if random.random() < 0.3 else []
    newest, at = 0, random.randrange(5)
    for _ in range(CALLS):
        newest += random.randrange(2)
        at = max(0, min(newest, at + random.randrange(-1, 3)))
        match random.randrange(8):
            case 0:
                bets = [{"id": f"B{number}"} for number in range(random.randrange(3))]
                data = {"wallet": {"version": at}, "bets": bets}
                script.append(["receive", {"t": "account", "seq": at, "ts": 0, "kind": "state", "data": data}])
            case 1 | 2:
                script.append(["recovered", [news(seq, random) for seq in range(at, at + random.randrange(6))]])
            case 3:
                script.append(["give_up"])
            case _:
                script.append(["receive", {"t": "account", **news(at, random)}])
    return script


def played(script: Script) -> list[Message]:
    """The Python side."""
    account, told = AccountReplica(), []
    for name, *given in copied(script):
        shown: Any = getattr(account, name)(*given) or []
        held = {name: getattr(account, name) for name in ("seq", "missing", "wallet", "holes", "skipped", "bets")}
        told.append(copied({"shown": shown, **held}))
    return told


async def test_the_same_is_shown_and_held_after_every_call(browser: Chromium) -> None:
    tab = await module_tab(browser, "/player.js")
    await tab.until("() => window.ready")
    scripts = [script_of(seed) for seed in range(SEEDS)]
    said = [[[NAMES.get(name, name), *given] for name, *given in script] for script in scripts]
    answer = orjson.loads(await tab.run("(scripts) => window.playAccounts(scripts)", orjson.dumps(said).decode()))
    seen: Counter[str] = Counter()
    for script, told in zip(scripts, answer, strict=True):
        mine = played(script)
        for number, (theirs, ours) in enumerate(zip(told, mine, strict=True)):
            assert orjson.loads(theirs) == ours, (number, script[max(0, number - 3) : number + 1])
        seen["holes"] += mine[-1]["holes"]
        seen["skipped"] += mine[-1]["skipped"]
    assert min(seen["holes"], seen["skipped"]) > 20
    assert tab.faults == []
    await tab.close()
