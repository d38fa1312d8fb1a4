"""The descriptions: valid by their own standards, complete, and true to what a shard says."""

import json
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from fanout.contract import messages
from fanout.contract.codec import delta_json, market_json
from feeds.contract.book import MarketBook, MarketEntry
from gateway.api.asyncapi import asyncapi_document
from gateway.api.desk_routes import ENTRIES
from gateway.api.openapi import openapi_document
from gateway.api.operations import CONTENT_SECURITY_POLICY
from gateway.api.problems import PROBLEMS
from gateway.api.routes import CALLS, HISTORY, OPERATIONS, READS, STREAMS
from gateway.api.stream_schemas import SERVER_MESSAGES, Delta
from tests.fanout.serving import event, spread
from tests.gateway.api.odds import Odds

OPENAPI: dict[str, Any] = json.loads(openapi_document())
ASYNCAPI: dict[str, Any] = json.loads(asyncapi_document())


def references(said: Any) -> set[str]:
    if isinstance(said, dict):
        own = {said["$ref"]} if isinstance(said.get("$ref"), str) else set()
        return own.union(*map(references, said.values()))
    if isinstance(said, list):
        return set().union(*map(references, said))
    return set()


def resolve(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/")]
    return found


def test_openapi_is_valid() -> None:
    OpenAPIV31SpecValidator(OPENAPI).validate()


def test_openapi_says_every_route_and_every_problem() -> None:
    assert set(OPENAPI["paths"]) == {one.path for one in (*READS, *HISTORY, *STREAMS, *CALLS, *OPERATIONS, *ENTRIES)}
    said = {(path, method) for path, methods in OPENAPI["paths"].items() for method in methods}
    assert {(call.path, call.method.lower()) for call in CALLS} <= said
    assert {one["code"] for one in OPENAPI["x-problems"]} == set(PROBLEMS)
    board = OPENAPI["paths"]["/v1/events/{id}/markets"]["get"]
    assert {one["name"]: (one["in"], one["required"]) for one in board["parameters"]} == {
        "id": ("path", True),
        "class": ("query", False),
        "player": ("query", False),
        "odds_format": ("query", False),
        "as_of": ("query", False),
        "X-Request-Deadline": ("header", False),
    }


def test_asyncapi_has_the_structure_of_version_3() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(ASYNCAPI["info"])
    for reference in references(ASYNCAPI):
        assert resolve(ASYNCAPI, reference), reference
    for operation in ASYNCAPI["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])
    for channel in ASYNCAPI["channels"].values():
        assert channel["address"].startswith("/v1/stream")


SAID = [
    messages.welcome(session="s", shard="f", hb_ms=1, tiers_ms=[0, 100], limits={"topics": 1}),
    messages.subscribed(op=1, epoch="9f", tier_ms=100, topics={"a": "image"}, why={"a": "bad_cursor"}),
    messages.subscribed(op=None, epoch="9f", tier_ms=100, topics={"a": "image"}, why={}),
    messages.unsubscribed("x", ["a"]),
    messages.pong(1, 2),
    messages.live(topics=["a"], src={"alpha-1": "stale"}, cursor="c"),
    messages.source("alpha-1", "down", 1),
    messages.heartbeat(ts=1, src={}, age_ms={"alpha-1": 3}, lag_ms={"p50": 1}, cursor="c"),
    messages.private_heartbeat(1),
    messages.account(1, 2, "balance", b'{"wallet":{}}'),
    messages.waiting("account", 200),
    messages.slow(1, 2),
    messages.drain(after_ms=1, deadline_ms=2, url=None),
    messages.error("bad_topic", "no", op=None, topic="a", fatal=True),
    messages.image_frame([market_json(spread(), 1)], [], "resume"),
    messages.delta_frame(1, [market_json(spread(), 1)], [], cursor="c"),
]


@pytest.mark.parametrize("said", SAID, ids=lambda said: json.loads(said)["t"])
def test_the_types_of_the_stream_are_what_a_shard_says(said: bytes) -> None:
    [kind] = [one for one in SERVER_MESSAGES if one.__struct_config__.tag == json.loads(said)["t"]]
    decoded = msgspec.json.decode(said, type=kind)
    assert json.loads(msgspec.json.encode(decoded)) == json.loads(said)


def test_every_message_of_a_shard_is_held_against_its_type() -> None:
    assert {json.loads(said)["t"] for said in SAID} == {one.__struct_config__.tag for one in SERVER_MESSAGES}


def test_the_type_of_a_delta_is_what_a_shard_says() -> None:
    book = MarketBook()
    book.apply(spread(), 1)
    entry = book.apply(spread(home=-120, st="suspended", reason="possible_score"), 2).entry
    assert isinstance(entry, MarketEntry)
    delta = entry.since(1)
    assert delta is not None
    said = delta_json(delta, 1)  # type: ignore[arg-type]
    decoded = msgspec.json.decode(said, type=Delta)
    assert json.loads(msgspec.json.encode(decoded)) == json.loads(said)


async def test_the_documents_and_their_page_are_served_from_here_alone() -> None:
    odds = Odds()
    odds.put(event())
    async with odds.client:
        assert (await odds.get("/openapi.json")).json() == OPENAPI
        assert (await odds.get("/asyncapi.json")).json() == ASYNCAPI
        page = await odds.get("/docs")
        assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        for file in ("/docs/page.js", "/docs/page.css"):
            assert file in page.text
            assert (await odds.get(file)).status_code == 200
        texts = [page.text] + [(await odds.get(file)).text for file in ("/docs/page.js", "/docs/page.css")]
        assert not any("http://" in text or "https://" in text or "innerHTML" in text for text in texts)
        assert "<style" not in page.text
        assert "onclick" not in page.text
