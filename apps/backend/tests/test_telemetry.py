"""Spans on their way to a collector, where one is named."""

import builtins
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from mnist_backend import lifecycle
from mnist_backend.errors import SettingInvalidError
from mnist_backend.telemetry import Telemetry

from .conftest import MakeClient, serving_of

PREDICT = "/api/v1/predict"
BLANK = {"image": [0.0] * 784}
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CARRIED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


class Collector(ThreadingHTTPServer):
    """Takes spans over HTTP, as any collector does."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a port of this machine."""
        super().__init__(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.paths: list[str] = []
        self.spans: list[Span] = []
        self.services: set[str] = set()

    def named(self, name: str) -> list[Span]:
        """Return the spans of a name."""
        return [span for span in self.spans if span.name == name]


class Taking(BaseHTTPRequestHandler):
    """Keeps what it gets for its collector."""

    server: Collector

    def do_POST(self) -> None:
        """Take spans."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.paths.append(self.path)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.server.services.add(named["service.name"])
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A running collector."""
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def told(span: Span) -> dict[str, object]:
    """Return the attributes of a span."""
    return {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in span.attributes}


def sent(telemetry: Telemetry | None) -> None:
    """Wait until all spans are with the collector."""
    assert telemetry
    assert telemetry.provider.force_flush()


def test_a_request_continues_its_trace(make_client: MakeClient, collector: Collector) -> None:
    """The request's span is a child of the caller's, and the inference is a child of it."""
    client = make_client(otlp_endpoint=collector.url + "/")
    client.post(PREDICT, json=BLANK, headers=CARRIED)
    sent(serving_of(client).telemetry)
    (request,) = collector.named(f"POST {PREDICT}")
    (inference,) = collector.named("recognise")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert inference.parent_span_id == request.span_id
    assert told(inference) == {"mnist.model_version": "0.1.0+test", "mnist.drawings": 1}
    assert told(request) == {
        "http.request.method": "POST",
        "http.route": PREDICT,
        "http.response.status_code": 200,
        "mnist.model_version": "0.1.0+test",
    }
    assert collector.services == {"mnist-backend"}
    assert set(collector.paths) == {"/v1/traces"}


def test_a_batch_is_one_inference_in_another_thread(
    make_client: MakeClient, collector: Collector
) -> None:
    """The trace follows the work to the thread that does it."""
    client = make_client(otlp_endpoint=collector.url)
    client.post(f"{PREDICT}/batch", json={"images": [BLANK["image"]] * 3}, headers=CARRIED)
    sent(serving_of(client).telemetry)
    (inference,) = collector.named("recognise")
    assert inference.trace_id.hex() == TRACE
    assert told(inference)["mnist.drawings"] == 3


def test_a_trace_of_our_own_is_in_the_log(
    make_client: MakeClient, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    """A request without a trace begins one, under whose id it is logged."""
    client = make_client(otlp_endpoint=collector.url, access_log="all")
    with caplog.at_level("INFO"):
        client.get("/nowhere")
    sent(serving_of(client).telemetry)
    (span,) = collector.named("GET unmatched")
    (record,) = [r for r in caplog.records if r.getMessage() == "request"]
    assert record.__dict__["trace_id"] == span.trace_id.hex()
    assert told(span)["http.response.status_code"] == 404


def test_a_failure_is_marked(make_client: MakeClient, collector: Collector) -> None:
    """A span of an answer that is the server's fault says so."""
    client = make_client(otlp_endpoint=collector.url, models_dir="/nothing")
    client.get("/ready")
    sent(serving_of(client).telemetry)
    (span,) = collector.named("GET /ready")
    assert told(span)["error.type"] == "503"
    assert told(span)["mnist.model_version"] == ""


def test_a_collector_that_is_down_costs_no_answer(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans that nobody takes are dropped behind the requests."""
    monkeypatch.setattr("mnist_backend.telemetry.EXPORT_SECONDS", 1)
    client = make_client(otlp_endpoint="http://127.0.0.1:1")
    codes = [client.post(PREDICT, json=BLANK).status_code for _ in range(20)]
    assert codes == [200] * 20


def test_without_a_collector_nothing_is_imported() -> None:
    """No endpoint, no telemetry."""
    assert lifecycle.telemetry_of("") is None


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the setting and without the libraries the start fails and says what to install."""
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("opentelemetry.sdk"):
            raise ModuleNotFoundError(name=name)
        return real(name, *rest)  # type: ignore[arg-type]  # as it was called

    monkeypatch.delitem(sys.modules, "mnist_backend.telemetry")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingInvalidError, match=r"MNIST_OTLP_ENDPOINT: opentelemetry\.sdk") as e:
        lifecycle.telemetry_of("http://127.0.0.1:4318")
    assert "mnist-backend[telemetry]" in e.value.detail
