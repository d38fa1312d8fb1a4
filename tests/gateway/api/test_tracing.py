"""Traces reach a collector as OTLP over HTTP: one span a routed request, one below it a question; none else."""

from __future__ import annotations

import gzip
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from gateway.api.tracing import NoTraces, NoTracing, tracing_to
from gateway.store.migrations import migrate
from gateway.store.pool import Database
from gateway.store.settings import DatabaseSettings
from tests.fanout.serving import event, spread
from tests.gateway.api.odds import Odds
from tests.gateway.history.made import MadeArchive

ABOVE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector:
    """An OTLP/HTTP collector that keeps what it is sent."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                assert self.path == "/v1/traces"
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Not on the terminal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    serving = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        serving.join()
        made.server.server_close()


async def test_routed_requests_and_questions_have_spans_and_hot_reads_have_none(
    collector: Collector, settings: DatabaseSettings, database: Database
) -> None:
    await migrate(settings)
    await MadeArchive(database).write([(0, spread())])
    tracing = tracing_to(collector.url, hot_share=0, worker=3)
    odds = Odds(database=database, tracing=tracing)
    odds.put(event(), spread())
    async with odds.client:
        for _ in range(5):
            assert (await odds.get("/v1/markets/M1")).status_code == 200
        history = await odds.get("/v1/markets/M1/history", traceparent=ABOVE, request_id="r1")
        assert history.status_code == 200
        assert (await odds.get("/v1/markets/M2/history")).status_code == 404
        del odds.gateway.book.lanes
        assert (await odds.get("/v1/leagues")).status_code == 500
    tracing.close()
    spans = collector.spans()
    assert sorted(span.name for span in spans) == sorted(
        ["GET market", "GET history", "GET history", "history history", "history history", "GET leagues"]
    )
    [asked, answered] = [span for span in spans if span.trace_id.hex() == ABOVE.split("-")[1]]
    parent = answered if answered.kind == Span.SPAN_KIND_SERVER else asked
    child = asked if parent is answered else answered
    assert parent.parent_span_id.hex() == ABOVE.split("-")[2]
    assert child.parent_span_id == parent.span_id
    said = {one.key: one.value for one in parent.attributes}
    assert (said["http.route"].string_value, said["http.response.status_code"].int_value) == ("history", 200)
    assert said["oddswire.request_id"].string_value == "r1"
    assert {span.name for span in spans if span.status.code} == {"GET leagues"}
    [resource] = {str(request.resource_spans[0].resource) for request in collector.requests}
    assert "oddswire-gateway" in resource
    assert "worker-3" in resource


async def test_a_share_of_hot_reads_can_be_asked_for(collector: Collector) -> None:
    tracing = tracing_to(f"{collector.url}/v1/traces", hot_share=1, worker=0)
    odds = Odds(tracing=tracing)
    odds.put(event(), spread())
    async with odds.client:
        for _ in range(3):
            await odds.get("/v1/markets/M1")
    tracing.close()
    assert [span.name for span in collector.spans()] == ["GET market"] * 3


def test_without_an_endpoint_there_are_none_and_without_the_sdk_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(tracing_to("", hot_share=1, worker=0), NoTraces)
    with pytest.raises(NoTracing, match="not an address"):
        tracing_to("collector:4317", hot_share=0, worker=0)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(NoTracing, match=r"pip install 'oddswire\[otel\]'"):
        tracing_to("http://127.0.0.1:4318", hot_share=0, worker=0)
