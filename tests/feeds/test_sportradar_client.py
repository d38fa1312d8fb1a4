"""The shells: settings and their secrets, TLS, and what the REST API may answer."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from feeds.adapters.server import free_port
from feeds.contract.errors import Refused
from feeds.contract.settings import describe
from feeds.providers.simulator.serving.uvicorn_server import serving
from feeds.providers.sportradar.amqp import LineCut, open_line, tls_context
from feeds.providers.sportradar.directory import Want
from feeds.providers.sportradar.producer import RecoveryRequest
from feeds.providers.sportradar.rest import ApiUnavailable, UofApi
from feeds.providers.sportradar.settings import SportradarSettings
from feeds.providers.sportradar.spec import Fixture, Producer
from tests.feeds.uof_messages import FIXTURE, PLAYER

_TOKEN = "very-secret-token"


class _Api:
    """An API that answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer = Response(FIXTURE)
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()

    async def __call__(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.url.path}?{request.url.query}")
        self.tokens.add(request.headers.get("x-access-token"))
        return self.answer


def _settings(**changes: object) -> SportradarSettings:
    return SportradarSettings.model_validate({"token": SecretStr(_TOKEN), **changes})


@asynccontextmanager
async def _asking() -> AsyncIterator[tuple[_Api, UofApi]]:
    api = _Api()
    app = Starlette(routes=[Route("/{path:path}", api.__call__, methods=["GET", "POST"])])
    async with serving(app, 0) as port, UofApi(_settings(api_url=f"http://127.0.0.1:{port}")) as asker:
        yield api, asker


async def test_what_is_asked_for_and_how() -> None:
    async with _asking() as (api, asker):
        found = await asker.find(Want("fixture", "sr:match:1"))
        assert isinstance(found, Fixture)
        producer = Producer(1, "liveodds")
        await asker.recover(producer, RecoveryRequest(7, 1234))
        await asker.recover(producer, RecoveryRequest(8, None))
    assert api.asked == [
        "GET /v1/sports/en/sport_events/sr:match:1/fixture.xml?",
        "POST /v1/liveodds/recovery/initiate_request?after=1234&request_id=7",
        "POST /v1/liveodds/recovery/initiate_request?request_id=8",
    ]
    assert api.tokens == {_TOKEN}


async def test_what_the_api_may_answer() -> None:
    async with _asking() as (api, asker):
        for body, status, code in (
            (b"", 404, "not_found"),
            (PLAYER, 200, "wrong_document"),
            (b"<", 200, "xml_malformed"),
        ):
            api.answer = Response(body, status)
            with pytest.raises(Refused) as refused:
                await asker.find(Want("fixture", "sr:match:1"))
            assert refused.value.code == code
        api.answer = Response(status_code=503)
        with pytest.raises(ApiUnavailable):
            await asker.descriptions()
        with pytest.raises(ApiUnavailable):
            await asker.recover(Producer(1, "liveodds"), RecoveryRequest(7, None))
        api.answer = Response(b'<producers><producer id="3" api_url="http://a/v1/pre/"/></producers>')
        assert (await asker.producer(3)).path == "pre"
        with pytest.raises(Refused):
            await asker.producer(1)


async def test_an_api_that_is_not_there() -> None:
    async with UofApi(_settings(api_url=f"http://127.0.0.1:{free_port()}")) as asker:
        with pytest.raises(ApiUnavailable) as unavailable:
            await asker.find(Want("player", "sr:player:7"))
    assert _TOKEN not in str(unavailable.value)


async def test_a_broker_that_is_not_there(caplog: pytest.LogCaptureFixture) -> None:
    settings = _settings(amqp_host="127.0.0.1", amqp_port=free_port(), amqp_tls=False)
    with pytest.raises(LineCut) as cut:
        async with open_line(settings):
            pytest.fail("there is no broker")
    assert _TOKEN not in str(cut.value)
    assert _TOKEN not in caplog.text


def test_certificates_are_verified_unless_that_is_switched_off(tmp_path: Path) -> None:
    context = tls_context(_settings())
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert tls_context(_settings(amqp_tls_verify=False)).verify_mode == ssl.CERT_NONE
    with pytest.raises(Refused):
        tls_context(_settings(amqp_ca_file=str(tmp_path / "none.pem")))


def test_the_token_is_never_shown() -> None:
    settings = _settings()
    assert _TOKEN not in repr(settings)
    assert _TOKEN not in settings.model_dump_json()
    rows = {row["variable"]: row for row in describe(SportradarSettings)}
    assert rows["ODDSWIRE_SPORTRADAR_TOKEN"]["default"] == ""
    assert rows["ODDSWIRE_SPORTRADAR_AMQP_TLS"]["default"] == "True"
