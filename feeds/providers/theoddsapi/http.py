"""Requests of The Odds API: conditional, bounded in time and size. Knows addresses and headers, no body.

The API takes its key in the query string alone, so an address is never logged here, nor in an error's text, and
httpx, which logs addresses, is kept silent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import httpx

from feeds.providers.theoddsapi.budget import Quota, read_quota
from feeds.providers.theoddsapi.parse import parse_problem

RETRY_AFTER_S: Final = 5.0
"""The pause after a 429 that names none."""

PROBLEM_BYTES_MAX: Final = 4_096
"""So much is read of the body of a refusal."""

_OK, _NOT_MODIFIED, _NOT_FOUND, _TOO_MANY = 200, 304, 404, 429


class NoAnswer(Exception):
    """The API did not answer, or refused. `code` is stable; `pause_s`: it asks to be left alone for so long."""

    def __init__(self, code: str, *, pause_s: float | None = None, gone: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.pause_s = pause_s
        self.gone = gone


class Fetcher:
    """Gets answers. `quota` is the newest that the API told of."""

    def __init__(self, *, url: str, key: str, timeout_s: float, body_bytes_max: int, concurrency: int) -> None:
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.quota = Quota()
        self._key = key
        self._timeout_s = timeout_s
        self._body_bytes_max = body_bytes_max
        self._validators: dict[str, dict[str, str]] = {}
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
            headers={"accept": "application/json"},
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def get(self, path: str, parameters: Mapping[str, str]) -> bytes | None:
        """The body of an answer; None where it is the one that was `accepted` last.

        Raises NoAnswer("timeout" | "unreachable" | "too_many_requests" | "http_..." | "too_long").
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._get(path, parameters)
        except (TimeoutError, httpx.TimeoutException):
            raise NoAnswer("timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
            raise NoAnswer("unreachable") from None

    def forget(self, path: str) -> None:
        """The last answer was not used: the next one must come whole."""
        self._validators.pop(path, None)

    def forget_all(self) -> None:
        """No answer counts as known."""
        self._validators.clear()

    def keep(self, paths: set[str]) -> None:
        """Only these are asked for from now on."""
        self._validators = {path: known for path, known in self._validators.items() if path in paths}

    async def _get(self, path: str, parameters: Mapping[str, str]) -> bytes | None:
        query = {**parameters, "apiKey": self._key}
        known = self._validators.get(path, {})
        async with self._client.stream("GET", path, params=query, headers=known) as response:
            self._learn_quota(response.headers)
            if response.status_code == _NOT_MODIFIED and known:
                return None
            if response.status_code != _OK:
                raise await _no_answer(response)
            body = await self._body(response)
        self._validators[path] = _validators(response.headers)
        return body

    async def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > self._body_bytes_max:
                raise NoAnswer("too_long")
        return bytes(body)

    def _learn_quota(self, headers: Mapping[str, str]) -> None:
        quota = read_quota(headers)
        if quota.remaining is not None:
            self.quota = quota


async def _no_answer(response: httpx.Response) -> NoAnswer:
    if response.status_code == _TOO_MANY:
        return NoAnswer("too_many_requests", pause_s=_retry_after_s(response.headers.get("retry-after")))
    start = bytearray()
    async for part in response.aiter_bytes():
        start += part
        if len(start) > PROBLEM_BYTES_MAX:
            break
    words = parse_problem(bytes(start)) or "refused"
    return NoAnswer(f"http_{response.status_code}:{words}", gone=response.status_code == _NOT_FOUND)


def _retry_after_s(text: str | None) -> float:
    """Seconds of a Retry-After. One that is a date counts as none: our clock need not be theirs."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 6:
        return RETRY_AFTER_S
    return float(text)


def _validators(headers: Mapping[str, str]) -> dict[str, str]:
    known: dict[str, str] = {}
    if etag := headers.get("etag"):
        known["if-none-match"] = etag
    if modified := headers.get("last-modified"):
        known["if-modified-since"] = modified
    return known
