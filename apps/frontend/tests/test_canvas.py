"""The way from the pad's pixels to the 784 numbers."""

import numpy as np
import pytest

from conftest import drawing
from mnist_frontend import canvas


def image_of(pixels: canvas.Pixels) -> canvas.Ink:
    """Return the recogniser's image of a drawing as rows and columns."""
    image = canvas.to_image(pixels)
    assert image is not None
    return np.array(image).reshape(28, 28)


def test_white_paper_has_no_ink() -> None:
    """An untouched white pad is paper everywhere, so there is no image."""
    paper = np.full((280, 280, 4), 255, dtype=np.uint8)
    assert canvas.ink(paper).max() == pytest.approx(0)
    assert canvas.to_image(paper) is None


def test_a_transparent_pad_is_empty() -> None:
    """Black but fully transparent pixels are not ink."""
    assert canvas.to_image(np.zeros((280, 280, 4), dtype=np.uint8)) is None


def test_ink_grows_with_darkness_and_opacity() -> None:
    """Opaque black is full ink, half transparent black half of it, grey in between."""
    pixels = np.array([[[0, 0, 0, 255], [0, 0, 0, 128], [128, 128, 128, 255]]], dtype=np.uint8)
    assert canvas.ink(pixels)[0] == pytest.approx([1, 128 / 255, 127 / 255])


def test_traces_below_the_threshold_are_paper() -> None:
    """Faint anti-aliasing does not count as a drawing."""
    assert canvas.crop(np.full((5, 5), 0.09)) is None


def test_crop_keeps_exactly_the_inked_rectangle() -> None:
    """The rectangle reaches from the first to the last inked row and column."""
    paper = np.zeros((10, 10))
    paper[2, 3] = paper[6, 8] = 1
    digit = canvas.crop(paper)
    assert digit is not None
    assert digit.shape == (5, 6)
    assert digit[0, 0] == digit[-1, -1] == 1


@pytest.mark.parametrize(
    ("shape", "fitted"),
    [((200, 100), (20, 10)), ((100, 200), (10, 20)), ((20, 20), (20, 20)), ((280, 3), (20, 1))],
)
def test_fit_makes_the_longer_side_20_and_keeps_the_proportions(
    shape: tuple[int, int], fitted: tuple[int, int]
) -> None:
    """Tall, wide and thin drawings keep their form; no side vanishes."""
    assert canvas.fit(np.ones(shape)).shape == fitted


def test_fit_never_leaves_the_range_of_ink() -> None:
    """The resampling overshoots at hard edges; the result is still 0 to 1."""
    stripes = np.zeros((200, 200))
    stripes[:, ::40] = stripes[:, 1::40] = 1
    fitted = canvas.fit(stripes)
    assert 0 <= fitted.min() <= fitted.max() <= 1


def test_centre_puts_the_mass_in_the_middle() -> None:
    """A digit that is heavy on one side is shifted by its mass, not by its outline."""
    heavy = np.full((20, 20), 0.2)
    heavy[:, :10] = 1
    image = canvas.centre(heavy)
    columns = np.arange(28) @ image.sum(axis=0) / image.sum()
    assert columns == pytest.approx(13.5, abs=0.5)


def test_centre_keeps_a_very_lopsided_digit_inside_the_image() -> None:
    """All the ink survives although its centre of mass would push it over the edge."""
    lopsided = np.zeros((20, 20))
    lopsided[0, :] = 1
    lopsided[:, 0] = 0.001
    image = canvas.centre(lopsided)
    assert image.sum() == pytest.approx(lopsided.sum())


def test_an_image_is_784_numbers_from_0_to_1() -> None:
    """The image has the length and range that the API asks for, and real ink in it."""
    image = canvas.to_image(drawing((70, 40), (200, 40), (120, 250)))
    assert image is not None
    assert len(image) == 784
    assert min(image) == 0
    assert max(image) == pytest.approx(1, abs=0.01)


def test_the_same_digit_in_another_corner_gives_the_same_image() -> None:
    """Where on the pad a digit is drawn makes no difference."""
    near = image_of(drawing((30, 30), (100, 30), (60, 130)))
    far = image_of(drawing((150, 120), (220, 120), (180, 220)))
    assert np.allclose(near, far)


def test_a_larger_drawing_gives_nearly_the_same_image() -> None:
    """Size on the pad is taken out: twice as large is the same digit."""
    small = drawing((20, 20), (100, 20), (60, 130), width=12)
    large = small[:140, :140].repeat(2, axis=0).repeat(2, axis=1)
    assert np.abs(image_of(small) - image_of(large)).max() < 0.1


def test_a_row_is_a_row() -> None:
    """The numbers run row by row: a horizontal stroke fills whole rows."""
    image = image_of(drawing((40, 140), (240, 140), width=24))
    assert (image > 0.5).any(axis=1).sum() <= 4
    assert (image > 0.5).any(axis=0).sum() >= 18


def test_a_picture_without_transparency_is_refused() -> None:
    """Only RGBA is understood; anything else is an error, never a wrong reading."""
    with pytest.raises(canvas.DrawingShapeError, match=r"\(280, 280\)"):
        canvas.to_image(np.zeros((280, 280), dtype=np.uint8))
