"""The REST API: descriptions, fixtures, players, and requests for recovery. The thin shell around `documents`.

Owns addresses and the token's header. Never retries: who asks knows whether it still wants the answer.
"""

from __future__ import annotations

from typing import Final, Self
from urllib.parse import quote

import httpx

from feeds.contract.errors import Refused
from feeds.providers.sportradar.directory import Want
from feeds.providers.sportradar.documents import parse_document
from feeds.providers.sportradar.producer import RecoveryRequest
from feeds.providers.sportradar.settings import SportradarSettings
from feeds.providers.sportradar.spec import Description, Document, Fixture, Player, Producer
from feeds.providers.sportradar.xml import DOCUMENT_BYTES_MAX

_TOKEN_HEADER: Final = "x-access-token"  # noqa: S105 the name of a header
_LANGUAGE: Final = "en"
_GONE: Final = frozenset({400, 403, 404, 410})


class ApiUnavailable(Exception):
    """The API did not answer, or answered that it cannot now."""


class UofApi:
    """Asks the API. `async with UofApi(settings) as api`."""

    def __init__(self, settings: SportradarSettings) -> None:
        self._client = httpx.AsyncClient(
            base_url=settings.api_url,
            headers={_TOKEN_HEADER: settings.token.get_secret_value()},
            timeout=settings.api_timeout_s,
            limits=httpx.Limits(max_connections=settings.api_requests + 1),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def producer(self, product: int) -> Producer:
        """A producer of this installation. Raises ApiUnavailable, Refused("unknown_producer" or not a document)."""
        document = await self._get("/v1/descriptions/producers.xml")
        for one in document if isinstance(document, tuple) else ():
            if isinstance(one, Producer) and one.id == product and one.path:
                return one
        raise Refused("unknown_producer", f"the API knows no producer {product}")

    async def descriptions(self) -> Document:
        """Descriptions of all markets. Raises ApiUnavailable, or Refused where it is no document."""
        return await self._get(f"/v1/descriptions/{_LANGUAGE}/markets.xml")

    async def variants(self) -> Document:
        """Descriptions of all variants that are not of one event. Raises as `descriptions` does."""
        return await self._get(f"/v1/descriptions/{_LANGUAGE}/variants.xml")

    async def find(self, want: Want) -> Document:
        """What is wanted. Raises ApiUnavailable, or Refused where the API does not have it."""
        document = await self._get(_address(want))
        if not _answers(document, want):
            raise Refused("wrong_document", f"the answer for {want.kind} {want.id} tells of something else")
        return document

    async def recover(self, producer: Producer, request: RecoveryRequest) -> None:
        """Asks for a recovery. Raises ApiUnavailable."""
        after = {} if request.after_ms is None else {"after": request.after_ms}
        path = f"/v1/{quote(producer.path)}/recovery/initiate_request"
        try:
            answer = await self._client.post(path, params={**after, "request_id": request.id})
        except httpx.HTTPError as error:
            raise ApiUnavailable(f"POST {path}: {type(error).__name__}") from error
        if not answer.is_success:
            raise ApiUnavailable(f"POST {path}: status {answer.status_code}")

    async def _get(self, path: str) -> Document:
        data = bytearray()
        try:
            async with self._client.stream("GET", path) as answer:
                if answer.status_code in _GONE:
                    raise Refused("not_found", f"GET {path}: status {answer.status_code}")
                if answer.status_code != httpx.codes.OK:
                    raise ApiUnavailable(f"GET {path}: status {answer.status_code}")
                async for block in answer.aiter_bytes():
                    data += block
                    if len(data) > DOCUMENT_BYTES_MAX:
                        raise Refused("too_long", f"GET {path}: more than {DOCUMENT_BYTES_MAX} bytes")
        except httpx.HTTPError as error:
            raise ApiUnavailable(f"GET {path}: {type(error).__name__}") from error
        return parse_document(bytes(data))


def _address(want: Want) -> str:
    found = quote(want.id, safe=":")
    match want.kind:
        case "fixture":
            return f"/v1/sports/{_LANGUAGE}/sport_events/{found}/fixture.xml"
        case "player":
            return f"/v1/sports/{_LANGUAGE}/players/{found}/profile.xml"
        case "variant":
            return f"/v1/descriptions/{_LANGUAGE}/markets/{quote(want.market)}/variants/{found}"


def _answers(document: Document, want: Want) -> bool:
    match document:
        case Fixture() | Player():
            return want.kind != "variant" and document.id == want.id and isinstance(document, _KINDS[want.kind])
        case _:
            return want.kind == "variant" and any(
                isinstance(one, Description) and one.variant == want.id for one in document
            )


_KINDS: Final = {"fixture": Fixture, "player": Player}
