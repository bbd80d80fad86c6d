"""What becomes of a drawing before the network sees it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_backend.preprocess import BOX, SIDE, normalise, standardise

Drawing = NDArray[np.float32]


def bar(top: int, left: int, height: int, width: int, side: int = SIDE) -> Drawing:
    """Draw an upright block of ink."""
    drawing = np.zeros((side, side), np.float32)
    drawing[top : top + height, left : left + width] = 1
    return drawing


def box_of(picture: Drawing) -> tuple[int, int]:
    """Return the height and width of the ink."""
    rows, columns = np.nonzero(picture > 0.1)
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


@pytest.mark.parametrize("side", [28, 280])
@pytest.mark.parametrize(("top", "left", "height"), [(0, 0, 5), (10, 20, 8), (0, 12, 28)])
def test_place_and_size_make_no_difference(side: int, top: int, left: int, height: int) -> None:
    """Ink of any size anywhere becomes 20 pixels high, in the middle."""
    scale = side // SIDE
    drawing = bar(top * scale, left * scale, height * scale, height * scale // 2, side)
    picture = normalise(drawing)
    assert picture.shape == (SIDE, SIDE)
    assert picture.dtype == np.float32
    assert box_of(picture)[0] == BOX
    rows, columns = np.indices(picture.shape)
    for axis in (rows, columns):
        assert float((picture * axis).sum() / picture.sum()) == pytest.approx(13.5, abs=0.55)


def test_a_normal_picture_stays_as_it_is() -> None:
    """To normalise twice is to normalise once."""
    once = normalise(bar(3, 2, 9, 4))
    assert np.array_equal(normalise(once), once)


def test_the_shape_is_kept() -> None:
    """Height and width are scaled alike."""
    assert box_of(normalise(bar(0, 0, 10, 5))) == (20, 10)
    assert box_of(normalise(bar(0, 0, 5, 10))) == (10, 20)


def test_faint_ink_becomes_dark() -> None:
    """A pale drawing is as good as a dark one."""
    dark = bar(4, 4, 10, 3)
    assert np.allclose(normalise(dark * np.float32(0.2)), normalise(dark))


@pytest.mark.parametrize("grey", [0.0, 0.04])
def test_blank_stays_blank(grey: float) -> None:
    """Paper, also a little grey, holds no ink."""
    drawing = np.full((SIDE, SIDE), grey, np.float32)
    assert not normalise(drawing).any()


def test_a_single_dot_and_a_full_page_are_pictures() -> None:
    """The least and the most ink there can be are no special cases."""
    for drawing in (bar(27, 27, 1, 1), bar(0, 0, 28, 28)):
        picture = normalise(drawing)
        assert box_of(picture) == (BOX, BOX)
        assert 0 <= picture.min() <= picture.max() <= 1


def test_ink_far_from_its_middle_stays_on_the_picture() -> None:
    """A heavy foot may pull the picture to an edge, not over it."""
    drawing = bar(0, 0, 20, 1) + bar(19, 1, 1, 19)
    drawing[15:20, 0:20] = 1
    assert box_of(normalise(drawing)) == (BOX, BOX)


def test_standard_pictures_have_no_mean() -> None:
    """Mean and deviation are taken out."""
    picture = normalise(bar(0, 0, 8, 4))
    standard = standardise(picture, float(picture.mean()), float(picture.std()))
    assert standard.dtype == np.float32
    assert float(standard.mean()) == pytest.approx(0, abs=1e-5)
    assert float(standard.std()) == pytest.approx(1, abs=1e-5)
