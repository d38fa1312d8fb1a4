"""The browser's replica is the Python one: the same random calls, the same state after every one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from random import Random

import orjson
import pytest

from tests.browser.chromium import Chromium, Tab
from tests.browser.pages import module_tab
from tests.browser.scripts import Player, Script, begun_from_a_board, copied, directed, mangled, simulated

SEEDS_CI = 8
SEEDS_PROOF = 300


def scripts_of(seed: int) -> list[Script]:
    """Every device's script as it was, mangled, and begun from a board."""
    random = Random(seed)
    whole = simulated(seed)
    broken = [mangled(script, random) for script in whole]
    begun = [begun_from_a_board(script, random) for script in (*whole, *broken)]
    return [*whole, *broken, *begun]


async def compare(tab: Tab, scripts: list[Script]) -> Counter[str]:
    """Plays them on both sides; gives how often what is rare came up. Fails at the first difference."""
    seen: Counter[str] = Counter()
    answer = orjson.loads(await tab.run("(scripts) => window.play(scripts)", orjson.dumps(scripts).decode()))
    for script, shown in zip(scripts, answer, strict=True):
        player = Player()
        for number, (call, told) in enumerate(zip(copied(script), shown, strict=True)):
            mine = copied(player.play(copied(call)))
            assert orjson.loads(told) == mine, (number, script[max(0, number - 3) : number + 1])
            seen["calls"] += 1
            seen.update(set(mine["states"].values()))
            seen["trusted"] += number == 2 and script[0][0] == "hold" and bool(mine["markets"])
        seen["gaps"] += player.replica.gaps
    return seen


@pytest.fixture
async def tab(browser: Chromium) -> AsyncIterator[Tab]:
    tab = await module_tab(browser, "/player.js")
    await tab.until("() => window.ready")
    yield tab
    assert tab.faults == []
    await tab.close()


async def test_the_same_state_after_every_call_of_random_runs(tab: Tab) -> None:
    seen = await compare(tab, [script for seed in range(SEEDS_CI) for script in scripts_of(seed)])
    assert seen["calls"] > 5_000
    assert min(seen[rare] for rare in ("gaps", "stale", "rebuilding", "live", "trusted")) > 10


async def test_the_same_state_after_every_call_of_the_directed_tests(tab: Tab) -> None:
    seen = await compare(tab, directed())
    assert seen["calls"] > 200
    assert seen["gaps"] > 5


@pytest.mark.proof
@pytest.mark.timeout(1_800)
async def test_the_same_state_in_many_seeds(tab: Tab) -> None:
    for seed in range(SEEDS_CI, SEEDS_CI + SEEDS_PROOF):
        await compare(tab, scripts_of(seed))
