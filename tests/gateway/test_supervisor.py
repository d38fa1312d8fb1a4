"""The supervisor over real processes: small scripts stand for the parts."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from gateway.local import restarts, supervisor
from gateway.local.console import Console
from gateway.local.datadir import locked, tail
from gateway.local.errors import PartFailed
from gateway.local.plan import Part, Plan
from gateway.local.supervisor import Supervisor

SERVE = """
import signal, sys
def end(*_):
    print("{name} ended", file=open("ends", "a"))
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("{name} ready")
while True:
    signal.pause()
"""

DEAF = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "600"], start_new_session=False)
print("{name} ready")
while True:
    signal.pause()
"""


class Said(io.StringIO):
    """A console's stream whose lines can be awaited."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: asyncio.Queue[str] = asyncio.Queue()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._lines.put_nowait(text.removeprefix("\r\x1b[K").rstrip("\n"))
        return len(text)

    def lines_so_far(self) -> list[str]:
        """Lines that nobody has awaited yet."""
        return [self._lines.get_nowait() for _ in range(self._lines.qsize())]

    async def until(self, beginning: str) -> list[str]:
        """Lines up to the first that begins so, which must come within 20 s."""
        lines: list[str] = []
        async with asyncio.timeout(20):
            while not lines or not lines[-1].startswith(beginning):
                lines.append(await self._lines.get())
        return lines


def part(name: str, script: str) -> Part:
    argv = ("-c", script.replace("{name}", name))
    return Part(name=name, argv=argv, ready_line=rf"^{name} ready$", line=f"{name} serves")


def descendants() -> list[psutil.Process]:
    """All that was started, but for the database that other tests have beside."""
    return [child for child in psutil.Process().children(recursive=True) if child.name() != "postgres"]


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@asynccontextmanager
async def running(*stages: Sequence[Part]) -> AsyncIterator[tuple[Said, asyncio.Task[None]]]:
    """A stack as it runs; afterwards it was ended and nothing is left of it."""
    said, plan = Said(), Plan(stages=tuple(tuple(stage) for stage in stages), streams=("ws://here",), nats_url="")
    with locked(Path.cwd()):
        stack = asyncio.create_task(Supervisor(plan, Path.cwd(), Console(said)).run())
        try:
            yield said, stack
        finally:
            stack.cancel()
            with suppress(PartFailed):
                await stack
    assert descendants() == []


async def test_stages_start_in_order_and_end_in_reverse(data_dir: Path) -> None:
    async with running([part("a", SERVE)], [part("b", SERVE)], [part("c", SERVE), part("d", SERVE)]) as (said, _):
        assert (await said.until("ready in"))[:-1] == [
            *("starting a ...", "a serves", "starting b ...", "b serves"),
            *("starting c, d ...", "c serves", "d serves"),
        ]
        assert "ws://here" in (data_dir / "stack.json").read_text()
    ends = (data_dir / "ends").read_text().splitlines()
    assert {*ends[:2]} == {"c ended", "d ended"}
    assert ends[2:] == ["b ended", "a ended"]
    assert not (data_dir / "stack.json").exists()


async def test_a_part_that_dies_is_started_again() -> None:
    async with running([part("a", SERVE)]) as (said, _):
        await said.until("ready in")
        [process] = descendants()
        process.kill()
        assert await said.until("a is ready again") == [
            "a died, by SIGKILL; starting it again in 0.25 s",
            "a is ready again",
        ]


async def test_a_part_that_dies_again_and_again_ends_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, "BACKOFF_FIRST_S", 0.01)
    async with running([part("a", SERVE)], [part("b", "print('why'); raise SystemExit(3)")]) as (_, stack):
        with pytest.raises(PartFailed, match=r"^b died 5 times in 30 s, last exit status 3$") as failure:
            await stack
    assert tail(failure.value.log, 1) == ["why"]


async def test_a_part_that_refuses_what_it_was_given_is_not_started_again() -> None:
    async with running([part("a", SERVE)], [part("b", "raise SystemExit(2)")]) as (_, stack):
        with pytest.raises(PartFailed, match=r"^b does not start, exit status 2$"):
            await stack


async def test_a_part_that_never_serves_ends_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "START_S", 0.2)
    async with running([part("a", "import signal; signal.pause()")]) as (_, stack):
        with pytest.raises(PartFailed, match=r"^a is not ready after 0.2 s$"):
            await stack


async def test_a_part_that_ends_well_has_died_all_the_same() -> None:
    async with running([part("a", SERVE)]) as (said, _):
        await said.until("ready in")
        [process] = descendants()
        process.terminate()
        assert "a died, exit status 0; starting it again in 0.25 s" in await said.until("a is ready again")


async def test_what_does_not_hear_sigterm_is_killed_with_its_own_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE_S", 0.2)
    async with running([part("a", DEAF)]) as (said, _):
        await said.until("ready in")
        assert len(descendants()) == 2


async def test_a_second_signal_kills_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "SAME_SIGNAL_S", 0.0)
    async with running([part("a", SERVE)], [part("b", DEAF)]) as (said, stack):
        await said.until("ready in")
        os.kill(os.getpid(), signal.SIGINT)
        await said.until("stopping")
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(3):
            await stack


async def test_a_signal_sent_twice_is_one(data_dir: Path) -> None:
    async with running([part("a", SERVE)], [part("b", SERVE)]) as (said, stack):
        await said.until("ready in")
        os.kill(os.getpid(), signal.SIGTERM)
        await said.until("stopping")
        os.kill(os.getpid(), signal.SIGTERM)
        await stack
    assert (data_dir / "ends").read_text() == "b ended\na ended\n"


async def test_a_part_has_the_settings_of_the_plan_unless_the_user_set_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODDSWIRE_B", "mine")
    show = "import os, signal; print(os.environ['ODDSWIRE_A'], os.environ['ODDSWIRE_B']); signal.pause()"
    settings = (("ODDSWIRE_A", "planned"), ("ODDSWIRE_B", "planned"))
    shown = Part(name="a", argv=("-c", show), ready_line="^planned mine$", line="a serves", environment=settings)
    async with running([shown]) as (said, _):
        await said.until("ready in")


async def test_a_ready_line_may_come_in_pieces_and_amid_others() -> None:
    script = """
import sys, signal
for piece in ("starting\\n", "a re", "ady", "\\n", "more\\n"):
    sys.stdout.write(piece)
    sys.stdout.flush()
signal.pause()
"""
    async with running([part("a", script)]) as (said, _):
        await said.until("ready in")
