"""OpenAPI 3.1 of the API, made of the table of routes and the types of what they give: nothing is written twice."""

from __future__ import annotations

import re
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec
import orjson

from gateway.access.principal import SCOPES, Scope
from gateway.api.desk_routes import ENTRIES
from gateway.api.kinds import Call, Entry, Operation, Question, Read
from gateway.api.money_schemas import Waiting
from gateway.api.problems import PROBLEMS, STATUSES
from gateway.api.routes import CALLS, HISTORY, OPERATIONS, READS, STREAMS
from gateway.api.schemas import ITEMS_OF_HISTORY, ProblemDetails
from gateway.money.keys import KEY_PATTERN

SECURITY_SCHEMES = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "Never in an address. Scopes: " + "; ".join(f"`{name}` {what}" for name, what in SCOPES.items()),
    },
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Of the installation's OIDC issuer; scopes in `scope` or `scp`. A key or a token, not both",
    },
}

REF = "#/components/schemas/{name}"

_REQUEST_ID: dict[str, dict[str, Any]] = {"Request-Id": {"$ref": "#/components/headers/Request-Id"}}
_RETRY_AFTER = {"description": "Seconds", "required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}}
_LIMITS = {
    "RateLimit-Policy": {
        "description": "Of a plan that has limits: requests (q) in so many seconds (w), of the day and at once",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What is left of each (r), and the seconds until it is whole again (t)",
        "schema": {"type": "string"},
    },
}
_READ_HEADERS: dict[str, dict[str, Any]] = {
    **_REQUEST_ID,
    "ETag": {"description": "Of this form of the body", "required": True, "schema": {"type": "string"}},
    "Odds-Cursor": {
        "description": "Subscribe to the stream with this cursor to go on from exactly this body",
        "required": True,
        "schema": {"type": "string"},
    },
    "Odds-Source": {
        "description": "Of one market: its source is not live. stale: suspended if live; down: suspended",
        "schema": {"type": "string", "enum": ["stale", "down"]},
    },
    "Cache-Control": {"required": True, "schema": {"type": "string"}},
    "Vary": {"required": True, "schema": {"type": "string"}},
    **_LIMITS,
}
_PROBLEM_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    429: {"Retry-After": _RETRY_AFTER, **_LIMITS},
    503: {"Retry-After": _RETRY_AFTER},
}


_DEADLINE = {
    "name": "X-Request-Deadline",
    "in": "header",
    "required": False,
    "description": "Unix time, ms: a request that nobody came to before this is not executed",
    "schema": {"type": "string", "pattern": "^[0-9]{13}$"},
}
_REPLAYED = {
    **_REQUEST_ID,
    "Idempotency-Replayed": {
        "description": "The answer was made for an earlier request with this key",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
_LATER = {
    **_REQUEST_ID,
    "Location": {"description": "Where it will be told", "required": True, "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds", "required": True, "schema": {"type": "string"}},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Names what is meant: however often it is sent, it is done once",
    "schema": {"type": "string", "pattern": KEY_PATTERN.pattern.replace("\\Z", "$")},
}
_IDS = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
_CALL_PATHS = tuple(dict.fromkeys(call.path for call in CALLS))
_CALL_STATUSES = tuple(status for status in STATUSES if status != HTTPStatus.METHOD_NOT_ALLOWED)


def openapi_document(*, anonymous: bool = True) -> bytes:
    """The document, as JSON. `anonymous`: odds are open to all."""
    questions = (*HISTORY, *STREAMS)
    bodies = [one.asked for one in questions if one.method != "GET"]
    bodies += [one.body for one in (*CALLS, *ENTRIES) if one.body is not None]
    answers = dict.fromkeys(one.answer for one in (*READS, *questions, *CALLS, *ENTRIES) if one.answer is not None)
    types = [*answers, *ITEMS_OF_HISTORY, *dict.fromkeys(bodies), Waiting, ProblemDetails]
    _, components = msgspec.json.schema_components(types, ref_template=REF)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "oddswire",
            "version": version("oddswire"),
            "summary": "Odds as they stand, and where to stream from",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {one.path: {"get": _read(one) | secured(one.scope, anonymous=anonymous)} for one in READS}
        | {
            one.path: {
                one.method.lower(): _question(one) | secured(one.scope, anonymous=anonymous and one.method == "GET")
            }
            for one in questions
            if not one.beside
        }
        | {one.path: {"get": _page(one)} for one in OPERATIONS}
        | {path: {one.method.lower(): _call(one) for one in CALLS if one.path == path} for path in _CALL_PATHS}
        | {one.path: {one.method.lower(): _entry(one)} for one in ENTRIES},
        "x-problems": [one._asdict() for one in PROBLEMS.values()],
        "components": {
            "schemas": components,
            "securitySchemes": SECURITY_SCHEMES,
            "headers": {
                "Request-Id": {
                    "description": "Echoes the request's own, if that is 1 to 64 letters, digits, dots, _ or -",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
                }
            },
        },
    }
    return orjson.dumps(document)


def secured(scope: Scope, *, anonymous: bool = False) -> dict[str, Any]:
    """What an operation says of who may use it: a key or a token with this scope, or, where odds are open, anybody."""
    said: dict[str, Any] = {"security": [{name: [scope]} for name in SECURITY_SCHEMES]}
    if anonymous:
        said["security"].append({})
    return said


def _read(read: Read) -> dict[str, Any]:
    """A read, and the question that takes its place where a parameter says so."""
    beside = [one for one in HISTORY if one.beside and one.path == read.path]
    parameters = [_parameters(one.path, one.asked, {one.beside}) for one in beside]
    refusals = {status for one in beside for status in one.refusals}
    return {
        "operationId": read.name,
        "tags": ["odds"],
        "summary": read.summary,
        "description": (read.view.__doc__ or "").strip(),
        "parameters": [*_parameters(read.path, read.view), *(one for said in parameters for one in said), _DEADLINE],
        "responses": {
            "200": {
                "description": read.summary,
                "headers": _optional(_READ_HEADERS) if beside else _READ_HEADERS,
                "content": {"application/json": {"schema": {"$ref": REF.format(name=read.answer.__name__)}}},
            },
            "304": {
                "description": "The client has it: If-None-Match holds the ETag",
                "headers": {name: said for name, said in _READ_HEADERS.items() if name != "Content-Type"},
            },
            **_problems(400, 401, 403, 404, 408, 414, 429, 431, 500, 503, *refusals),
        },
    }


def _call(call: Call) -> dict[str, Any]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": _IDS} for name in re.findall(r"{(\w+)}", call.path)
    ]
    said: dict[str, Any] = {
        "operationId": call.name,
        "tags": ["account"],
        "summary": call.summary,
        "parameters": [
            *in_path,
            *(_parameters(call.path, call.query) if call.query is not None else ()),
            *((_KEY,) if call.keyed else ()),
            _DEADLINE,
        ],
        "responses": {
            str(call.status): _json(call.summary, call.answer, _REPLAYED if call.keyed else _REQUEST_ID),
            **({"202": _json("Not known yet: the address tells, later", Waiting, _LATER)} if call.may_wait else {}),
            **_problems(*_CALL_STATUSES),
        },
    }
    if call.body is not None:
        schema = {"$ref": REF.format(name=call.body.__name__)}
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return said


