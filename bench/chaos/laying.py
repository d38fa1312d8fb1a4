"""Lets a plan happen to a stack, and takes everything off again, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bench.chaos import clocks
from bench.chaos.plan import ClockFault, DiskFault, Fault, Laid, LineFault, Plan, ProcessFault, Repetition
from bench.chaos.repeating import repeat_results
from bench.chaos.stack import Stack
from bench.faults.plan import Faults
from bench.scenario import Tell

TakeOff = Callable[[], Awaitable[None]]


async def lay(plan: Plan, stack: Stack, tell: Tell) -> None:
    """All of it, each fault at its time, until the last is off."""
    began_s = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as group:
        for laid in plan.laid:
            group.create_task(_one(laid, began_s, stack, plan.seed, tell))


async def _one(laid: Laid, began_s: float, stack: Stack, seed: int, tell: Tell) -> None:
    await _until(began_s + laid.from_s)
    tell(f"{laid.from_s:6.2f} to {laid.to_s:6.2f} s  {told(laid.fault)}")
    take_off = await _lay_on(laid.fault, stack, seed)
    try:
        await _until(began_s + laid.to_s)
    finally:
        await take_off()


async def _lay_on(fault: Fault, stack: Stack, seed: int) -> TakeOff:
    match fault:
        case LineFault():
            return _line(fault, stack)
        case ProcessFault():
            return await _process(fault, stack)
        case ClockFault():
            return _clock(fault, stack)
        case DiskFault():
            return await _disk(fault, stack)
        case Repetition():
            return lambda: repeat_results(stack.addresses.nats_url, fault.results, seed)


def _line(fault: LineFault, stack: Stack) -> TakeOff:
    proxy = stack.lines[fault.link]
    proxy.become(fault.faults)
    if fault.cut:
        proxy.reset_all()

    async def take_off() -> None:
        if fault.cut_after:
            proxy.reset_all()
        proxy.become(Faults())

    return take_off


async def _process(fault: ProcessFault, stack: Stack) -> TakeOff:
    part = stack.parts[fault.process]
    match fault.how:
        case "kill":
            await part.kill()
        case "freeze":
            part.freeze()
        case "restart":
            await part.end()
            part.let_run()

    async def take_off() -> None:
        part.thaw()
        part.let_run()

    return take_off


def _clock(fault: ClockFault, stack: Stack) -> TakeOff:
    file = stack.clock(fault.process)
    clocks.set_clock(file, fault.by_s)

    async def take_off() -> None:
        clocks.set_clock(file, 0.0)

    return take_off


async def _disk(fault: DiskFault, stack: Stack) -> TakeOff:
    disk = stack.disks[fault.of]
    await asyncio.to_thread(disk.fill)

    async def take_off() -> None:
        """nats-server goes on refusing to store after there is room again, until somebody starts it anew."""
        disk.clear()
        if fault.of == "nats":
            part = stack.parts[fault.of]
            await part.end()
            part.let_run()

    return take_off


async def _until(at_s: float) -> None:
    await asyncio.sleep(max(0.0, at_s - asyncio.get_running_loop().time()))


def told(fault: Fault) -> str:
    """A fault, for people."""
    match fault:
        case LineFault():
            wrong = [f"{name} {value}" for name, value in _wrong(fault.faults)]
            cut = [word for word, is_so in (("cut", fault.cut), ("cut after", fault.cut_after)) if is_so]
            return f"{fault.link}: {', '.join(wrong + cut)}"
        case ProcessFault():
            return f"{fault.process}: {fault.how}"
        case ClockFault():
            return f"{fault.process}: clock {fault.by_s:+g} s"
        case DiskFault():
            return f"{fault.of}: disk full"
        case Repetition():
            return f"{fault.results} results said again at the end"


def _wrong(faults: Faults) -> list[tuple[str, object]]:
    well = Faults()
    named = ((name, getattr(faults, name)) for name in Faults.__struct_fields__)
    return [(name, value) for name, value in named if value != getattr(well, name)]
