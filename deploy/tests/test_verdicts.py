"""A release is judged right by its figures."""

import random

import pytest

from mnist_deploy.verdicts import (
    Limits,
    Traffic,
    by_chance,
    judge_beside,
    judge_dark,
    judge_step,
    largest_quantile,
    largest_ratio,
    stability,
)

LIMITS = Limits(error_ratio=0.001)
USED = {"processor": 0.3, "memory": 0.4}
MIX = (100,) * 10


def report(**changes: object) -> dict[str, object]:
    """What the gate says of a good release."""
    good: dict[str, object] = {"golden": [], "sent": 3000, "failed": 0, "reasons": []}
    return good | {"seconds": [0.01] * 3000} | changes


def test_a_good_release_does_in_the_dark() -> None:
    """Three thousand quick answers without an error say enough."""
    verdict = judge_dark(report(), USED, LIMITS)
    assert verdict.good
    assert verdict.figures["error_ratio_below"] < 0.001


@pytest.mark.parametrize(
    ("changes", "used", "reason"),
    [
        ({"golden": ["number 3 is a 1 and was answered with 2"]}, USED, "golden images"),
        ({"failed": 1, "reasons": ["1 times status 500"]}, USED, "1 of 3000 requests failed"),
        ({"sent": 2000}, USED, "too few to claim"),
        ({"sent": 0, "seconds": []}, USED, "too few"),
        ({"seconds": [0.01] * 2800 + [0.3] * 200}, USED, "p95 may be 300 ms"),
        ({"seconds": [0.01] * 50}, USED, "too few to tell their 95th percentile"),
        ({}, {"processor": 0.81}, "processor at 81%"),
        ({}, {}, "nothing is known"),
    ],
)
def test_a_fault_in_the_dark_is_told(
    changes: dict[str, object], used: dict[str, float], reason: str
) -> None:
    """Each fault alone is a reason, and so is not knowing."""
    verdict = judge_dark(report(**changes), used, LIMITS)
    assert any(reason in told for told in verdict.reasons), verdict.reasons


def test_the_bound_on_errors_is_the_exact_one() -> None:
    """Nothing in 2,995 requests rules out 0.1 % at 95 %, and in 2,994 does not."""
    assert largest_ratio(0, 2995) < 0.001 < largest_ratio(0, 2994)
    assert largest_ratio(3, 3) == 1.0


def test_the_order_statistic_covers_the_quantile() -> None:
    """In at least 95 of 100 draws or so the bound lies above the true quantile."""
    draw = random.Random(7)  # noqa: S311  a repeatable sample
    bounds = [largest_quantile([draw.random() for _ in range(300)], 0.95) for _ in range(1000)]
    covered = sum(bound is not None and bound >= 0.95 for bound in bounds)
    assert covered >= 930


def test_too_few_values_have_no_bound() -> None:
    """Below 59 values no order statistic bounds the 95th percentile."""
    assert largest_quantile([1.0] * 58, 0.95) is None
    assert largest_quantile([1.0] * 59, 0.95) == 1.0


def test_chance_is_that_of_fishers_test() -> None:
    """The tea tasting: four of four by chance once in seventy times."""
    assert by_chance(4, 4, 0, 4) == pytest.approx(1 / 70)
    assert by_chance(0, 0, 0, 100) == 1.0


def test_equal_mixes_are_stable() -> None:
    """The index is nothing between equal shares, and large between opposite ones."""
    assert stability(MIX, tuple(3 * n for n in MIX)) == pytest.approx(0)
    assert stability((1000,) + (0,) * 9, MIX) > 1


def test_few_errors_of_a_candidate_are_a_breach() -> None:
    """Two errors in forty are no chance beside thousands without one."""
    verdict = judge_beside(Traffic(38, 2), Traffic(4000, 0), LIMITS)
    assert "2 of 40 failed" in verdict.reasons[0]


def test_errors_that_both_have_are_no_breach() -> None:
    """A candidate is not blamed for what the release before it does as well."""
    assert judge_beside(Traffic(95, 5), Traffic(950, 50), LIMITS).good


def test_a_slow_candidate_is_a_breach() -> None:
    """Many answers over the limit, of few of the other's, are no chance."""
    candidate = Traffic(50, 0, 20, 50, MIX)
    assert "20 of 50" in judge_beside(candidate, Traffic(500, 0, 5, 500, MIX), LIMITS).reasons[0]
    assert judge_beside(candidate, Traffic(500, 0, 200, 500, MIX), LIMITS).good


@pytest.mark.parametrize("answered", [0, 19])
def test_no_data_is_a_reason(answered: int) -> None:
    """A step in which a candidate answered too little does not do."""
    verdict = judge_step(Traffic(answered), Traffic(1000), LIMITS, 20)
    assert "are no data" in verdict.reasons[0]


def test_another_mix_is_a_reason_once_there_is_enough() -> None:
    """Digits that differ from the other's are told, unless a handful of them says nothing."""
    ones = Traffic(300, 0, 0, 300, (0, 300) + (0,) * 8)
    both = Traffic(1000, 0, 0, 1000, MIX)
    assert "another mix" in judge_step(ones, both, LIMITS, 20).reasons[0]
    few = Traffic(30, 0, 0, 30, (0, 30) + (0,) * 8)
    assert judge_step(few, both, LIMITS, 20).good