def _entry(entry: Entry) -> dict[str, Any]:
    """`Desk-Request` is what a page of another origin cannot send: any value."""
    said: dict[str, Any] = {
        "operationId": entry.name,
        "tags": ["desk"],
        "summary": entry.summary,
        "responses": {
            str(entry.status): {"description": entry.summary, "headers": _REQUEST_ID}
            if entry.answer is None
            else _json(entry.summary, entry.answer, _REQUEST_ID),
            **_problems(*entry.refusals),
        },
    }
    if entry.method == "POST":
        said["parameters"] = [
            {"name": "Desk-Request", "in": "header", "required": True, "schema": {"type": "string", "minLength": 1}}
        ]
    if entry.body is not None:
        schema = {"$ref": REF.format(name=entry.body.__name__)}
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return said


def _json(text: str, answer: type, headers: dict[str, Any]) -> dict[str, Any]:
    schema = {"$ref": REF.format(name=answer.__name__)}
    return {"description": text, "headers": headers, "content": {"application/json": {"schema": schema}}}


def _question(asked: Question) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": REF.format(name=asked.answer.__name__)}}}
    said = {
        "operationId": asked.name,
        "tags": [asked.scope],
        "summary": asked.summary,
        "description": (asked.asked.__doc__ or "").strip(),
        "parameters": [*(_parameters(asked.path, asked.asked) if asked.method == "GET" else ()), _DEADLINE],
        "responses": {
            str(asked.status): {"description": asked.summary, "headers": _REQUEST_ID, "content": content},
            **_problems(*asked.refusals),
        },
    }
    if asked.method != "GET":
        schema = {"$ref": REF.format(name=asked.asked.__name__)}
        said["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return said


def _optional(headers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Headers that an answer has only where nothing else is asked at its address."""
    return {
        name: said if "$ref" in said else {key: value for key, value in said.items() if key != "required"}
        for name, said in headers.items()
    }


def _parameters(path: str, asked: Any, names: set[str] | None = None) -> list[dict[str, Any]]:
    """Those of a type, or of these names."""
    _, components = msgspec.json.schema_components([asked], ref_template=REF)
    properties: dict[str, dict[str, Any]] = components[asked.__name__]["properties"]
    in_path = re.findall(r"{(\w+)}", path)
    return [
        {
            "name": name,
            "in": "path" if name in in_path else "query",
            "required": name in in_path,
            "schema": _given(schema),
        }
        for name, schema in properties.items()
        if names is None or name in names
    ]


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is not given is null to us; one that is given never is."""
    for choice in schema.get("anyOf", ()):
        if choice != {"type": "null"}:
            return dict(choice)
    return schema


def _page(page: Operation) -> dict[str, Any]:
    content = {page.media_type: {"schema": {"type": "object" if page.media_type.endswith("json") else "string"}}}
    return {
        "operationId": page.name,
        "tags": ["service"],
        "summary": page.summary,
        "responses": {
            **{
                str(status): {"description": page.summary, "headers": _REQUEST_ID, "content": content}
                for status in page.statuses
            },
            **_problems(400, 414, 431, 500),
        },
    }


def _problems(*statuses: int) -> dict[str, Any]:
    """Every problem of these statuses, with its codes."""
    return {
        str(status): {
            "description": "; ".join(f"`{one.code}`: {one.title}" for one in PROBLEMS.values() if one.status == status),
            "headers": _REQUEST_ID | _PROBLEM_HEADERS.get(status, {}),
            "content": {"application/problem+json": {"schema": {"$ref": REF.format(name=ProblemDetails.__name__)}}},
        }
        for status in sorted(set(statuses))
    }
