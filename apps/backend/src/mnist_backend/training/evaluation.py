"""Measures what a network answered: accuracy, calibration, confusion, and histograms for drift.

Contract: pure, from probabilities and true digits alone; every ratio comes with the count it is of.
Does not know: the network, or what is good enough.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_backend.artefact import Evaluation, Feature, Reference
from mnist_backend.metrics import CONFIDENCE_EDGES, INK_EDGES
from mnist_backend.model import DIGITS

CALIBRATION_BINS = 15
NORMAL_95 = 1.959963984540054  # so many deviations hold 95 % of a normal distribution


@dataclass(frozen=True, slots=True)
class Answers:
    """What the network answered to some pictures."""

    pictures: NDArray[np.float32]  # n 28 28, normalised
    digits: NDArray[np.int64]  # n, the true ones
    probabilities: NDArray[np.float64]  # n 10

    @property
    def seen(self) -> NDArray[np.int64]:
        """The most probable digits."""
        found: NDArray[np.int64] = self.probabilities.argmax(1)
        return found

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The probabilities of the most probable digits."""
        found: NDArray[np.float64] = self.probabilities.max(1)
        return found

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the most probable digit is the true one."""
        found: NDArray[np.bool_] = self.seen == self.digits
        return found


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often the network is right where it is so sure, in bins of equal width."""

    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]  # mean of each bin; 0 where it is empty
    accuracy: NDArray[np.float64]  # of each bin; 0 where it is empty

    @property
    def error(self) -> float:
        """The mean gap between both, each bin by its count."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float((gaps * self.counts).sum() / max(1, int(self.counts.sum())))


def evaluate(answers: Answers) -> Evaluation:
    """Return all that the card tells about a set of pictures."""
    confusion = np.zeros((DIGITS, DIGITS), np.int64)
    np.add.at(confusion, (answers.digits, answers.seen), 1)
    count, right = len(answers.digits), int(answers.right.sum())
    of_each = confusion.sum(1)
    by_digit = [int(confusion[d, d]) / int(of_each[d]) for d in range(DIGITS)]
    return Evaluation(
        count=count,
        accuracy=right / count,
        interval=list(wilson(right, count)),
        by_digit=by_digit,
        calibration_error=calibration(answers.confidence, answers.right).error,
        confusion=confusion.tolist(),
    )


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the interval that a ratio of successes lies in, at 95 % (Wilson, 1927)."""
    ratio, squared = right / count, NORMAL_95**2
    middle = ratio + squared / (2 * count)
    reach = NORMAL_95 * math.sqrt(ratio * (1 - ratio) / count + squared / (4 * count**2))
    low, high = ((middle + sign * reach) / (1 + squared / count) for sign in (-1, 1))
    # At no or all successes one end is 0 or 1 exactly, which rounding may miss.
    return (0.0 if right == 0 else max(0.0, low)), (1.0 if right == count else min(1.0, high))


def calibration(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """Sort answers into bins by their confidence."""
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS)
    filled = np.maximum(counts, 1)
    sure = np.bincount(bins, confidence, CALIBRATION_BINS) / filled
    hit = np.bincount(bins, right, CALIBRATION_BINS) / filled
    return Calibration(counts, sure, hit)


def reference(answers: Answers) -> dict[Feature, Reference]:
    """Return what production's histograms are compared with."""
    shown = np.bincount(answers.seen, minlength=DIGITS) / len(answers.seen)
    ink = answers.pictures.mean((1, 2), dtype=np.float64)
    return {
        "digit": Reference(bins=[str(d) for d in range(DIGITS)], ratios=shown.tolist()),
        "confidence": histogram(answers.confidence, CONFIDENCE_EDGES),
        "ink": histogram(ink, INK_EDGES),
    }


def histogram(values: NDArray[np.float64], edges: Sequence[float]) -> Reference:
    """Count values into bins by upper edge, as Prometheus does; the last edge is the most."""
    places = np.searchsorted(edges, np.minimum(values, edges[-1]), side="left")
    ratios = np.bincount(places, minlength=len(edges)) / len(values)
    return Reference(bins=[str(float(edge)) for edge in edges], ratios=ratios.tolist())
