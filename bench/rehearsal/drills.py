"""What is rehearsed, in order, each with what was promised of it. A drill is a few lines; when service was back, and
when all was whole again, is watched in the same way for all of them (watching.py)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError

from bench.chaos.part import Part
from bench.rehearsal import servers
from bench.rehearsal.cluster import SHARDS, SHARDS_MAX, Cluster
from bench.scenario import CannotMeasure

AWAY_S = 8.0
"""So long a host stays lost, or a line cut, unless the drill itself takes longer."""

NATS = ("nats-1", "nats-2", "nats-3")

_ONE_BY_ONE_S = 1.0
_ASK_S, _REPLICATED_S = 10.0, 30.0
_LOOK_S = 0.1

Deed = Callable[[Cluster], Awaitable[None]]


class Drill(NamedTuple):
    """`breaks` something and `mends` it. `promised_s`: until service is back, though it is still broken, and `source`
    who said so. `parts`: it cuts lines, and is left out where there are none to cut."""

    name: str
    says: str
    breaks: Deed
    mends: Deed
    promised_s: float
    source: str
    parts: bool = False


async def _nothing(cluster: Cluster) -> None:
    del cluster


def _lost(name: str) -> tuple[Deed, Deed]:
    async def breaks(cluster: Cluster) -> None:
        await cluster.parts[name].kill()

    async def mends(cluster: Cluster) -> None:
        await _back(cluster.parts[name])

    return breaks, mends


def _cut(name: str) -> tuple[Deed, Deed]:
    async def breaks(cluster: Cluster) -> None:
        cluster.net.cut(name)

    async def mends(cluster: Cluster) -> None:
        cluster.net.join(name)

    return breaks, mends


def _deaf_shard(shard: str) -> tuple[Deed, Deed]:
    async def breaks(cluster: Cluster) -> None:
        for server in NATS:
            cluster.net.deafen(server, shard)

    async def mends(cluster: Cluster) -> None:
        for server in NATS:
            cluster.net.undeafen(server, shard)

    return breaks, mends


async def _back(part: Part) -> None:
    part.let_run()
    await part.ready()


async def _upgrade(cluster: Cluster) -> None:
    """Every process, one after the other, as for a new version. Of databases a failover is a drill of its own."""
    for name, part in cluster.parts.items():
        if name.startswith("postgres-") or not part.wanted:
            continue
        await part.end()
        await _back(part)
        if name in NATS:
            await _until_replicated(cluster)
        await asyncio.sleep(_ONE_BY_ONE_S)


async def _lose_log_leader(cluster: Cluster) -> None:
    name = await _leader(cluster)
    cluster.tell(f"{name} leads lane 0")
    await cluster.parts[name].kill()


async def _lose_feed(cluster: Cluster) -> None:
    await cluster.parts[await _meet_leading_feed(cluster)].kill()


async def _feed_back(cluster: Cluster) -> None:
    await _back(cluster.parts[cluster.met])


async def _cut_feed(cluster: Cluster) -> None:
    cluster.net.cut(await _meet_leading_feed(cluster))


async def _join_feed(cluster: Cluster) -> None:
    cluster.net.join(cluster.met)


async def _deafen_log(cluster: Cluster) -> None:
    feed = await _meet_leading_feed(cluster)
    for server in NATS:
        cluster.net.deafen(feed, server)


async def _undeafen_log(cluster: Cluster) -> None:
    for server in NATS:
        cluster.net.undeafen(cluster.met, server)


async def _meet_leading_feed(cluster: Cluster) -> str:
    """Which of the feeds leads now: the owner in its lead record has its process's number (feeds/main.py)."""
    async with one_client(cluster) as client:
        record = await client.jetstream().get_last_msg("ODDS_0", "odds.0.lead.simulator")
    pid = int(json.loads(record.data or b"")["owner"].split("-")[-2])
    for name, part in cluster.parts.items():
        if part.child is not None and part.child.pid == pid:
            cluster.met = name
            cluster.tell(f"  {name} leads")
            return name
    raise CannotMeasure(f"process {pid} leads the feed, which is none of ours")


async def _whole_log(cluster: Cluster) -> None:
    for host in cluster.nats_hosts:
        await _back(cluster.parts[host.name])
    await _until_replicated(cluster)


async def _until_replicated(cluster: Cluster) -> None:
    """Every lane has a leader, and its replicas all there is: the next server may go. Raises CannotMeasure."""
    async with one_client(cluster, within_s=_REPLICATED_S) as client:
        lanes = [f"ODDS_{lane}" for lane in range(cluster.addresses.lanes)]
        while not all([await _is_whole(client, lane) for lane in lanes]):  # noqa: ASYNC110 the log tells nobody when
            await asyncio.sleep(_LOOK_S)


async def _is_whole(client: Client, stream: str) -> bool:
    try:
        cluster = (await client.jetstream().stream_info(stream)).cluster
    except NatsError:
        return False
    return cluster is not None and bool(cluster.leader) and all(one.current for one in cluster.replicas or ())


