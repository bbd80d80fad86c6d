"""The way from strokes to the 784 numbers."""

import io

import numpy as np
import pytest
from PIL import Image

from mnist_frontend import drawing
from mnist_frontend.drawing import Ink, Point, Stroke


def ink(*points: Point, width: float = 22) -> Ink:
    """Return the ink of one stroke."""
    return drawing.ink_of([Stroke(width, points)])


def image_of(paper: Ink) -> Ink:
    """Return the recogniser's image of a drawing as rows and columns."""
    image = drawing.to_image(paper)
    assert image is not None
    return np.array(image, np.float32).reshape(28, 28)


def test_an_untouched_sheet_has_no_ink() -> None:
    """Without a stroke there is paper everywhere, so there is no image."""
    assert drawing.ink_of([]).shape == (280, 280)
    assert drawing.to_image(drawing.ink_of([])) is None


def test_a_stroke_is_as_wide_as_its_pen() -> None:
    """A horizontal stroke of width 20 inks 20 rows, within the blur of its edges."""
    column = ink((40, 140), (240, 140), width=20)[:, 140]
    assert float(column.sum()) == pytest.approx(20, abs=1.5)
    assert column[140] == 1


def test_a_single_point_is_a_dot() -> None:
    """A tap leaves a round dot as wide as the pen."""
    dot = ink((100, 100), width=20)
    assert float(dot.sum()) == pytest.approx(np.pi * 100, rel=0.1)


def test_strokes_add_up_and_never_exceed_full_ink() -> None:
    """Where two strokes cross there is full ink and not more."""
    both = drawing.ink_of(
        [Stroke(22, ((40, 140), (240, 140))), Stroke(22, ((140, 40), (140, 240)))]
    )
    assert both.max() == 1
    assert both[40:60, 140].min() == 1


def test_a_stroke_over_the_edge_is_cut_off() -> None:
    """Half of a stroke along the edge lies outside of the sheet."""
    assert float(ink((0, 0), (280, 0), width=20)[:, 140].sum()) == pytest.approx(10, abs=1)


def test_crop_keeps_exactly_the_inked_rectangle() -> None:
    """The rectangle reaches from the first to the last inked row and column."""
    paper = np.zeros((10, 10), np.float32)
    paper[2, 3] = paper[6, 8] = 1
    digit = drawing.crop(paper)
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
    assert drawing.fit(np.ones(shape, np.float32)).shape == fitted


def test_fit_never_leaves_the_range_of_ink() -> None:
    """The resampling overshoots at hard edges; the result is still 0 to 1."""
    stripes = np.zeros((200, 200), np.float32)
    stripes[:, ::40] = stripes[:, 1::40] = 1
    fitted = drawing.fit(stripes)
    assert 0 <= fitted.min() <= fitted.max() <= 1


def test_centre_puts_the_mass_in_the_middle() -> None:
    """A digit that is heavy on one side is shifted by its mass, not by its outline."""
    heavy = np.full((20, 20), 0.2, np.float32)
    heavy[:, :10] = 1
    image = drawing.centre(heavy)
    columns = np.arange(28) @ image.sum(axis=0) / image.sum()
    assert float(columns) == pytest.approx(13.5, abs=0.5)


def test_centre_keeps_a_very_lopsided_digit_inside_the_image() -> None:
    """All the ink survives although its centre of mass would push it over the edge."""
    lopsided = np.zeros((20, 20), np.float32)
    lopsided[0, :] = 1
    lopsided[:, 0] = 0.001
    image = drawing.centre(lopsided)
    assert float(image.sum()) == pytest.approx(float(lopsided.sum()))


def test_an_image_is_784_numbers_from_0_to_1() -> None:
    """The image has the length and range that the API asks for, and real ink in it."""
    image = drawing.to_image(ink((70, 40), (200, 40), (120, 250)))
    assert image is not None
    assert len(image) == 784
    assert min(image) == 0
    assert max(image) == pytest.approx(1, abs=0.01)


def test_faint_ink_counts_as_much_as_dark_ink() -> None:
    """The darkest value is full ink, so a pencil's picture is a pen's picture."""
    dark = ink((70, 40), (200, 40), (120, 250))
    assert np.allclose(image_of(dark), image_of(dark * np.float32(0.4)), atol=1e-3)


def test_the_same_digit_in_another_corner_gives_the_same_image() -> None:
    """Where on the sheet a digit is drawn makes no difference."""
    near = image_of(ink((30, 30), (100, 30), (60, 130)))
    far = image_of(ink((150, 120), (220, 120), (180, 220)))
    assert np.allclose(near, far)


def test_a_larger_drawing_gives_nearly_the_same_image() -> None:
    """Size on the sheet is taken out: twice as large is the same digit."""
    small = image_of(ink((20, 20), (100, 20), (60, 130), width=12))
    large = image_of(ink((20, 20), (180, 20), (100, 240), width=24))
    assert np.abs(small - large).mean() < 0.06  # of unlike digits it is 0.15 and more


def test_a_row_is_a_row() -> None:
    """The numbers run row by row: a horizontal stroke fills whole rows."""
    image = image_of(ink((40, 140), (240, 140), width=24))
    assert (image > 0.5).any(axis=1).sum() <= 4
    assert (image > 0.5).any(axis=0).sum() >= 18


def test_the_picture_of_an_image_is_dark_on_white() -> None:
    """The PNG shows full ink as black, paper as white, at 28x28."""
    image = drawing.to_image(ink((70, 40), (200, 40), (120, 250)))
    assert image is not None
    shown = np.asarray(Image.open(io.BytesIO(drawing.png_of(image))))
    assert shown.shape == (28, 28)
    assert np.allclose(1 - shown / 255, np.array(image).reshape(28, 28), atol=1 / 255)
