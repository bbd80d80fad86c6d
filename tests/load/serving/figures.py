"""What repeated measurements say: quantiles, medians with their spread, ratios, and the knee.

Contract: pure; an interval is from the least to the greatest of the repeats, for there are few of
them. Does not know: how anything was measured.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

STEP_UP, STEP_DOWN = 1.25, 0.7
TRIALS_MOST = 8  # in each direction, until the knee is enclosed


@dataclass(frozen=True)
class Spread:
    """A median, and between which values the repeats lay."""

    median: float
    least: float
    most: float


@dataclass(frozen=True)
class Knee:
    """The highest rate that held, and the lowest one that did not (0 where every one held)."""

    holds: float
    fails: float


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the range of some repeats."""
    return Spread(median(values), min(values), max(values))


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """Return the spread of the ratios of what was measured side by side, pass by pass."""
    return spread([one / other for one, other in zip(numerators, denominators, strict=True)])


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def knee(holds: Callable[[float], bool], estimate: float, halvings: int) -> Knee:
    """Return where a server gives in: enclosed from an estimate, then halved between.

    A rate that held above one that failed is never asked for, so the answer is the lower edge.
    """
    rate, held, failed = estimate, 0.0, 0.0
    for _ in range(TRIALS_MOST):
        if holds(rate):
            held = rate
            if failed:
                break
            rate *= STEP_UP
        else:
            failed = rate
            if held:
                break
            rate *= STEP_DOWN
    for _ in range(halvings if held and failed else 0):
        middle = (held + failed) / 2
        held, failed = (middle, failed) if holds(middle) else (held, middle)
    return Knee(held, failed)


def interleaved(count: int, number: int) -> list[int]:
    """Return the order of a pass: there and back again, so that a drift meets all alike."""
    order = list(range(count))
    return order if number % 2 == 0 else order[::-1]
