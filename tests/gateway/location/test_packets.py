"""Mutations of a valid packet: exactly one is accepted, each of the others by the code that it deserves."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
import shapely
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from feeds.adapters.coordination.memory import MemoryCoordination
from feeds.adapters.server import free_port
from feeds.contract.coordination import InDoubt
from feeds.contract.errors import Refused
from gateway.location.claims import PACKET_BYTES_MAX
from gateway.location.keys import read_keys
from gateway.location.record import Recorder
from gateway.location.refusals import REFUSALS
from gateway.store.pool import open_database
from gateway.store.settings import DatabaseSettings
from tests.gateway.location.vendor import (
    CHERRY_HILL,
    CLAIMANT,
    CLAIMS,
    NOW,
    Desk,
    atlas,
    flagged,
    vendor,
    with_,
    without,
)

Claims = Mapping[str, Any]


def at(lat: float, lon: float, **changed: Any) -> dict[str, Any]:
    return with_(lat=lat, lon=lon, **changed)


def on_the_border() -> Iterator[tuple[str, Claims, str]]:
    """A corner of New Jersey, and a place on one of its edges."""
    ring = shapely.get_coordinates(shapely.get_exterior_ring(shapely.get_parts(atlas().states["US-NJ"].shape)[0]))
    (lon, lat), (next_lon, next_lat) = ring[:2].tolist()
    yield "on a corner", at(lat, lon), "geo_outside"
    middle = at((lat + next_lat) / 2, (lon + next_lon) / 2)
    yield "on an edge", middle, "geo_outside geo_undetermined"


CHANGED: list[tuple[str, Claims, str]] = [
    *((f"without {name}", without(name), "geo_bad_packet") for name in CLAIMS),
    *((f"null {name}", with_(**{name: None}), "geo_bad_packet") for name in CLAIMS),
    *((f"list {name}", with_(**{name: [CLAIMS[name]]}), "geo_bad_packet") for name in CLAIMS),
    *((f"text {name}", with_(**{name: str(CLAIMS[name])}), "geo_bad_packet") for name in ("iat", "exp", "lat", "lon")),
    *((f"number {name}", with_(**{name: 1}), "geo_bad_packet") for name in ("iss", "sub", "net", "state", "flags")),
    *((f"flag {name}", flagged(**{name: True}), f"geo_{name}") for name in CLAIMS["flags"]),
    *((f"flag {name} as 0", flagged(**{name: 0}), "geo_bad_packet") for name in CLAIMS["flags"]),
    ("a flag of tomorrow", flagged(emulated=False), "geo_bad_packet"),
    ("flag missing", with_(flags={"mocked": False}), "geo_bad_packet"),
    ("another issuer", with_(iss="https://else.example"), "geo_bad_packet"),
    ("another audience", with_(aud="another"), "geo_bad_packet"),
    ("another account", with_(sub="A2"), "geo_not_yours"),
    ("another device", with_(device="phone-2"), "geo_not_yours"),
    ("another session", with_(session="session-2"), "geo_not_yours"),
    ("another network", with_(net="203.0.114.0/24"), "geo_network_changed"),
    ("a wider network", with_(net="203.0.0.0/16"), "geo_network_changed"),
    ("expired by a second", with_(exp=NOW - 1), "geo_expired"),
    ("expiring now", with_(exp=NOW), "geo_expired"),
    ("expired before it was made", with_(iat=NOW + 4, exp=NOW + 2), "geo_expired"),
    ("from the future", with_(iat=NOW + 6), "geo_expired"),
    ("too old by a second", with_(iat=NOW - 121), "geo_expired"),
    ("time in milliseconds", with_(iat=NOW * 1000), "geo_bad_packet geo_expired"),
    ("time with a fraction", with_(iat=NOW + 0.5), "geo_bad_packet"),
    ("true as a time", with_(iat=True), "geo_bad_packet"),
    ("a short id", with_(jti="short"), "geo_bad_packet"),
    ("an id of other letters", with_(jti="../../../../etc/passwd"), "geo_bad_packet"),
    ("accuracy 0", with_(accuracy_m=0), "geo_bad_packet"),
    ("accuracy -1", with_(accuracy_m=-1), "geo_bad_packet"),
    ("accuracy 1e9", with_(accuracy_m=1e9), "geo_inaccurate"),
    ("accuracy 201", with_(accuracy_m=201), "geo_inaccurate"),
    ("latitude 91", at(91, 0), "geo_bad_packet"),
    ("longitude 181", at(40, 181), "geo_bad_packet"),
    ("the north pole", at(90, 0), "geo_outside"),
    ("the south pole", at(-90, -180), "geo_outside"),
    ("the antimeridian", at(51.9, 180), "geo_outside"),
    ("the antimeridian from the west", at(51.9, -180), "geo_outside"),
    ("null island", at(0, 0), "geo_outside"),
    ("at sea", at(39.5, -73.5), "geo_outside"),
    ("coordinates exchanged", at(CHERRY_HILL[1], CHERRY_HILL[0]), "geo_outside"),
    ("on an island of another state", at(40.6892, -74.0445), "geo_outside geo_undetermined"),
    ("on a narrow island", at(39.6430, -74.1840), "geo_outside geo_undetermined"),
    ("across the river", at(39.9526, -75.1652), "geo_outside"),
    ("at the river", at(39.9450, -75.1250), "geo_undetermined"),
    ("in a zone", at(40.3050, -74.7950), "geo_excluded_zone"),
    ("beside a zone", at(40.3050, -74.7860), "geo_excluded_zone"),
    ("the vendor says another state", with_(state="US-PA"), "geo_outside"),
    ("a state that is none", with_(state="NJ"), "geo_bad_packet"),
    ("a state without rules", at(39.7392, -104.9903, state="US-CO"), "geo_state_not_offered"),
    ("a state whose rules allow nothing", at(40.7589, -73.9851, state="US-NY"), "geo_state_not_offered"),
    ("faster than anybody", with_(speed_mps=301), "geo_jumped"),
    ("a speed below nothing", with_(speed_mps=-1), "geo_bad_packet"),
    *on_the_border(),
]
"""Claims that are changed, and signed again."""


def compact(header: Any, payload: bytes, signature: bytes = b"") -> str:
    parts = (msgspec.json.encode(header), payload, signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def forged() -> Iterator[tuple[str, str]]:
    """What no vendor signed, or not so."""
    by, payload = vendor(), msgspec.json.encode(CLAIMS)
    valid = by.sign()
    head, body, signature = valid.split(".")
    public = by.ed25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    yield "empty", ""
    yield "not a packet", "x"
    yield "no signature", f"{head}.{body}."
    yield "four parts", f"{valid}.{signature}"
    yield "alg none", compact({"alg": "none", "kid": "ed"}, payload)
    yield "alg none, with a signature", f"{compact({'alg': 'none', 'kid': 'ed'}, payload)}{signature}"
    yield "alg None", compact({"alg": "None", "kid": "ed"}, payload)
    yield "the public key as a secret", by.signed(public, payload, "HS256", {"kid": "ed"})
    yield "ES256 by the key of EdDSA", by.signed(by.p256, payload, "ES256", {"kid": "ed"})
    yield "EdDSA by the key of ES256", by.signed(by.ed25519, payload, "EdDSA", {"kid": "ec"})
    yield "by a stranger", by.signed(by.stranger, payload, "EdDSA", {"kid": "ed"})
    yield "an unknown key", by.sign(kid="ed2")
    yield "no kid", by.signed(by.ed25519, payload, "EdDSA", {})
    yield "a key that it brings", by.sign(header={"jwk": by.jwks()[0]})
    yield "a key by address", by.sign(header={"jku": "https://vendor.example/jwks"})
    yield "crit", by.sign(header={"crit": ["exp"]})
    yield "b64", by.sign(header={"b64": False})
    yield "another type", by.sign(header={"typ": "at+jwt"})
    yield "payload changed", f"{head}.{body[:-2]}{'AA' if body[-2:] != 'AA' else 'BB'}.{signature}"
    yield "signature changed", f"{head}.{body}.{'A' * 86}"
    yield "signature of another", f"{head}.{body}.{by.sign(with_(jti='B' * 20)).split('.')[2]}"
    yield "NaN", by.signed(by.ed25519, payload.replace(b"25.0", b"NaN"), "EdDSA", {"kid": "ed"})
    yield "infinite", by.signed(by.ed25519, payload.replace(b"25.0", b"1e999"), "EdDSA", {"kid": "ed"})
    yield "a list of claims", by.signed(by.ed25519, b"[%b]" % payload, "EdDSA", {"kid": "ed"})
    yield "deep", by.signed(by.ed25519, b"[" * 1_000 + b"]" * 1_000, "EdDSA", {"kid": "ed"})
    yield "not UTF-8", by.signed(by.ed25519, b"\xff" + payload, "EdDSA", {"kid": "ed"})
    yield "4 KB", by.sign(with_(more="x" * PACKET_BYTES_MAX))
    yield "letters beyond ASCII", f"{valid}é"


async def test_of_all_mutations_exactly_the_packet_itself_is_accepted() -> None:
    verdicts = {"itself": await Desk().verdict(vendor().sign())}
    wrong = {}
    for name, claims, codes in CHANGED:
        verdicts[name] = await Desk().verdict(vendor().sign(claims))
        if verdicts[name] not in codes.split():
            wrong[name] = (verdicts[name], codes)
    for name, packet in forged():
        verdicts[name] = await Desk().verdict(packet)
        if verdicts[name] != "geo_bad_packet":
            wrong[name] = (verdicts[name], "geo_bad_packet")
    assert wrong == {}
    assert [name for name, verdict in verdicts.items() if verdict == "accepted"] == ["itself"]
    assert len(verdicts) > 120
    assert set(verdicts.values()) - {"accepted"} <= REFUSALS.keys()


@pytest.mark.parametrize(
    ("field", "code"),
    [("account", "geo_not_yours"), ("device", "geo_not_yours"), ("session", "geo_not_yours")],
)
async def test_a_packet_is_of_who_brings_it(field: str, code: str) -> None:
    assert await Desk().verdict(vendor().sign(), CLAIMANT._replace(**{field: "another"})) == code


async def test_p256_signs_too_and_a_limit_reached_is_not_one_passed() -> None:
    assert await Desk().verdict(vendor().sign(kid="ec")) == "accepted"
    for edge in (with_(iat=NOW + 5, exp=NOW + 6), with_(iat=NOW - 120), with_(accuracy_m=200), with_(exp=NOW + 1)):
        assert await Desk().verdict(vendor().sign(edge)) == "accepted"


async def test_a_packet_is_used_once_whoever_brings_it_again() -> None:
    desk, packet = Desk(), vendor().sign()
    assert await desk.verdict(packet) == "accepted"
    assert await desk.verdict(packet) == "geo_replayed"
    assert await desk.verdict(vendor().sign(with_(accuracy_m=30))) == "geo_replayed"
    assert await desk.verdict(vendor().sign(with_(jti="C" * 16))) == "accepted"
    assert [row.outcome for row in desk.records.rows] == ["accepted", "geo_replayed", "geo_replayed", "accepted"]


class Doubtful(MemoryCoordination):
    """Claims, and does not say so."""

    async def claim(self, key: str, value: bytes, *, ttl_s: int) -> Any:
        await super().claim(key, value, ttl_s=ttl_s)
        raise InDoubt("no answer")


async def test_without_the_replay_store_or_the_record_nothing_is_accepted() -> None:
    desk = Desk()
    desk.coordination.away = True
    assert await desk.verdict(vendor().sign()) == "geo_unavailable"
    desk = Desk()
    desk.locations._coordination = Doubtful()
    assert await desk.verdict(vendor().sign()) == "geo_unavailable"
    desk = Desk()
    desk.records.away = True
    assert await desk.verdict(vendor().sign()) == "geo_unavailable"


async def test_a_slow_replay_store_is_waited_for_and_one_that_forgot_lets_a_packet_through_again() -> None:
    class Slow(MemoryCoordination):
        async def claim(self, key: str, value: bytes, *, ttl_s: int) -> Any:
            await asyncio.sleep(0.05)
            return await super().claim(key, value, ttl_s=ttl_s)

    desk, packet = Desk(), vendor().sign()
    desk.locations._coordination = Slow()
    assert await desk.verdict(packet) == "accepted"
    assert await desk.verdict(packet) == "geo_replayed"
    desk.locations._coordination = Slow()
    assert await desk.verdict(packet) == "accepted"
    assert [row.outcome for row in desk.records.rows] == ["accepted", "geo_replayed", "accepted"]


async def test_without_a_database_nothing_is_accepted() -> None:
    nowhere = DatabaseSettings(url=SecretStr(f"postgresql://nobody@127.0.0.1:{free_port()}/none"))
    async with open_database(nowhere) as database:
        recorder = Recorder(database)
        running = asyncio.create_task(recorder.run())
        assert await Desk(records=recorder).verdict(vendor().sign()) == "geo_unavailable"
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_nobody_travels_faster_than_300_metres_a_second() -> None:
    desk = Desk()
    newark = at(40.7357, -74.1724, jti="N" * 16, iat=NOW + 1)
    assert await desk.verdict(vendor().sign(with_(iat=NOW - 120))) == "accepted"
    assert await desk.verdict(vendor().sign(newark)) == "geo_jumped"  # 115 km in 121 s
    assert await desk.verdict(vendor().sign(with_(jti="O" * 16, iat=NOW - 119))) == "accepted"
    assert await desk.verdict(vendor().sign(with_(jti="P" * 16, iat=NOW - 120))) == "geo_superseded"
    desk = Desk()
    later = at(40.7357, -74.1724, jti="Q" * 16, iat=NOW + 1)
    assert await desk.verdict(vendor().sign(at(40.1, -74.8, jti="R" * 16, iat=NOW - 120, state="US-PA"))) != "accepted"
    assert await desk.verdict(vendor().sign(later)) == "geo_jumped"  # a place that was refused is a place, too


def test_development_keys_are_refused_in_production_and_bad_sets_always() -> None:
    okp, ec = vendor().jwks()
    for development in ({**okp, "kid": "development-1"}, {**okp, "iss": "oddswire-development"}):
        text = msgspec.json.encode({"keys": [development]})
        assert [key.development for key in read_keys(text, development=True).values()] == [True]
        with pytest.raises(Refused) as refusal:
            read_keys(text, development=False)
        assert refusal.value.code == "development_key"
    bad: tuple[list[dict[str, str]], ...] = (
        [],
        [okp, okp],
        [{**okp, "d": "x"}],
        [{**okp, "x": "AA"}],
        [{**ec, "crv": "P-384"}],
        [{"kty": "oct"}],
    )
    for keys in bad:
        with pytest.raises(Refused) as refusal:
            read_keys(msgspec.json.encode({"keys": keys}), development=True)
        assert refusal.value.code == "bad_vendor_key"
