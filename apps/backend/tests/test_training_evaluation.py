"""How well a network did, on answers written by hand."""

import numpy as np
import pytest
from prometheus_client import generate_latest

from mnist_backend.artefact import Feature
from mnist_backend.metrics import Metrics
from mnist_backend.training import evaluation
from mnist_backend.training.evaluation import Answers


def answers(seen: list[int], confidence: list[float], digits: list[int]) -> Answers:
    """Return answers that are so sure of these digits, the rest spread over the others."""
    probabilities = np.repeat((1 - np.array(confidence))[:, None] / 9, 10, axis=1)
    probabilities[np.arange(len(seen)), seen] = confidence
    return Answers(np.zeros((len(seen), 28, 28), np.float32), np.array(digits), probabilities)


def test_accuracy_and_confusion_are_counted() -> None:
    """One nine read as a four is in its row and column, and in the accuracy of the nines."""
    digits = [*range(10), 9]
    found = evaluation.evaluate(answers([*range(10), 4], [0.9] * 11, digits))
    assert (found.count, found.accuracy) == (11, 10 / 11)
    assert found.by_digit == [1.0] * 9 + [0.5]
    assert found.confusion[9] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert sum(map(sum, found.confusion)) == 11
    assert found.interval == list(evaluation.wilson(10, 11))
    assert found.calibration_error == pytest.approx(10 / 11 - 0.9)


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (29, 29, 0.883, 1),
    ],
)
def test_intervals_are_those_of_the_literature(
    right: int, count: int, low: float, high: float
) -> None:
    """The score intervals of Newcombe (1998), and exact ends where all or nothing is right."""
    found = evaluation.wilson(right, count)
    assert found == pytest.approx((low, high), abs=6e-5)
    assert 0 <= found[0] <= right / count <= found[1] <= 1


def test_calibration_weighs_each_bin_by_its_count() -> None:
    """Three answers at 0.95, two of them right, and one at 0.5 that is wrong."""
    sure, right = np.array([0.95, 0.95, 0.95, 0.5]), np.array([True, True, False, False])
    found = evaluation.calibration(sure, right)
    assert found.counts.tolist() == [0] * 7 + [1] + [0] * 6 + [3]
    assert found.error == pytest.approx(0.75 * (0.95 - 2 / 3) + 0.25 * 0.5)


def test_certainty_falls_into_the_last_bin() -> None:
    """A confidence of one is no bin of its own, and being right is no error."""
    found = evaluation.calibration(np.array([1.0, 1.0]), np.array([True, True]))
    assert found.counts.tolist() == [0] * 14 + [2]
    assert found.error == 0


def test_reference_bins_are_those_of_the_metrics() -> None:
    """The bins bear the names that Prometheus gives to the buckets of the same histograms."""
    metrics = Metrics()
    metrics.series("v").count(1, 0.97, 0.1, 1e-4)
    page = generate_latest(metrics.registry).decode()
    found = evaluation.reference(answers([1], [0.97], [1]))
    features: tuple[Feature, ...] = ("confidence", "ink")
    for feature in features:
        told = [
            line.split('le="')[1].split('"')[0]
            for line in page.splitlines()
            if line.startswith(f"prediction_{feature}_ratio_bucket")
        ]
        assert [*found[feature].bins, "+Inf"] == told
    assert found["digit"].ratios == [0, 1, *[0] * 8]


def test_a_value_falls_into_the_first_bin_that_holds_it() -> None:
    """An edge belongs to the bin below it, and rounding above the last edge is no loss."""
    values = np.array([0.5, 0.50001, 0.8, 1.0, np.nextafter(1.0, 2.0)])
    found = evaluation.histogram(values, (0.5, 0.8, 1.0))
    assert found.bins == ["0.5", "0.8", "1.0"]
    assert found.ratios == [0.2, 0.4, 0.4]


def test_reference_ink_is_the_mean_grey() -> None:
    """Half a picture of full ink has the ink 0.5."""
    asked = answers([1], [0.97], [1])
    asked.pictures[0, :14] = 1
    found = evaluation.reference(asked)["ink"]
    assert found.ratios[found.bins.index("0.5")] == 1
