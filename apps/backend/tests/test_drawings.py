"""The drawings that judge a network."""

import numpy as np

from mnist_backend.drawings import GLYPHS, WIDTHS, draw


def test_every_digit_is_drawn_in_every_hand_and_width() -> None:
    """The set is complete and evenly spread."""
    pictures, digits = draw(2, seed=1)
    assert len(pictures) == sum(map(len, GLYPHS)) * len(WIDTHS) * 2
    assert np.bincount(digits).tolist() == [len(hands) * len(WIDTHS) * 2 for hands in GLYPHS]


def test_drawings_are_grey_and_hold_ink() -> None:
    """A drawing has the shape and the range of a request, and shows something."""
    for picture in draw(1, seed=2)[0]:
        assert picture.shape == (28, 28)
        assert picture.min() == 0
        assert 0.5 < picture.max() <= 1
        assert 10 < picture.sum() < 250


def test_a_seed_draws_the_same_again() -> None:
    """The set depends on the seed alone."""
    once, again, other = (np.stack(draw(1, seed)[0]) for seed in (3, 3, 4))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)
