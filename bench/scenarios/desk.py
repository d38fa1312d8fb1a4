"""The desk's page in headless Chromium: 2,000 selections on its board, 2,000 updates a second, each of two prices.

Everything is real: the log, a feed, a shard, the gateway that serves the page. The screen is 1920 x 1080; rows that are
scrolled out of it are written like all others, and not painted. Frames count once the page has settled; a task is what
keeps the page's own thread, as the browser tells it (`longtask`, from 50 ms on). Then a second browser is opened, and
markets are suspended from the first: how long until the second shows it, from the click to the drawn cell.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from statistics import median_low
from typing import Any, NamedTuple

import httpx

from bench import browser, deskfeed, steady
from bench.feeding import READY
from bench.line import LOG_DIR, free_port, nats_program, shard_program
from bench.options import count_to, seconds_to
from bench.processes import Child, Cores, Program, cpu, running, split_cores, usage
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell

LIMITS = (
    Limit("frames_per_s", 30, how="least"),
    Limit("longest_task_ms", 100),
    Limit("selections", 2_000, how="least"),
    Limit("moved_share", 0.95, how="least"),
)

_HOST = "127.0.0.1"
_WIDTH, _HEIGHT = 1920, 1080
_READY_S = 60.0
_SETTLE_S = 5.0
_MOVING_S = 2.0
_SUSPENSIONS = 9

_SHOWN = f"() => document.querySelectorAll('.px b:not(:empty)').length >= {deskfeed.SELECTIONS}"
_WATCH = """() => {
  const seen = globalThis.seen = { frames: 0, longest: 0, slowest: 0, began: performance.now() };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.longest = Math.max(seen.longest, duration);
  }).observe({ type: "longtask" });
  let before = seen.began;
  const frame = (now) => {
    seen.frames += 1;
    seen.slowest = Math.max(seen.slowest, now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""
_SEEN = "() => ({ ...seen, took: performance.now() - seen.began, lag: document.getElementById('lag').textContent })"
_PRICES = "() => [...document.querySelectorAll('.px b')].map((price) => price.textContent)"
_IN_VIEW = """() => [...document.querySelectorAll(".px")].filter((cell) => {
  const { top, bottom } = cell.getBoundingClientRect(); return bottom > 0 && top < innerHeight; }).length"""
_SIGN_IN = """async () => (await fetch("/desk/sign-in/development", { method: "POST",
  headers: { "Content-Type": "application/json", "Desk-Request": "1" },
  body: '{"account":"bench","role":"trader"}' })).status"""
_SUSPEND = """async ([id, scope]) => { const at = Date.now();
  const answer = await fetch("/v1/desk/commands", { method: "POST",
    headers: { "Content-Type": "application/json", "Desk-Request": "1" },
    body: JSON.stringify({ id, scope, action: "suspend", reason: "bench", version: 0 }) });
  return { at, status: answer.status, body: await answer.text() }; }"""
_SUSPENDED = """(market) => new Promise((resolve, reject) => {
  const until = performance.now() + 10000;
  const look = () => {
    if (document.querySelector(`.px[data-market="${market}"]`)?.dataset.st === "suspended") resolve(Date.now());
    else if (performance.now() > until) reject(new Error("it was never shown"));
    else requestAnimationFrame(look);
  };
  look(); })"""


class Stack(NamedTuple):
    """Where the page is, and the processes behind it."""

    url: str
    shard: Child
    gateway: Child
    cores: Cores


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """One run; nothing where there is no browser. Raises CannotMeasure."""
    missing = browser.missing()
    if missing is not None:
        tell(f"{missing}: skipped")
        return Measured({}, [])
    with tempfile.TemporaryDirectory(prefix="oddswire-bench-", dir=LOG_DIR or None) as name:
        async with _stack(Path(name), options.rate, tell) as stack:
            board = f"{stack.url}/desk/board"
            async with browser.page(board, width=_WIDTH, height=_HEIGHT) as page:
                await page.wait_for_function(_SHOWN, timeout=_READY_S * 1_000)
                tell(f"{deskfeed.SELECTIONS} selections are shown; {options.seconds:g} s of frames")
                since = cpu(stack.shard.pid), cpu(stack.gateway.pid)
                figures = await _in_time(_frames(page, options.seconds), _SETTLE_S + options.seconds + _MOVING_S)
                processes = [
                    usage("shard", stack.shard.pid, since=since[0], cores=stack.shard.cores),
                    usage("gateway", stack.gateway.pid, since=since[1], cores=stack.gateway.cores),
                ]
                tell("a second browser")
                async with browser.page(board, width=_WIDTH, height=_HEIGHT) as other:
                    await other.wait_for_function(_SHOWN, timeout=_READY_S * 1_000)
                    figures |= await _in_time(_suspensions(page, other), _SUSPENSIONS)
    return Measured(figures, processes)


async def _in_time(figures: Awaitable[dict[str, Reading]], expected_s: float) -> dict[str, Reading]:
    """What a page tells. A page that is too busy to answer ends the run: raises CannotMeasure."""
    try:
        async with asyncio.timeout(expected_s + _READY_S):
            return await figures
    except TimeoutError as error:
        raise CannotMeasure(f"the page did not answer in {expected_s + _READY_S:g} s: the machine is busy") from error


async def _frames(page: Any, seconds: float) -> dict[str, Reading]:
    """What the page does in so many seconds, once it has settled."""
    await asyncio.sleep(_SETTLE_S)
    await page.evaluate(_WATCH)
    await asyncio.sleep(seconds)
    seen = await page.evaluate(_SEEN)
    before = await page.evaluate(_PRICES)
    await asyncio.sleep(_MOVING_S)
    after = await page.evaluate(_PRICES)
    lag = [float(part.removesuffix("ms")) for part in seen["lag"].split("/")] if "/" in seen["lag"] else []
    return {
        "frames_per_s": Reading(seen["frames"] / seen["took"] * 1_000, "1/s"),
        "longest_task_ms": Reading(seen["longest"], "ms"),
        "slowest_frame_ms": Reading(seen["slowest"], "ms"),
        "selections": Reading(len(after), ""),
        "selections_in_view": Reading(await page.evaluate(_IN_VIEW), ""),
        "moved_share": Reading(sum(one != other for one, other in zip(before, after)) / max(1, len(after)), "1"),
        **{f"page_lag_{name}_ms": Reading(value, "ms") for name, value in zip(("p50", "p99"), lag)},
    }


async def _suspensions(page: Any, other: Any) -> dict[str, Reading]:
    """Markets of events that are in view in the other browser, one after the other."""
    if await page.evaluate(_SIGN_IN) != httpx.codes.OK:
        raise CannotMeasure("the development keys do not sign in at the desk")
    took_ms = []
    for number in range(_SUSPENSIONS):
        market = f"M{number * len(deskfeed.LINES):04}"
        looking = asyncio.ensure_future(other.evaluate(_SUSPENDED, market))
        scope = f"{steady.TOPIC}.G{number:03}.{market}"
        done = await page.evaluate(_SUSPEND, [f"bench-{number:012}", scope])
        if done["status"] != httpx.codes.OK:
            looking.cancel()
            raise CannotMeasure(f"a suspension was refused: {done['body']}")
        took_ms.append(await looking - done["at"])
    return {
        "suspend_to_second_browser_p50_ms": Reading(median_low(took_ms), "ms"),
        "suspend_to_second_browser_max_ms": Reading(max(took_ms), "ms"),
    }


@contextlib.asynccontextmanager
async def _stack(place: Path, rate: int, tell: Tell) -> AsyncIterator[Stack]:
    """The parts, on what is left beside the browser where there are cores enough."""
    cores = split_cores(os.sched_getaffinity(0))
    nats_port, shard_port, port = free_port(), free_port(), free_port()
    nats_url = f"nats://{_HOST}:{nats_port}"
    access = {
        "ODDSWIRE_ACCESS_ENVIRONMENT": "development",
        "ODDSWIRE_ACCESS_ANONYMOUS": "true",
        "ODDSWIRE_ACCESS_DEVELOPMENT_DIR": str(place),
    }
    feed = Program("feed", ("-m", "bench.deskfeed", "--port", str(nats_port), "--rate", str(rate)), f"^{READY}$")
    words = ("-m", "gateway", "serve", "--port", str(port), "--nats", nats_url)
    takes_all = {"ODDSWIRE_FANOUT_ADMISSION_LAG_MS": "60000"}
    async with contextlib.AsyncExitStack() as stack:
        for program in (nats_program(nats_port, place), feed):
            await stack.enter_async_context(running(program, cores.beside))
        shard = await stack.enter_async_context(
            running(shard_program(nats_url, shard_port, 10, settings=takes_all), cores.beside)
        )
        program = Program("gateway", words, "^gateway ready ", access)
        gateway = await stack.enter_async_context(running(program, cores.beside))
        url = f"http://{_HOST}:{port}"
        await _streams(url)
        tell(f"gateway pid {gateway.pid}, shard pid {shard.pid} on cores {shard.cores}")
        yield Stack(url, shard, gateway, cores)


async def _streams(url: str) -> None:
    """Waits until the gateway knows the shard: the page may stream from nowhere else. Raises CannotMeasure."""
    try:
        async with asyncio.timeout(_READY_S), httpx.AsyncClient(base_url=url) as client:
            while (await client.get("/v1/stream/endpoint")).status_code != httpx.codes.OK:  # noqa: ASYNC110 a process
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise CannotMeasure("the gateway knows no shard") from error


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rate", type=count_to(10_000), default=2_000, metavar="N", help="updates a second (default 2000)"
    )
    parser.add_argument("--seconds", type=seconds_to(600), default=15.0, metavar="S", help="measured time (default 15)")


DESK = Scenario("desk", "the desk's page in a browser: frames, tasks, a suspension in a second", LIMITS, _options, run)
