"""Kinds of routes, each with what its lines in the tables say (gateway/api/routes.py, desk_routes.py)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from gateway.access.principal import Scope
from gateway.read import views


class Read(NamedTuple):
    """A read of the odds: `view` has its parameters, `answer` is what it gives, `scope` who may have it."""

    path: str
    name: str
    summary: str
    view: type[views.View]
    answer: Any
    scope: Scope = "odds"


class Question(NamedTuple):
    """A question that others than this process answer: the database, the fleet, a key.

    `asked` has its parameters, or its body where the method has one. `beside`: a read at the same address, which this
    takes the place of where its parameter of this name is given.
    """

    path: str
    name: str
    summary: str
    asked: Any
    answer: Any
    scope: Scope
    refusals: tuple[int, ...]
    method: str = "GET"
    status: int = 200
    beside: str = ""


class Operation(NamedTuple):
    """A page about the service itself. `name` is that of its endpoint in gateway/api/operations.py."""

    path: str
    name: str
    summary: str
    media_type: str
    statuses: tuple[int, ...] = (200,)


class Entry(NamedTuple):
    """Part of the way in to the desk's page: of nobody yet. `answer` None: there is no body with `status`."""

    method: Literal["GET", "POST"]
    path: str
    name: str
    summary: str
    answer: type[msgspec.Struct] | None
    status: int
    refusals: tuple[int, ...]
    body: type[msgspec.Struct] | None = None


class Call(NamedTuple):
    """Something of an account. `body` and `query` are the types of what it takes, `answer` of what it gives with
    `status`; `keyed`: it needs an Idempotency-Key; `may_wait`: 202 where it is not known yet."""

    method: Literal["GET", "POST", "PUT"]
    path: str
    name: str
    summary: str
    answer: Any
    status: int = 200
    body: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    keyed: bool = False
    may_wait: bool = False
    scope: Scope = "bets"
