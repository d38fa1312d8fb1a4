"""What verifying a location costs: processor time of a whole verification, and how long one waits at half of that.

Whole is what `POST /v1/geo/verifications` does for a fresh packet: signature, claims, id claimed once, last fix, place
and distance to the border, lifetime, receipt sealed; and, in the figures that are called recorded, its row committed by
a real PostgreSQL on the other cores. The coordination store is in this process. Packets lie all over the states with
rules.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import random
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from bench.latency import Latency
from bench.line import LOG_DIR, free_port
from bench.options import add_duration, count_to
from bench.pace import paced
from bench.processes import Cores, Program, on_cores, running, split_cores
from bench.result import Limit, Measured, Reading
from bench.scenario import CannotMeasure, Scenario, Tell
from feeds.adapters.coordination.memory import MemoryCoordination
from gateway.location.atlas import Atlas, read_atlas
from gateway.location.checks import Claimant
from gateway.location.desk import CONNECTIONS
from gateway.location.keys import read_keys
from gateway.location.placing import inside
from gateway.location.policy import GENERALISED_M, Policy
from gateway.location.receipts import ReceiptKeys
from gateway.location.record import Checked, Recorder
from gateway.location.refusals import GeoRefused
from gateway.location.rules import Matrix, read_rules
from gateway.location.service import Known, LocationService, Records
from gateway.store.migrations import migrate
from gateway.store.pool import open_database
from gateway.store.server import READY_LINE, server_url
from gateway.store.settings import DatabaseSettings

_ISSUER = "https://vendor.example"
_NETWORK = "203.0.113.0/24"
_ACCURACY_M = 25.0
_WARM_UP = 200
_AT_ONCE = 32
"""Whose rows are awaited together: enough to keep the worker busy while a batch is committed."""

_TRIES_MAX = 1_000_000
_LIFE_S = 600


class Signed(NamedTuple):
    """A packet, and who brings it."""

    text: str
    claimant: Claimant


class _Counted:
    """Stands where the database is."""

    def __init__(self) -> None:
        self.accepted = 0

    async def record(self, checked: Checked) -> None:
        self.note(checked)

    def note(self, checked: Checked) -> None:
        self.accepted += checked.decision is not None


async def run(options: argparse.Namespace, tell: Tell) -> Measured:
    """Each algorithm once for its cost, then Ed25519 at half the rate; and that again with its row."""
    cores = split_cores(os.sched_getaffinity(0))
    with on_cores(cores.measured):
        figures = await _unrecorded(options, tell)
        async with _recorder(options.data_dir, cores) as recorder:
            figures |= await _recorded(options, recorder, tell)
    return Measured(figures, [])


async def _unrecorded(options: argparse.Namespace, tell: Tell) -> dict[str, Reading]:
    atlas, matrix = read_atlas(), read_rules()
    figures: dict[str, Reading] = {}
    for name in ("EdDSA", "ES256"):
        tell(f"{options.packets} packets signed by {name}, one after the other")
        counted = _Counted()
        signed, locations = _made(name, options.packets + _WARM_UP, atlas, matrix, counted)
        await _verify(locations, signed[:_WARM_UP])
        began_s = time.process_time()
        await _verify(locations, signed[_WARM_UP:])
        per_s = options.packets / (time.process_time() - began_s)
        figures[f"{name.lower()}_per_cpu_s"] = Reading(per_s, "/s")
        if counted.accepted != len(signed):
            raise CannotMeasure(f"{len(signed) - counted.accepted} of {len(signed)} packets were refused")
    rate = int(figures["eddsa_per_cpu_s"].value / 2)
    tell(f"{rate}/s for {options.seconds:g} s")
    signed, locations = _made("EdDSA", int(rate * options.seconds) + 1, atlas, matrix, _Counted())
    figures |= (await _at_rate(locations, signed, rate)).figures("half_rate")
    figures["half_rate"] = Reading(rate, "/s")
    return figures


async def _recorded(options: argparse.Namespace, recorder: Recorder, tell: Tell) -> dict[str, Reading]:
    """As many at once as come together, then at half the rate that this allows."""
    atlas, matrix = read_atlas(), read_rules()
    tell(f"{options.packets} packets whose rows are committed, {_AT_ONCE} at once")
    signed, locations = _made("EdDSA", options.packets + _WARM_UP, atlas, matrix, recorder)
    await _verify(locations, signed[:_WARM_UP])
    began_s = time.process_time()
    shares = [signed[_WARM_UP + number :: _AT_ONCE] for number in range(_AT_ONCE)]
    await asyncio.gather(*(_verify(locations, share) for share in shares))
    per_s = options.packets / (time.process_time() - began_s)
    rate = int(per_s / 2)
    tell(f"{rate}/s for {options.seconds:g} s")
    signed, locations = _made("EdDSA", int(rate * options.seconds) + 1, atlas, matrix, recorder)
    figures = (await _at_rate(locations, signed, rate)).figures("recorded_half_rate")
    return figures | {"recorded_per_cpu_s": Reading(per_s, "/s"), "recorded_half_rate": Reading(rate, "/s")}


@contextlib.asynccontextmanager
async def _recorder(data_dir: str, cores: Cores) -> AsyncIterator[Recorder]:
    """One that works, as in a worker. Raises CannotMeasure."""
    async with contextlib.AsyncExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="oddswire-bench-", dir=data_dir or None))
        directory, port = Path(name) / "pg", free_port()
        words = ("-m", "gateway", "postgres", "--port", str(port), "--data-dir", str(directory))
        await stack.enter_async_context(running(Program("postgres", words, READY_LINE), cores.beside))
        settings = DatabaseSettings(url=SecretStr(server_url(directory, port)), connections=CONNECTIONS)
        await migrate(settings)
        recorder = Recorder(await stack.enter_async_context(open_database(settings, stateless=True)))
        work = asyncio.create_task(recorder.run())
        try:
            yield recorder
        finally:
            work.cancel()
            await asyncio.wait((work,))


async def _verify(locations: LocationService, signed: Sequence[Signed]) -> None:
    for packet in signed:
        await locations.verify(packet.text, packet.claimant)


async def _at_rate(locations: LocationService, signed: Sequence[Signed], rate: int) -> Latency:
    """Each from when it is due, however late its turn comes."""
    latency, loop = Latency(), asyncio.get_running_loop()
    gc.collect()
    gc.freeze()  # as the gateway does with what it holds when it is ready
    began_s = loop.time()

    async def verify(number: int) -> None:
        await locations.verify(signed[number].text, signed[number].claimant)
        latency.record_us(int((loop.time() - began_s - (number + 1) / rate) * 1e6))

    async with asyncio.TaskGroup() as group:
        async for numbers in paced(rate):
            for number in numbers[: max(0, len(signed) - numbers.start)]:
                group.create_task(verify(number))
            if numbers.stop >= len(signed):
                break
    return latency


def _made(
    algorithm: str, count: int, atlas: Atlas, matrix: Matrix, records: Records
) -> tuple[list[Signed], LocationService]:
    """Packets that are accepted, each of an account of its own, and who accepts them."""
    key: Ed25519PrivateKey | object
    if algorithm == "EdDSA":
        key = Ed25519PrivateKey.generate()
        public = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        key = generate_private_key(SECP256R1())
        public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    keys = read_keys(msgspec.json.encode({"keys": [{**public, "kid": "bench", "iss": _ISSUER}]}), development=False)
    policy = Policy("oddswire", age_s_max=_LIFE_S)
    known = Known(keys, atlas, matrix, policy, ReceiptKeys({"bench": secrets.token_bytes(32)}))
    signed = [_signed(key, algorithm, place, number) for number, place in enumerate(_places(count, atlas, matrix))]
    return signed, LocationService(known, MemoryCoordination(), records, clock=time.time)


def _signed(key: object, algorithm: str, place: tuple[str, float, float], number: int) -> Signed:
    state, lat, lon = place
    claimant = Claimant(f"A{number}", f"device-{number}", f"session-{number}", _NETWORK)
    now_s = int(time.time())
    claims = {
        "iss": _ISSUER,
        "aud": "oddswire",
        "iat": now_s,
        "exp": now_s + _LIFE_S,
        "jti": secrets.token_urlsafe(16),
        "sub": claimant.account,
        "device": claimant.device,
        "session": claimant.session,
        "net": claimant.network,
        "lat": lat,
        "lon": lon,
        "accuracy_m": _ACCURACY_M,
        "state": state,
        "speed_mps": 0.0,
        "flags": dict.fromkeys(("mocked", "rooted", "proxy", "remote_desktop", "jumped"), False),
    }
    headers = {"kid": "bench"}
    text = jwt.PyJWS().encode(msgspec.json.encode(claims), key, algorithm=algorithm, headers=headers)  # type: ignore[arg-type]
    return Signed(text, claimant)


def _places(count: int, atlas: Atlas, matrix: Matrix) -> list[tuple[str, float, float]]:
    """Evenly drawn over the states with rules, nowhere near a border."""
    dice = random.Random(1)
    states = [state for state in matrix.states if matrix.offers(state)]
    places: list[tuple[str, float, float]] = []
    for _ in range(_TRIES_MAX):
        if len(places) == min(count, 2_000):
            break
        west, south, east, north = atlas.states[dice.choice(states)].shape.bounds
        lat, lon = dice.uniform(south, north), dice.uniform(west, east)
        try:
            state, _ = inside(atlas, lat, lon, accuracy_m=_ACCURACY_M, buffer_m=GENERALISED_M)
        except GeoRefused:
            continue
        if matrix.offers(state):
            places.append((state, lat, lon))
    return [places[number % len(places)] for number in range(count)]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--packets", type=count_to(100_000), default=6_000, metavar="N", help="of each algorithm (default 6000)"
    )
    add_duration(parser, 5.0, most=60, of="at half the rate")
    parser.add_argument(
        "--data-dir", default=LOG_DIR, metavar="DIR", help="of PostgreSQL (default: in memory, where there is some)"
    )


LOCATION = Scenario(
    "location",
    "what verifying a location costs",
    (Limit("eddsa_per_cpu_s", 3_000, how="least"), Limit("half_rate_p99_ms", 5.0)),
    _options,
    run,
)
