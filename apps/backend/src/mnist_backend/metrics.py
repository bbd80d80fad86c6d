"""What the server counts and measures, for Prometheus.

Contract: one `Metrics` object owns its registry; two objects share nothing. Names and labels are
fixed here, units are base units, label values are bounded by the caller's routes and models. A
series that is counted with every prediction is a plain number, told at a scrape: the library's own
series lock and check each of their numbers, which costs ten times as much.
Does not know: HTTP beyond the words method, route and status, or when a scrape happens.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

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


class Distribution:
    """How often a value fell into each bin; whoever shares one between threads holds a lock."""

    __slots__ = ("_edges", "counts", "total")

    def __init__(self, edges: Sequence[float]) -> None:
        """Begin with nothing; an edge belongs to the bin below it."""
        self._edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self._edges, value)] += 1
        self.total += value


class Distributions(Collector):
    """A histogram: one distribution for each combination of labels."""

    def __init__(
        self,
        name: str,
        text: str,
        labels: Sequence[str],
        edges: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        """Offer what will be observed to a registry."""
        self._about = (name, text, labels)
        self._edges = edges
        self._names = [*map(floatToGoString, edges), "+Inf"]
        self._series: dict[tuple[str, ...], Distribution] = {}
        registry.register(self)

    def labels(self, *values: str) -> Distribution:
        """Return the distribution of some labels."""
        return self._series.setdefault(values, Distribution(self._edges))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Tell all of them, as Prometheus wants them: each bin with those below it."""
        name, text, labels = self._about
        family = HistogramMetricFamily(name, text, labels=labels)
        for values, one in [*self._series.items()]:
            buckets = [*zip(self._names, accumulate([*one.counts]), strict=True)]
            family.add_metric(values, buckets, one.total)
        yield family


class Count:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        """Begin with nothing."""
        self.value = 0


class Counts(Collector):
    """A counter: one number for each combination of labels."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        """Offer what will be counted to a registry."""
        self._about = (name, text, labels)
        self._series: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def labels(self, *values: str) -> Count:
        """Return the number of some labels."""
        return self._series.setdefault(values, Count())

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Tell all of them."""
        name, text, labels = self._about
        family = CounterMetricFamily(name, text, labels=labels)
        for values, one in [*self._series.items()]:
            family.add_metric(values, one.value)
        yield family


class PredictionSeries:
    """The series that one model's predictions are counted in, from any thread."""

    def __init__(self, metrics: "Metrics", model_version: str) -> None:
        """Look every series up once."""
        self._digits = [metrics.predictions.labels(str(d), model_version) for d in range(10)]
        self._confidence = metrics.confidence.labels(model_version)
        self._ink = metrics.ink.labels(model_version)
        self._inference = metrics.inference.labels(model_version)
        self._counting = threading.Lock()

    def count(self, digit: int, confidence: float, ink: float, seconds: float) -> None:
        """Note one recognised digit."""
        with self._counting:
            self._digits[digit].value += 1
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
        self.in_flight = 0
        self.observe("http_requests_in_flight", "Requests being answered.", lambda: self.in_flight)
        self.requests = Counts(
            "http_requests_total", "Requests answered.", ("method", "route", "status"), **own
        )
        self.duration = Distributions(
            "http_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ("method", "route"),
            DURATION_EDGES_SECONDS,  # 0.2 is the objective: its ratio is exact
            **own,
        )
        self.feedback = Counter(
            "feedback_total", "True digits told.", ("outcome", "model_version"), **own
        )
        self.shadow_feedback = Counter(
            "shadow_feedback_total",
            "True digits told of drawings that the challenger saw too.",
            ("outcome", "model_version"),
            **own,
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
        self.predictions = Counts(
            "predictions_total", "Digits recognised.", ("digit", *version), **own
        )
        self.confidence = Distributions(
            "prediction_confidence_ratio",
            "Probability of the digit that was recognised.",
            version,
            CONFIDENCE_EDGES,
            **own,
        )
        self.ink = Distributions(
            "prediction_ink_ratio", "Mean grey of a drawing.", version, INK_EDGES, **own
        )
        self.inference = Distributions(
            "prediction_inference_seconds",
            "Preparing a drawing and recognising it.",
            version,
            INFERENCE_EDGES_SECONDS,
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

    def _request(self, method: str, route: str, status: int) -> tuple[Count, Distribution]:
        return self.requests.labels(method, route, str(status)), self.duration.labels(method, route)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request; only the thread of the event loop does."""
        requests, duration = self.request(method, route, status)
        requests.value += 1
        duration.observe(seconds)

    def count_feedback(self, model_version: str, *, right: bool, shadow: bool = False) -> None:
        """Note a true digit, for the model that answered or for the challenger in its shadow."""
        told = self.shadow_feedback if shadow else self.feedback
        told.labels("right" if right else "wrong", model_version).inc()

    def name_models(self, models: dict[str, tuple[str, str]]) -> None:
        """Say which models are served: version and SHA-256 by alias; feedback on each is at 0.

        A counter that begins with its first event has no increase to show for it.
        """
        self.model.clear()
        for alias, (version, sha256) in models.items():
            self.model.labels(version, sha256, alias).set(1)
            for outcome in ("right", "wrong"):
                self.feedback.labels(outcome, version)

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