async def _leader(cluster: Cluster) -> str:
    async with one_client(cluster) as client:
        while True:
            info = await client.jetstream().stream_info("ODDS_0")
            if info.cluster is not None and info.cluster.leader:
                return str(info.cluster.leader)
            await asyncio.sleep(_LOOK_S)


@contextlib.asynccontextmanager
async def one_client(cluster: Cluster, within_s: float = _ASK_S) -> AsyncIterator[Client]:
    """A connection to the log for one question. Raises CannotMeasure."""
    try:
        async with asyncio.timeout(within_s):
            client = await nats.connect(servers.nats_urls(cluster.nats_hosts).split(","), allow_reconnect=False)
            try:
                yield client
            finally:
                await client.close()
    except (OSError, NatsError, TimeoutError) as error:
        raise CannotMeasure(f"the log does not answer: {error}") from error


async def _fail_over(cluster: Cluster) -> None:
    """The writer is lost with its host; somebody promotes the other."""
    databases = cluster.databases
    await cluster.parts[databases.primary.name].kill()
    await databases.promote()


async def _standby_again(cluster: Cluster) -> None:
    databases = cluster.databases
    await databases.clone()
    await _back_as_standby(cluster)
    await databases.wait_for_standby(True)


async def _back_as_standby(cluster: Cluster) -> None:
    part = cluster.parts[cluster.databases.standby.name]
    part.become(cluster.databases.program(cluster.databases.standby))
    await _back(part)


async def _lose_standby(cluster: Cluster) -> None:
    """Commits wait for the standby until somebody says that it is lost."""
    databases = cluster.databases
    await cluster.parts[databases.standby.name].kill()
    await databases.wait_for_standby(False)


async def _mend_standby(cluster: Cluster) -> None:
    await _back_as_standby(cluster)
    await cluster.databases.wait_for_standby(True)


async def _scale_out(cluster: Cluster) -> None:
    for number in range(SHARDS + 1, SHARDS_MAX + 1):
        await cluster.start_shard(number)
    await asyncio.gather(*(cluster.parts[f"fanout-{n}"].ready() for n in range(SHARDS + 1, SHARDS_MAX + 1)))
    for number in range(1, SHARDS + 1):  # each sends its devices over all of them
        part = cluster.parts[f"fanout-{number}"]
        await part.end()
        await _back(part)


async def _scale_in(cluster: Cluster) -> None:
    for number in range(SHARDS + 1, SHARDS_MAX + 1):
        await cluster.parts[f"fanout-{number}"].end()


SAME_BREATH = "PROTOCOL.md 3: make before break"

DRILLS = (
    Drill("upgrade", "every process restarted, one after the other", _upgrade, _nothing, 5.0, SAME_BREATH),
    Drill("scale_out", f"{SHARDS} shards become {SHARDS_MAX}", _scale_out, _nothing, 5.0, SAME_BREATH),
    Drill("scale_in", f"{SHARDS_MAX} shards become {SHARDS}", _scale_in, _nothing, 5.0, SAME_BREATH),
    Drill("lose_feed", "the leading feed's host is lost", _lose_feed, _feed_back, 3.0, "live again on every device"),
    Drill("lose_shard", "a shard's host is lost", *_lost("fanout-1"), 15.0, "its devices are fresh elsewhere"),
    Drill("lose_gateway", "a gateway's host is lost", *_lost("gateway-1"), 5.0, "clients ask the other"),
    Drill("lose_settler", "a settler's host is lost", *_lost("settler-1"), 5.0, "the other goes on"),
    Drill("lose_news", "a news relay's host is lost", *_lost("news-1"), 5.0, "the other goes on"),
    Drill("lose_archive", "the archive's host is lost", *_lost("archive-1"), 5.0, "nobody notices"),
    Drill(
        "lose_log_leader",
        "the nats-server that leads a lane is lost",
        _lose_log_leader,
        _whole_log,
        8.2,
        "DESIGN.md 3: a lane is away for 5.2 s, then its feed is live within 3",
    ),
    Drill(
        "fail_over",
        "the database's writer is lost, its standby promoted",
        _fail_over,
        _standby_again,
        10.0,
        "bets wait, and are answered once",
    ),
    Drill(
        "lose_standby",
        "the database's standby is lost",
        _lose_standby,
        _mend_standby,
        10.0,
        "commits wait until it is given up",
    ),
    Drill("part_feed", "the leading feed is cut off", _cut_feed, _join_feed, 8.0, "the log fences it", parts=True),
    Drill("part_shard", "a shard is cut off", *_cut("fanout-2"), 15.0, "its devices leave it", parts=True),
    Drill(
        "deaf_log",
        "the log does not hear the leading feed, which hears the log",
        _deafen_log,
        _undeafen_log,
        8.0,
        "TCP_USER_TIMEOUT 3 s, then its lease",
        parts=True,
    ),
    Drill(
        "deaf_shard",
        "a shard does not hear the log, which hears the shard",
        *_deaf_shard("fanout-3"),
        15.0,
        "stale within 3 s, and told so",
        parts=True,
    ),
)
