"""Parameters of a request, from bytes to a type: each known one at most once, unknown ones passed over. Pure."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from feeds.contract.errors import Refused

PARAMETERS_MAX = 32

Query = list[tuple[str, str]]
T = TypeVar("T")


def query_of(query: bytes) -> Query:
    """Names and values. Raises Refused."""
    try:
        return parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX)
    except UnicodeError as error:
        raise Refused("bad_encoding", "the query is not percent-encoded UTF-8") from error
    except ValueError as error:
        raise Refused("bad_parameter", f"more than {PARAMETERS_MAX} parameters") from error


def names_of(asked: type[msgspec.Struct]) -> frozenset[str]:
    """The parameters that a type takes, as they stand in a query."""
    return frozenset(field.encode_name for field in msgspec.structs.fields(asked))


def once(query: Query, known: frozenset[str]) -> dict[str, str]:
    """The parameters that are known, each given once at most; others are ignored. Raises Refused."""
    given: dict[str, str] = {}
    for name, value in query:
        if name in given:
            raise Refused("duplicate_parameter", f"{name} was given more than once")
        if name in known:
            given[name] = value
    return given


def converted(parameters: dict[str, Any], asked: type[T]) -> T:
    """The parameters as their type, which may refuse them itself. Raises Refused."""
    try:
        return msgspec.convert(parameters, asked)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, Refused):
            raise error.__cause__ from None
        raise Refused("bad_parameter", words(error)) from error


def words(error: msgspec.ValidationError) -> str:
    """`$.league` and the like say which parameter; the value is not repeated."""
    what, _, where = str(error).rpartition(" - at `$.")
    return f"{where.rstrip('`')}: {what}" if what else str(error)
