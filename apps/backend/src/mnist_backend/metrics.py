"""What the server counts and measures, for Prometheus.

Contract: one `Metrics` object owns its registry; two objects share nothing. Names and labels are
fixed here, units are base units, label values are bounded by the caller's routes and models.
Does not know: HTTP beyond the words method, route and status, or when a scrape happens.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
DURATION_EDGES_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5)
CONFIDENCE_EDGES = (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)


class Metrics:
    """The server's counters, histograms and gauges, in a registry of their own."""

    def __init__(self) -> None:
        """Make the registry and everything in it."""
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._requests = Counter(
            "http_requests_total",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ("method", "route"),
            buckets=DURATION_EDGES_SECONDS,  # 0.2 is the objective: its ratio is exact
            registry=self.registry,
        )
        self._predictions = Counter(
            "predictions_total",
            "Digits recognised.",
            ("digit", "model_version"),
            registry=self.registry,
        )
        self._confidence = Histogram(
            "prediction_confidence_ratio",
            "Probability of the digit that was recognised.",
            buckets=CONFIDENCE_EDGES,
            registry=self.registry,
        )
        self._model = Gauge(
            "model_info", "The model served.", ("version", "sha256"), registry=self.registry
        )

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._duration.labels(method, route).observe(seconds)

    def count_prediction(self, digit: int, confidence: float, model_version: str) -> None:
        """Note one recognised digit."""
        self._predictions.labels(str(digit), model_version).inc()
        self._confidence.observe(confidence)

    def name_model(self, version: str, sha256: str) -> None:
        """Say which model is served."""
        self._model.labels(version, sha256).set(1)

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
