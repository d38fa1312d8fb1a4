"""AsyncAPI 3.0 of the stream, which the fan-out shards serve: made of the types of what devices and shards say."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import msgspec
import orjson

from fanout.contract.messages import Ping, Subscribe, Unsubscribe
from gateway.api.stream_schemas import SERVER_MESSAGES, Delta, SelectionDelta

REF = "#/components/schemas/{name}"
DEVICE_MESSAGES = (Subscribe, Unsubscribe, Ping)
CHANNELS = {"stream": "/v1/stream", "sse": "/v1/stream/sse"}


def asyncapi_document() -> bytes:
    """The document, as JSON."""
    _, schemas = msgspec.json.schema_components(
        [*DEVICE_MESSAGES, *SERVER_MESSAGES, Delta, SelectionDelta], ref_template=REF
    )
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "oddswire stream",
            "version": version("oddswire"),
            "description": "Image, then deltas; a cursor resumes anywhere. Served by the fan-out shards.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "stream": _channel(
                "WebSocket: text frames, one object each", "stream", (*DEVICE_MESSAGES, *SERVER_MESSAGES)
            ),
            "sse": _channel("Server-sent events: `event` is `t`, `id` the cursor", "sse", SERVER_MESSAGES),
        },
        "operations": {
            "say": _operation("receive", "stream", DEVICE_MESSAGES),
            "hear": _operation("send", "stream", SERVER_MESSAGES),
            "hearEvents": _operation("send", "sse", SERVER_MESSAGES),
        },
        "components": {"schemas": schemas, "messages": {one.__name__: _message(one) for one in _all()}},
    }
    return orjson.dumps(document)


def _all() -> tuple[type[msgspec.Struct], ...]:
    return (*DEVICE_MESSAGES, *SERVER_MESSAGES)


def _channel(title: str, name: str, messages: tuple[type[msgspec.Struct], ...]) -> dict[str, Any]:
    return {
        "address": CHANNELS[name],
        "title": title,
        "messages": {one.__name__: {"$ref": f"#/components/messages/{one.__name__}"} for one in messages},
    }


def _operation(action: str, channel: str, messages: tuple[type[msgspec.Struct], ...]) -> dict[str, Any]:
    """`action` is what the shard does."""
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{one.__name__}"} for one in messages],
    }


def _message(one: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "name": str(one.__struct_config__.tag),
        "summary": (one.__doc__ or "").strip(),
        "payload": {"$ref": REF.format(name=one.__name__)},
    }
