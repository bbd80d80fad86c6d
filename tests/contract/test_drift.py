"""Drift as Prometheus works it out from what the service counts, beside the same sum done here."""

import math
import time
from collections import defaultdict

import httpx
import pytest
from pictures import LINES, greys

from conftest import Stack

PATIENCE_SECONDS = 150.0  # rules are evaluated twice a minute
POLL_SECONDS = 1.0
SMOOTHING = 0.0001
FEATURES = {"digit", "confidence", "ink"}
PSI = "model_version_feature:prediction_drift:psi1h"
OBSERVED = "model_version_feature_bin:predictions:ratio1h"

Shares = dict[str, dict[str, float]]


def asked(stack: Stack, series: str, at: float) -> list[tuple[dict[str, str], float]]:
    """Return the labels and values of a series at a moment."""
    answer = httpx.get(
        f"{stack.prometheus}/api/v1/query", params={"query": series, "time": at}, trust_env=False
    )
    found = answer.raise_for_status().json()["data"]["result"]
    return [(one["metric"], float(one["value"][1])) for one in found]


def shares(stack: Stack, series: str, at: float) -> Shares:
    """Return the shares of the bins of each feature."""
    found: Shares = defaultdict(dict)
    for labels, value in asked(stack, series, at):
        found[labels["feature"]][labels["bin"]] = value
    return found


def stability_index(observed: dict[str, float], reference: dict[str, float]) -> float:
    """Return the PSI of smoothed shares."""
    whole = 1 + SMOOTHING * len(reference)
    pairs = [
        ((observed[b] + SMOOTHING) / whole, (reference[b] + SMOOTHING) / whole) for b in reference
    ]
    return sum((a - r) * math.log(a / r) for a, r in pairs)


@pytest.fixture(scope="module")
def measured_at(first: httpx.Client, stack: Stack) -> float:
    """Predict until the drift of every feature is known, and return when that was."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for digit in LINES:
            first.post("/api/v1/predict", json={"image": greys(digit)})
        now = time.time()
        if {labels["feature"] for labels, _ in asked(stack, PSI, now)} == FEATURES:
            return now
        time.sleep(POLL_SECONDS)
    pytest.fail(f"{PSI} is {asked(stack, PSI, time.time())} after {PATIENCE_SECONDS} s")


def test_bins_of_predictions_and_reference_are_the_same(stack: Stack, measured_at: float) -> None:
    """Counters, card and rules agree about every edge, and the shares of each side make a whole."""
    observed = shares(stack, OBSERVED, measured_at)
    reference = shares(stack, "model_reference_ratio", measured_at)
    assert {*observed} == {*reference} == FEATURES
    for feature, bins in observed.items():
        assert {*bins} == {*reference[feature]}
        assert sum(bins.values()) == pytest.approx(1)
        assert sum(reference[feature].values()) == pytest.approx(1)


def test_the_index_is_the_one_of_the_formula(stack: Stack, measured_at: float) -> None:
    """For each feature the rules come to what the definition comes to."""
    observed = shares(stack, OBSERVED, measured_at)
    reference = shares(stack, "model_reference_ratio", measured_at)
    for labels, value in asked(stack, PSI, measured_at):
        feature = labels["feature"]
        assert value == pytest.approx(stability_index(observed[feature], reference[feature]))
