"""Traces by OpenTelemetry, where an endpoint is configured: a span for each request that is routed, one below it for
each question to the archive. Never one for a price; of reads from kept bytes only the share that is asked for.

The SDK is optional (`oddswire[otel]`): without an endpoint nothing of it is imported, and nothing costs anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from gateway.api.edge import App, Exchange, Receive, Scope, Send

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

FLUSH_S = 2.0
"""At the end: so long the last spans may take to leave."""

SPANS_MAX = 2_048
"""Spans that wait to leave; further ones are dropped, no request waits."""

EXPORT_INTERVAL_S = 2.0
EXPORT_S = 5.0
_TRACES_PATH = "/v1/traces"
_SERVER_ERROR = 500


class NoTracing(ValueError):
    """Traces are configured, and cannot be made here."""


class Tracing(Protocol):
    """Where spans go."""

    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[object]:
        """A span below the present one, for as long as it is entered."""

    @property
    def hot_share(self) -> float:
        """Of reads that are answered ahead of the routes, the share that is sent by them, so as to have a span."""

    def routed(self, app: App) -> App:
        """A layer: a span for each request."""

    def close(self) -> None:
        """Sends what is left."""


class NoTraces:
    """Nobody wants any."""

    hot_share = 0.0

    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[object]:
        """Nothing."""
        del name, attributes
        return contextlib.nullcontext()

    def routed(self, app: App) -> App:
        """The same."""
        return app

    def close(self) -> None:
        """Nothing is left."""


class Traces:
    """Spans to a collector. `hot_share`: of reads from kept bytes, 0 to 1."""

    def __init__(self, provider: TracerProvider, *, hot_share: float) -> None:
        self._provider = provider
        self._tracer: Tracer = provider.get_tracer("oddswire.gateway")
        self.hot_share = hot_share

    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[object]:
        """See Tracing."""
        return self._tracer.start_as_current_span(name, attributes=dict(attributes))

    def routed(self, app: App) -> App:
        """See Tracing. Who sends `traceparent` (W3C Trace Context) finds the span in a trace of their own."""
        from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415 optional
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        propagator = TraceContextTextMapPropagator()

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            exchange: Exchange = scope["exchange"]
            told = exchange.headers.get(b"traceparent", b"").decode("latin-1")
            above = propagator.extract({"traceparent": told}) if told else None
            method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
            with self._tracer.start_as_current_span(method, context=above, kind=SpanKind.SERVER) as span:
                try:
                    await app(scope, receive, send)
                finally:
                    span.update_name(f"{method} {exchange.route}")
                    span.set_attributes(_attributes(method, exchange))
                    if exchange.status >= _SERVER_ERROR or not exchange.status:
                        span.set_status(StatusCode.ERROR)

        return traced

    def close(self) -> None:
        """See Tracing."""
        self._provider.force_flush(int(FLUSH_S * 1_000))
        self._provider.shutdown()


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def tracing_to(endpoint: str, *, hot_share: float, worker: int) -> Tracing:
    """Traces to the collector at an OTLP/HTTP endpoint, none where that is empty. Raises NoTracing."""
    if not endpoint:
        return NoTraces()
    if not endpoint.startswith(("http://", "https://")):
        raise NoTracing("the endpoint of traces is not an address such as http://127.0.0.1:4318 (OTLP over HTTP)")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 optional
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise NoTracing(f"traces need {error.name}, which is not installed: pip install 'oddswire[otel]'") from error
    address = endpoint.rstrip("/")
    if not address.endswith(_TRACES_PATH):
        address += _TRACES_PATH
    resource = Resource.create({"service.name": "oddswire-gateway", "service.instance.id": f"worker-{worker}"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=address, timeout=EXPORT_S)
    interval_ms, timeout_ms = EXPORT_INTERVAL_S * 1_000, EXPORT_S * 1_000
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=SPANS_MAX,
            schedule_delay_millis=interval_ms,
            export_timeout_millis=timeout_ms,
        )
    )
    return Traces(provider, hot_share=hot_share)


def _attributes(method: str, exchange: Exchange) -> dict[str, str | int]:
    return {
        "http.request.method": method,
        "http.route": exchange.route,
        "http.response.status_code": exchange.status,
        "oddswire.request_id": exchange.request_id.decode(),
    }
