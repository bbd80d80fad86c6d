"""What the server counts and measures, for Prometheus.

Contract: one `Metrics` object owns its registry; two objects share nothing. Names and labels are
fixed here, units are base units, label values are bounded by the caller's routes and models. A
series that is counted with every prediction costs no look-up by label.
Does not know: HTTP beyond the words method, route and status, or when a scrape happens.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

DURATION_EDGES_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5)
INFERENCE_EDGES_SECONDS = (25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 0.01, 0.1)
CONFIDENCE_EDGES = (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)
INK_EDGES = (0.0, 0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5, 1.0)  # mean grey of a picture


Bins = Mapping[str, Mapping[str, float]]  # of a feature, the ratio in each bin


class Observed(Collector):
    """What other parts of the process count for themselves, asked for at each scrape."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.values: dict[str, tuple[str, Callable[[], float]]] = {}

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Ask for every value; one whose name ends in _total only ever grows."""
        for name, (text, value) in self.values.items():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield kind(name, text, value=value())


class PredictionSeries:
    """The series that one model's predictions are counted in."""

    def __init__(self, metrics: "Metrics", model_version: str) -> None:
        """Look every series up once."""
        self._digits = [metrics.predictions.labels(str(d), model_version) for d in range(10)]
        self._confidence = metrics.confidence.labels(model_version)
        self._ink = metrics.ink.labels(model_version)
        self._inference = metrics.inference.labels(model_version)

    def count(self, digit: int, confidence: float, ink: float, seconds: float) -> None:
        """Note one recognised digit."""
        self._digits[digit].inc()
        self._confidence.observe(confidence)
        self._ink.observe(ink)
        self._inference.observe(seconds)


class Metrics:
    """The server's counters, histograms and gauges, in a registry of their own."""

    def __init__(self) -> None:
        """Make the registry and everything in it."""
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._observed = Observed()
        self.registry.register(self._observed)
        self._make_requests()
        self._make_predictions()
        self.request = cache(self._request)
        self.series = cache(lambda model_version: PredictionSeries(self, model_version))

    def _make_requests(self) -> None:
        own: dict[str, Any] = {"registry": self.registry}
        self.in_flight = Gauge("http_requests_in_flight", "Requests being answered.", **own)
        self.requests = Counter(
            "http_requests_total", "Requests answered.", ("method", "route", "status"), **own
        )
        self.duration = Histogram(
            "http_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ("method", "route"),
            buckets=DURATION_EDGES_SECONDS,  # 0.2 is the objective: its ratio is exact
            **own,
        )
        self.feedback = Counter(
            "feedback_total", "True digits told.", ("outcome", "model_version"), **own
        )
        self.exposures = Counter(
            "experiment_exposures_total", "Callers or sessions first seen.", ("variant",), **own
        )
        self.shadow = Counter(
            "shadow_predictions_total", "Drawings the challenger saw too.", ("agrees",), **own
        )

    def _make_predictions(self) -> None:
        own: dict[str, Any] = {"registry": self.registry}
        version = ("model_version",)
        self.predictions = Counter(
            "predictions_total", "Digits recognised.", ("digit", *version), **own
        )
        self.confidence = Histogram(
            "prediction_confidence_ratio",
            "Probability of the digit that was recognised.",
            version,
            buckets=CONFIDENCE_EDGES,
            **own,
        )
        self.ink = Histogram(
            "prediction_ink_ratio", "Mean grey of a drawing.", version, buckets=INK_EDGES, **own
        )
        self.inference = Histogram(
            "prediction_inference_seconds",
            "Preparing a drawing and recognising it.",
            version,
            buckets=INFERENCE_EDGES_SECONDS,
            **own,
        )
        self.model = Gauge(
            "model_info", "The models served.", ("version", "sha256", "alias"), **own
        )
        self.reference = Gauge(
            "model_reference_ratio",
            "Share of the held-out pictures in each bin of a feature, to compare with.",
            (*version, "feature", "bin"),
            **own,
        )

    def observe(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Offer what is asked for at each scrape: a counter if the name ends in _total."""
        self._observed.values[name] = (text, value)

    def _request(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return self.requests.labels(method, route, str(status)), self.duration.labels(method, route)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        requests, duration = self.request(method, route, status)
        requests.inc()
        duration.observe(seconds)

    def name_models(self, models: dict[str, tuple[str, str]]) -> None:
        """Say which models are served: version and SHA-256 by alias."""
        self.model.clear()
        for alias, (version, sha256) in models.items():
            self.model.labels(version, sha256, alias).set(1)

    def name_references(self, references: Mapping[str, Bins]) -> None:
        """Say what the models saw when they were judged: by version, feature and bin."""
        self.reference.clear()
        for version, features in references.items():
            for feature, bins in features.items():
                for edge, ratio in bins.items():
                    self.reference.labels(version, feature, edge).set(ratio)

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def serve(self, host: str, port: int) -> WSGIServer:
        """Offer everything on a port of its own, which users need not reach."""
        server, _ = start_http_server(port, host, self.registry)
        return server
