"""Two models side by side: who meets which, and whether the split is the one that was asked for."""

import pytest

from mnist_backend.experiment import UNITS_REMEMBERED, Experiment, assigned, sample_ratio_p


def quiet(_: object) -> None:
    """Do nothing with an exposure."""


def test_a_unit_always_meets_the_same_variant() -> None:
    """Asked a hundred times, in two processes, a session is assigned once."""
    first, second = Experiment("salt", 0.5, quiet), Experiment("salt", 0.5, quiet)
    for unit in map(str, range(100)):
        assert {first.variant(unit) for _ in range(3)} == {second.variant(unit)}
    assert sum(first.exposures.values()) == 100


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5])
def test_the_share_is_kept(share: float) -> None:
    """Of twenty thousand units the configured share meets the challenger, by chance alone."""
    units = [assigned(b"salt", str(number), share) for number in range(20_000)]
    challenger = units.count("challenger")
    assert sample_ratio_p(len(units) - challenger, challenger, share) > 0.001


def test_another_salt_is_another_assignment() -> None:
    """A new experiment does not send the same people to the challenger again."""
    salted = [[assigned(salt, str(u), 0.5) for u in range(1000)] for salt in (b"a", b"b")]
    same = sum(one == other for one, other in zip(*salted, strict=True))
    assert 400 < same < 600


@pytest.mark.parametrize(("share", "variant"), [(0.0, "champion"), (1.0, "challenger")])
def test_all_or_nobody_meets_the_challenger(share: float, variant: str) -> None:
    """A share of nought or one leaves nothing to chance."""
    experiment = Experiment("salt", share, quiet)
    assert {experiment.variant(str(unit)) for unit in range(200)} == {variant}


def test_an_exposure_is_told_once() -> None:
    """Each unit counts when it is first met, and not again."""
    told: list[str] = []
    experiment = Experiment("salt", 0.5, told.append)
    for unit in ("a", "b", "a", "b"):
        experiment.variant(unit)
    assert len(told) == 2


def test_the_memory_is_bounded() -> None:
    """More units than are remembered do not grow the process without end."""
    experiment = Experiment("salt", 0.5, quiet)
    for unit in range(UNITS_REMEMBERED + 10):
        experiment.variant(str(unit))
    assert len(experiment._units) == UNITS_REMEMBERED


@pytest.mark.parametrize(
    ("champion", "challenger", "share", "suspicious"),
    [
        (0, 0, 0.5, False),
        (500, 500, 0.5, False),
        (5000, 5300, 0.5, True),
        (900, 100, 0.1, False),
        (980, 20, 0.1, True),
        (100, 0, 0.0, False),
    ],
)
def test_an_uneven_split_is_noticed(
    champion: int, challenger: int, share: float, suspicious: bool
) -> None:
    """The test of the sample's ratio speaks up where a broken assignment would show."""
    assert (sample_ratio_p(champion, challenger, share) < 0.005) == suspicious
