"""What repeated measurements say, on figures whose answer is known."""

import pytest

from load.serving.figures import Knee, Spread, interleaved, knee, quantile, ratios, spread


def test_a_spread_is_the_median_and_the_range() -> None:
    """The middle, the least and the greatest of the repeats are told, in any order."""
    assert spread([3.0, 1.0, 9.0]) == Spread(3.0, 1.0, 9.0)


def test_ratios_are_taken_pass_by_pass() -> None:
    """A drift that meets both of a pass alike leaves their ratio as it is."""
    assert ratios([10.0, 20.0, 40.0], [5.0, 10.0, 20.0]) == Spread(2.0, 2.0, 2.0)


def test_ratios_of_unequal_passes_are_refused() -> None:
    """Measurements without a partner are no ratio."""
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_a_quantile_is_one_of_the_values(share: float, value: float) -> None:
    """Of the numbers from 1 to 100, the quantile is the number itself."""
    assert quantile([float(n) for n in range(100, 0, -1)], share) == value


@pytest.mark.parametrize("estimate", [250.0, 900.0, 1000.0, 4000.0])
def test_the_knee_is_enclosed_from_any_estimate(estimate: float) -> None:
    """A server that sustains 1000 is found to, within the halvings, from below and from above."""
    found = knee(lambda rate: rate <= 1000, estimate, halvings=6)
    assert found.holds <= 1000 < found.fails
    assert found.fails - found.holds < 20


def test_a_knee_that_is_not_reached_is_told() -> None:
    """Where every rate holds, none is named as failing."""
    found = knee(lambda _: True, 100, halvings=3)
    assert found == Knee(pytest.approx(100 * 1.25**7), 0.0)


def test_a_server_that_sustains_nothing_has_no_knee() -> None:
    """Where no rate holds, the answer is 0 and the search ends."""
    tried: list[float] = []
    found = knee(lambda rate: bool(tried.append(rate)), 100, halvings=3)
    assert (found.holds, found.fails, len(tried)) == (0.0, min(tried), 8)


def test_passes_go_there_and_back_again() -> None:
    """The order turns with every pass, so that nobody is always first."""
    assert [interleaved(3, number) for number in range(3)] == [[0, 1, 2], [2, 1, 0], [0, 1, 2]]
