"""What is asked with a body, or of an account: read, bounded and decoded here, and answered by an endpoint of its own.

Every such route needs a principal with its scope, and an account. Bodies are JSON and small; a client that sends one
slowly, or goes away, costs nobody else anything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec

from feeds.contract.errors import Refused
from gateway.access.principal import Principal, refusal
from gateway.api.bodies import decoded, whole_body
from gateway.api.clients import Clients
from gateway.api.edge import Exchange, Receive, Scope, Send
from gateway.api.kinds import Call
from gateway.api.load import Pressure
from gateway.api.parameters import names_of, once, query_of, words
from gateway.api.problems import MEDIA_TYPE, answer
from gateway.money.keys import KEY_PATTERN
from gateway.money.refusals import MoneyRefused
from gateway.store.errors import DatabaseUnavailable

_START = "http.response.start"
_NAME_CHARS_MAX = 128
"""Of a device or session; the rest is not looked at."""

_ERRORS_FROM = 400
_DEADLINE_DIGITS_MAX = 15


T = TypeVar("T")


def there(service: T | None) -> T:
    """What answers, once there is a database. Raises MoneyRefused("not_ready")."""
    if service is None:
        raise MoneyRefused("not_ready", "there is no database yet", retry_after_s=1)
    return service


class Asking(NamedTuple):
    """One request, read. `query` is of the type that its Call names. `key`: its Idempotency-Key. `said`: the bytes of
    its body, which are decoded by who needs to know what they mean, after the key was looked up."""

    who: Principal
    account: str
    headers: Mapping[bytes, bytes]
    request_id: str
    address: Callable[[], str]
    path: Mapping[str, str]
    query: Any
    key: str
    deadline: datetime | None
    said: bytes
    call: Call

    @property
    def network(self) -> str:
        """The client's address."""
        return self.address()

    @property
    def principal(self) -> Principal:
        """Who asks, with the device and session that are named."""
        device, session = (_named(self.headers.get(name, b"")) for name in (b"device-id", b"session-id"))
        return replace(self.who, device=device, session=session)

    @property
    def body(self) -> Any:
        """The body, of the type that its Call names. Raises Refused."""
        assert self.call.body is not None
        return decoded(self.said, self.call.body)

    @property
    def request(self) -> bytes:
        """What is asked, and the body: where these bytes are the same, so is the meaning."""
        return b"%b %b" % (self.call.name.encode(), self.said)


class Said(NamedTuple):
    """An answer. `body` is JSON, of a problem where the status says so."""

    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()


Endpoint = Callable[[Asking], Awaitable[Said]]
Heard = Callable[[str, str], None]


def nobody_hears(name: str, code: str) -> None:
    """Nobody counts them."""
    del name, code


class CallRoute:
    """All calls of one path: an ASGI endpoint. `pressure` decides when they, the reads, are turned away. `heard` is
    told of each answer that is no replay: which call, and by which problem; empty: by none."""

    def __init__(
        self, calls: Mapping[str, tuple[Call, Endpoint]], clients: Clients, pressure: Pressure, heard: Heard
    ) -> None:
        self._heard = heard
        self.methods = frozenset(calls)
        self._calls = dict(calls)
        self._clients = clients
        self._pressure = pressure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reads, asks the endpoint, answers."""
        call, endpoint = self._calls["GET" if scope["method"] == "HEAD" else scope["method"]]
        exchange: Exchange = scope["exchange"]
        exchange.route = call.name
        request_id = exchange.request_id.decode()
        try:
            self._check_pressure(call)
            said = await endpoint(await _asking(call, scope, receive, self._clients))
        except MoneyRefused as error:
            self._heard(call.name, error.code)
            headers = {} if error.retry_after_s is None else {"retry-after": str(error.retry_after_s)}
            await exchange.answer(answer(error.code, request_id, str(error), headers, error.more))
        except Refused as error:
            self._heard(call.name, error.code)
            await exchange.answer(answer(error.code, request_id, str(error)))
        except DatabaseUnavailable:
            self._heard(call.name, "overloaded")
            await exchange.answer(answer("overloaded", request_id, headers={"retry-after": "1"}))
        else:
            if not said.headers:
                self._heard(call.name, _code_of(said))
            await _answer(said, send)

    def _check_pressure(self, call: Call) -> None:
        """Raises Refused("overloaded") for a read."""
        if call.method == "GET" and self._pressure.sheds("status"):
            raise Refused("overloaded", "")


class _Coded(msgspec.Struct):
    code: str = ""


def _code_of(said: Said) -> str:
    return "" if said.status < _ERRORS_FROM else msgspec.json.decode(said.body, type=_Coded).code


async def _answer(said: Said, send: Send) -> None:
    media_type = MEDIA_TYPE if said.status >= _ERRORS_FROM else b"application/json"
    headers = [(b"content-type", media_type), (b"cache-control", b"no-store"), *said.headers]
    await send({"type": _START, "status": said.status, "headers": headers})
    await send({"type": "http.response.body", "body": said.body})


async def _asking(call: Call, scope: Scope, receive: Receive, clients: Clients) -> Asking:
    """Raises Refused."""
    exchange: Exchange = scope["exchange"]
    refused = refusal(exchange.principal, call.scope, account=True)
    if refused is not None:
        raise Refused(refused, "")
    principal = exchange.principal
    assert principal is not None
    assert principal.account is not None
    return Asking(
        who=principal,
        account=principal.account,
        headers=exchange.headers,
        request_id=exchange.request_id.decode(),
        address=partial(clients.address, scope),
        path=scope["path_params"],
        query=_query(call, scope["query_string"]),
        key=_key(scope) if call.keyed else "",
        deadline=_deadline(exchange.headers.get(b"x-request-deadline")),
        said=b"" if call.body is None else await whole_body(receive),
        call=call,
    )


def _named(value: bytes) -> str:
    return value[:_NAME_CHARS_MAX].decode("latin-1")


def _query(call: Call, query: bytes) -> Any:
    if call.query is None:
        return None
    try:
        return msgspec.convert(once(query_of(query), names_of(call.query)), call.query, strict=False)
    except msgspec.ValidationError as error:
        raise Refused("bad_parameter", words(error)) from error


def _key(scope: Scope) -> str:
    given = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    if not given:
        raise Refused("idempotency_key_missing", "")
    key: str = given[0].decode("latin-1")
    if len(given) > 1 or KEY_PATTERN.match(key) is None:
        raise Refused("bad_idempotency_key", "")
    return key


def _deadline(given: bytes | None) -> datetime | None:
    if given is None:
        return None
    if not given.isdigit() or len(given) > _DEADLINE_DIGITS_MAX:
        raise Refused("bad_deadline", "")
    try:
        return datetime.fromtimestamp(int(given) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Refused("bad_deadline", "") from error
