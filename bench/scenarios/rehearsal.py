"""A cluster on this machine under load, and everything that a runbook is for, one after the other.

Hosts are network namespaces where those are permitted (Linux, root), else addresses of loopback, without the drills
that cut lines. It ends with the look at every invariant that `chaos` has, and writes a page that helm/README.md quotes.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from nats.errors import Error as NatsError

from bench.chaos.checkers.log import Log
from bench.chaos.load import Load, Users, add_users, users_of
from bench.chaos.run import until_warm
from bench.chaos.verdict import Patience, Verdict, add_patience, look, patience_of
from bench.options import count_to
from bench.rehearsal.cluster import Cluster, Size, running_cluster
from bench.rehearsal.drills import DRILLS, Drill
from bench.rehearsal.report import page
from bench.rehearsal.watching import Drilled, drilled
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell

QUIET_S = 3.0
"""Between two drills."""

LIMITS = (
    Limit("violations", 0, "every"),
    Limit("drills_failed", 0, "every"),
    Limit("promises_missed", 0, "every"),
)


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """All drills, then the look."""
    users = users_of(options, listeners=2)
    chosen = [drill for drill in DRILLS if not options.only or drill.name in options.only.split(",")]
    if not chosen:
        raise CannotMeasure(f"--only {options.only}: choose among {', '.join(drill.name for drill in DRILLS)}")
    async with running_cluster(Size(options.events, options.rate), tell, namespaces=not options.loopback) as cluster:
        done, left_out, verdict, load = await _rehearsed(cluster, chosen, users, options, tell)
    told = page(done, verdict.violations, _facts(cluster, load, options), left_out)
    tell("\n" + told)
    if options.report:
        await asyncio.to_thread(_write, Path(options.report), told)
    return _measured(done, verdict, load)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _facts(cluster: Cluster, load: Load, options: argparse.Namespace) -> list[str]:
    hosts = "network namespaces" if cluster.net.parted else "addresses of loopback: no line can be cut"
    heard = load.heard
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.node()}",
        f"{len(cluster.parts)} processes on {len(cluster.net.hosts)} hosts, {hosts}",
        f"{options.devices} devices, {options.customers} customers, {heard.bets} bets",
        f"{heard.asked} requests, {heard.in_time} of them answered within their time",
    ]


async def _rehearsed(
    cluster: Cluster, chosen: list[Drill], users: Users, options: argparse.Namespace, tell: Tell
) -> tuple[list[Drilled], list[str], Verdict, Load]:
    load = Load(cluster.addresses, users, seed=17, name="rehearsal")
    load.begin()
    done, left_out = [], []
    try:
        await until_warm(load)
        for drill in chosen:
            if drill.parts and not cluster.net.parted:
                left_out.append(drill.says)
                continue
            await asyncio.sleep(QUIET_S)
            tell(f"now: {drill.says}")
            one = await drilled(drill, cluster, load)
            tell(f"  odds {one.odds_s:.1f} s, bets {one.bets_s:.1f} s, whole after {one.whole_s:.1f} s {one.failed}")
            done.append(one)
            load.check()
        await load.rest()
        verdict = await look(cluster.addresses, load, Log(), patience_of(options))
    except (OSError, NatsError, asyncpg.PostgresError) as error:
        raise CannotMeasure(f"{type(error).__name__} {error}") from error
    finally:
        await load.end()
    return done, left_out, verdict, load


def _measured(done: list[Drilled], verdict: Verdict, load: Load) -> Measured:
    figures = {
        "drills": Reading(len(done), "1"),
        "drills_failed": Reading(sum(bool(one.failed) for one in done), "1"),
        "promises_missed": Reading(sum(not one.kept for one in done), "1"),
        "violations": Reading(len(verdict.violations), "1"),
        "requests": Reading(load.heard.asked, "1"),
        "answered_in_time": Reading(load.heard.in_time / max(load.heard.asked, 1), "share"),
        "bets": Reading(load.heard.bets, "1"),
    }
    for one in done:
        figures[f"{one.name}_odds"] = Reading(round(one.odds_s, 2), "s")
        figures[f"{one.name}_bets"] = Reading(round(one.bets_s, 2), "s")
    return Measured(figures, [])


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--only", default="", metavar="DRILL,DRILL", help="these drills (all of them)")
    add("--loopback", action="store_true", help="hosts are addresses of loopback, also where namespaces are permitted")
    add("--report", default="", metavar="FILE", help="write the page there")
    add("--events", type=count_to(1_000), default=8, metavar="N", help="games at a time (%(default)s)")
    add("--rate", type=count_to(5_000), default=20, metavar="N", help="updates a second (%(default)s)")
    add_users(parser, Users(customers=6))
    add_patience(parser, Patience(5.0, 2.0))


REHEARSAL = Scenario(
    "rehearsal", "a cluster under load: upgrade, lost hosts, cut lines, failover, scaling", LIMITS, _options, run
)
