"""The ten samples."""

import numpy as np

from mnist_frontend.drawing import ink_of, to_image
from mnist_frontend.samples import SAMPLES


def test_every_digit_has_a_sample_that_is_a_digit_of_its_own() -> None:
    """Ten pictures, no two of which are alike."""
    images = [np.array(to_image(ink_of(strokes))) for strokes in SAMPLES]
    assert len(images) == 10
    apart = [
        np.abs(one - other).sum() for index, one in enumerate(images) for other in images[:index]
    ]
    assert min(apart) > 20


def test_samples_keep_away_from_the_edge() -> None:
    """Every point lies far enough inside for the pen's whole width."""
    for stroke in (stroke for strokes in SAMPLES for stroke in strokes):
        assert all(
            stroke.width / 2 < part < 280 - stroke.width / 2 for p in stroke.points for part in p
        )
