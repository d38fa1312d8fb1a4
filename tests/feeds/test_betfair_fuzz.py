"""Ten thousand damaged lines through session, parser, mapping and settlement: only typed refusals may come out."""

from __future__ import annotations

import copy
from random import Random

import orjson

from feeds.contract.records import encode_record
from feeds.providers.betfair.catalogue import Catalogue
from feeds.providers.betfair.failures import StreamFailed
from feeds.providers.betfair.mapping import Translator
from feeds.providers.betfair.parse import StreamReader
from feeds.providers.betfair.requests import DataFilter, MarketFilter, Subscription
from feeds.providers.betfair.session import AUTHENTICATION_ID, SUBSCRIPTION_ID, Credentials, StreamSession
from tests.feeds.betfair_stream import change, definition, line, runner

_LINES = 12_000
_T = 1_900_000_000_000
_SUBSCRIPTION = Subscription(MarketFilter(), DataFilter(["EX_MARKET_DEF"], 3), 0, 1_000, segmentation_enabled=True)
_VALUES: list[object] = [
    None,
    True,
    0,
    -1,
    2**63,
    1.5,
    -2.5,
    1e300,
    "",
    "NaN",
    "é\x00",
    [],
    {},
    [[]],
    [[1]],
    [[1, 2]],
    {"a": [1]},
]
_HANDSHAKE = (
    b'{"op":"connection","connectionId":"c"}\r\n'
    + orjson.dumps({"op": "status", "id": AUTHENTICATION_ID, "statusCode": "SUCCESS"})
    + b"\r\n"
    + orjson.dumps({"op": "status", "id": SUBSCRIPTION_ID, "statusCode": "SUCCESS"})
    + b"\r\n"
)


def _good(rng: Random, pt: int) -> bytes:
    """A sound line: an image, a delta, a closing, line betting, a handicap."""
    hc = rng.choice([0, 0.5, -0.5])
    market = f"1.{rng.randrange(4)}"
    rc = {"id": 11, "hc": hc, "atb": [[rng.choice([2, 3.5, 46.5]), 9]], "atl": [[47, 3]], "ltp": 3, "trd": [], "tv": 1}
    closed = [
        runner(11, rng.choice(["WINNER", "LOSER", "PLACED", "REMOVED"]), hc=hc),
        runner(12, "REMOVED", adjustmentFactor=12.5, removalDate="2030-05-01T13:00:00.000Z"),
    ]
    made = rng.choice(
        [
            change(rc, market=market, img=True, marketDefinition=definition(runners=[runner(11, hc=hc), runner(12)])),
            change(rc, market=market),
            change(
                market=market,
                marketDefinition=definition(
                    "CLOSED", runners=closed, numberOfWinners=1, settledTime="2030-05-01T14:40:00.000Z"
                ),
            ),
            change(rc, market=market, img=True, marketDefinition=definition(bettingType="LINE", marketType="RUNS")),
            change(rc, market=market, marketDefinition=definition(bettingType="ASIAN_HANDICAP_DOUBLE_LINE")),
            change(rc, market=market, marketDefinition=definition(marketType="EACH_WAY", eachWayDivisor=4)),
        ]
    )
    more = {
        "ct": rng.choice([None, "SUB_IMAGE", "RESUB_DELTA"]),
        "segmentType": rng.choice([None, "SEG_START", "SEG_END"]),
    }
    return line(made, pt=pt, id=SUBSCRIPTION_ID, **{key: value for key, value in more.items() if value})


def _replaced(rng: Random, value: object) -> None:
    """One value somewhere inside becomes another."""
    while isinstance(value, dict | list) and value:
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        inner = value[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.8:
            value = inner
            continue
        value[key] = copy.deepcopy(rng.choice(_VALUES))
        return


def _damaged(rng: Random, data: bytes) -> bytes:
    how = rng.random()
    if how < 0.3:
        return data
    if how < 0.65:
        message = orjson.loads(data)
        for _ in range(rng.randint(1, 3)):
            _replaced(rng, message)
        return orjson.dumps(message)
    if how < 0.68:
        return data.replace(b"31000001", rng.choice([rb"\ud800", rb"\u0000", b"9" * 70, b"-"]))
    if how < 0.8:
        return data[: rng.randrange(len(data))]
    spoiled = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        spoiled[rng.randrange(len(spoiled))] = rng.randrange(256)
    return bytes(spoiled)


def test_only_typed_refusals_come_out_of_damaged_lines() -> None:
    rng = Random(20_300_501)
    reader = StreamReader(live=True)
    translator = Translator(feed="betfair", lanes=4, catalogue=Catalogue())
    failures: dict[str, int] = {}
    states = results = 0
    session = StreamSession(reader, Credentials("key", "token"), _SUBSCRIPTION)
    list(session.receive(_HANDSHAKE))
    for number in range(_LINES):
        data = _damaged(rng, _good(rng, _T + number)) + b"\r\n"
        try:
            for told in session.receive(data):
                made = translator.states(reader.markets, told.markets, number)
                for state in made:
                    encode_record(state)
                states += len(made)
                results += len(translator.results(told.markets, told.pt or 0))
        except StreamFailed as failed:
            failures[failed.code] = failures.get(failed.code, 0) + 1
            session = StreamSession(reader, Credentials("key", "token"), _SUBSCRIPTION, resume=session.resume)
            list(session.receive(_HANDSHAKE))
    assert states > 1_000
    assert results > 100
    assert {"json_malformed", "bad_shape", "out_of_order"} <= set(failures)
