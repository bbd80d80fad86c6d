"""Tells an OpenTelemetry collector about requests and inference; imported only where one is named.

Contract: a request continues the trace of its `traceparent`; a collector that is down costs no
answer, for spans are sent behind the requests and dropped when there are too many. No header, body
or key becomes an attribute. Does not know: routes, or what is recognised.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mnist_backend import __version__
from mnist_backend.artefact import Card
from mnist_backend.predictor import Predictor, Recognition, Values

TRACES = "/v1/traces"
SCHEMES = ("http://", "https://")
FAILURE = 500
EXPORT_SECONDS = 5


class Telemetry:
    """Spans on their way to a collector."""

    def __init__(self, endpoint: str) -> None:
        """Take the collector's address, without the path of the protocol.

        Raises:
            ValueError: it is no address of HTTP.
        """
        if not endpoint.startswith(SCHEMES):
            message = f"{endpoint}: must be http:// or https://, as http://collector:4318"
            raise ValueError(message)
        named = {"service.name": "mnist-backend", "service.version": __version__}
        self.provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint.rstrip("/") + TRACES, timeout=EXPORT_SECONDS)
        self.provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self.provider.get_tracer("mnist_backend", __version__)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, method: str, headers: Mapping[bytes, bytes]) -> Iterator["RequestSpan"]:
        """Measure a request, as a part of the trace that its headers name."""
        names = (b"traceparent", b"tracestate")
        carrier = {n.decode(): headers[n].decode("latin-1") for n in names if n in headers}
        context = self._propagator.extract(carrier)
        with self._tracer.start_as_current_span(
            method, context, SpanKind.SERVER, {"http.request.method": method}
        ) as span:
            yield RequestSpan(span)

    def traced(self, predictor: Predictor) -> Predictor:
        """Return a predictor whose work is measured too."""
        return TracedPredictor(predictor, self)

    @contextmanager
    def inference(self, card: Card, count: int) -> Iterator[None]:
        """Measure how long a model takes."""
        told: dict[str, str | int] = {
            "mnist.model_version": card.model_version,
            "mnist.drawings": count,
        }
        with self._tracer.start_as_current_span("recognise", attributes=told):
            yield

    def stop(self) -> None:
        """Send what is left."""
        self.provider.shutdown()


class RequestSpan:
    """A request that is being measured."""

    def __init__(self, span: Span) -> None:
        """Take its span."""
        self._span = span

    @property
    def trace_id(self) -> str:
        """The trace it belongs to."""
        return format_trace_id(self._span.get_span_context().trace_id)

    def end(self, method: str, route: str, status: int, model_version: str) -> None:
        """Say what came of it."""
        self._span.update_name(f"{method} {route}")
        self._span.set_attribute("http.route", route)
        self._span.set_attribute("http.response.status_code", status)
        self._span.set_attribute("mnist.model_version", model_version)
        if status >= FAILURE:
            self._span.set_attribute("error.type", str(status))


class TracedPredictor:
    """A predictor that is measured at work."""

    def __init__(self, predictor: Predictor, telemetry: Telemetry) -> None:
        """Wrap a predictor."""
        self._predictor = predictor
        self._telemetry = telemetry

    @property
    def card(self) -> Card:
        """Describe the model in use."""
        return self._predictor.card

    def recognise(self, values: Values) -> Recognition:
        """Recognise the digit in 784 grey values, row by row."""
        with self._telemetry.inference(self.card, 1):
            return self._predictor.recognise(values)

    def recognise_many(self, drawings: Values) -> list[Recognition]:
        """Recognise the digits in n times 784 grey values."""
        with self._telemetry.inference(self.card, len(drawings)):
            return self._predictor.recognise_many(drawings)
