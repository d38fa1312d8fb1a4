"""Random runs of the pure parts: no gap, no wrong market, no false answer, no wrong cent, in any seed of any world."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from bench.simulation import worlds
from bench.simulation.violation import Violation
from bench.simulation.virtual_time import VirtualLoop, run_virtual
from bench.simulation.words import world as words

SEEDS_CI = 500
SEEDS_PROOF = 2_000
BATCH = 25


@pytest.mark.parametrize("first", range(0, SEEDS_CI, BATCH))
def test_every_rule_holds(first: int) -> None:
    for seed in range(first, first + BATCH):
        for name in worlds.NAMES:
            worlds.run(name, seed)


@pytest.mark.parametrize("kept", worlds.kept_seeds(), ids=lambda kept: f"{kept.world}-{kept.seed}")
def test_what_was_wrong_once(kept: worlds.Kept) -> None:
    worlds.run(kept.world, kept.seed)


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_every_rule_holds_in_many_seeds() -> None:
    for seed in range(SEEDS_CI, SEEDS_CI + SEEDS_PROOF):
        for name in worlds.NAMES:
            worlds.run(name, seed)


_TRACES = """
import hashlib
from bench.simulation import worlds
said = hashlib.sha256()
for name in ("delivery", "money", "settlement"):
    said.update("\\n".join(worlds.run(name, 7).trace).encode())
print(said.hexdigest())
"""


def test_a_seed_is_the_same_run_in_every_process() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", _TRACES],
            env={**os.environ, "PYTHONHASHSEED": hashes},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for hashes in ("1", "2")
    }
    assert len(said) == 1


def test_a_failure_says_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(world: object) -> None:
        raise Violation("S9: no")

    monkeypatch.setattr(words.World, "run", break_down)
    with pytest.raises(worlds.Failed, match=r"^oddswire bench simulate --world words --seed 4: Violation\('S9: no'\)"):
        worlds.run("words", 4)


def test_virtual_time_is_exact_and_takes_none() -> None:
    woke: list[float] = []

    async def live(loop: VirtualLoop) -> None:
        began_s = loop.time()
        for wait_s in (3_600, 0.25, 0):
            await asyncio.sleep(wait_s)
            woke.append(loop.time() - began_s)

    run_virtual(live)
    assert woke == pytest.approx([3_600, 3_600.25, 3_600.25])


def test_who_waits_for_nothing_is_found() -> None:
    async def live(loop: VirtualLoop) -> None:
        await loop.create_future()

    with pytest.raises(Violation, match="nothing will ever happen"):
        run_virtual(live)
