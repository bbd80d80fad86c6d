"""What is counted, and under which names."""

import sys
import threading

import httpx2
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from mnist_backend.metrics import Metrics

from .artefacts import make_card
from .conftest import MakeClient

Sample = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Sample:
    """Return every sample of a page of metrics, by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """Return the key of a sample."""
    return name, frozenset(labels.items())


def counted(client: TestClient) -> Sample:
    """Return every sample of an application."""
    serving = client.app.state.serving  # type: ignore[attr-defined]  # any ASGI application to the client
    return read(serving.metrics.render().decode())


def test_requests_are_counted_by_route_never_by_path(make_client: MakeClient) -> None:
    """Paths that do not exist share one label, whatever they are called."""
    client = make_client()
    client.post("/api/v1/predict", json={"image": [0] * 784})
    client.post("/api/v1/predict", json={})
    client.get("/api/v1/predict")
    for path in ("/a", "/b", "/c"):
        client.request("BREW", path)
    samples = counted(client)
    route = "/api/v1/predict"
    name = "http_requests_total"
    assert samples[key(name, method="POST", route=route, status="200")] == 1
    assert samples[key(name, method="POST", route=route, status="422")] == 1
    assert samples[key(name, method="GET", route=route, status="405")] == 1
    assert samples[key(name, method="other", route="unmatched", status="404")] == 3


def test_files_of_the_documentation_are_counted_under_their_folder(
    make_client: MakeClient,
) -> None:
    """The files of a folder share one label, whether they exist or not."""
    client = make_client()
    for name in ("swagger-ui.css", "nothing.css"):
        client.get(f"/static-offline-docs/{name}")
    samples = counted(client)
    route = "/static-offline-docs"
    assert samples[key("http_requests_total", method="GET", route=route, status="200")] == 1
    assert samples[key("http_requests_total", method="GET", route=route, status="404")] == 1


def test_a_crash_is_counted_as_a_server_error(make_client: MakeClient) -> None:
    """An unexpected error is a request answered with 500."""
    client = make_client()
    client.app.state.serving.predicting.models = None  # type: ignore[attr-defined]
    client.get("/ready")
    samples = counted(client)
    assert samples[key("http_requests_total", method="GET", route="/ready", status="500")] == 1


def test_predictions_and_their_confidence_are_counted(make_client: MakeClient) -> None:
    """A recognised digit is counted under the model's version."""
    client = make_client()
    client.post("/api/v1/predict", json={"image": [0] * 784})
    samples = counted(client)
    assert samples[key("predictions_total", digit="7", model_version="0.1.0+test")] == 1
    assert (
        samples[key("prediction_confidence_ratio_bucket", le="0.9", model_version="0.1.0+test")]
        == 0
    )
    assert (
        samples[key("prediction_confidence_ratio_bucket", le="0.95", model_version="0.1.0+test")]
        == 1
    )
    sha256 = make_card().files.network
    assert samples[key("model_info", version="0.1.0+test", sha256=sha256, alias="champion")] == 1


def test_the_objective_is_an_edge_of_the_histogram() -> None:
    """The share of requests within 0.2 s is a ratio of two counters."""
    metrics = Metrics()
    metrics.count_request("POST", "/p", 200, 0.2)
    metrics.count_request("POST", "/p", 200, 0.201)
    samples = read(metrics.render().decode())
    name = "http_request_duration_seconds_bucket"
    assert samples[key(name, method="POST", route="/p", le="0.2")] == 1
    assert samples[key(name, method="POST", route="/p", le="+Inf")] == 2


def test_nothing_is_lost_between_threads() -> None:
    """Predictions that several threads count at once are all counted."""
    metrics = Metrics()
    series = metrics.series("v")

    def count() -> None:
        for _ in range(2_000):
            series.count(3, 0.97, 0.1, 1e-4)

    threads = [threading.Thread(target=count) for _ in range(4)]
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # the threads take turns as often as they can
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    samples = read(metrics.render().decode())
    assert samples[key("predictions_total", digit="3", model_version="v")] == 8_000
    assert samples[key("prediction_ink_ratio_count", model_version="v")] == 8_000
    assert samples[key("prediction_confidence_ratio_sum", model_version="v")] == pytest.approx(
        7_760
    )


def test_two_applications_share_no_metric() -> None:
    """Each registry is its application's own."""
    one, other = Metrics(), Metrics()
    one.name_models({"champion": ("1", "a")})
    named = key("model_info", version="1", sha256="a", alias="champion")
    assert named in read(one.render().decode())
    assert named not in read(other.render().decode())


def test_feedback_begins_at_nothing_told() -> None:
    """Whoever asks before anything was told reads 0, and the first that is told is an increase."""
    metrics = Metrics()
    metrics.name_models({"champion": ("1", "a")})
    metrics.count_feedback("1", right=False)
    samples = read(metrics.render().decode())
    assert samples[key("feedback_total", outcome="right", model_version="1")] == 0
    assert samples[key("feedback_total", outcome="wrong", model_version="1")] == 1


def test_metrics_have_a_port_of_their_own() -> None:
    """The page is served where users need not come, and nowhere else."""
    metrics = Metrics()
    server = metrics.serve("127.0.0.1", 0)
    try:
        page = httpx2.get(f"http://127.0.0.1:{server.server_port}/metrics", trust_env=False)
    finally:
        server.shutdown()
        server.server_close()
    assert page.headers["content-type"].startswith("text/plain; version=")
    assert key("process_cpu_seconds_total") in read(page.text)


def test_the_process_is_measured() -> None:
    """Memory and processor time of the process are told."""
    samples = read(Metrics().render().decode())
    assert samples[key("process_resident_memory_bytes")] > 0
    assert key("process_cpu_seconds_total") in samples
