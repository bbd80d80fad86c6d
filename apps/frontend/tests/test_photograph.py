"""Photographs and pictures of digits."""

import base64
import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from mnist_frontend import photograph
from mnist_frontend.drawing import Ink, Stroke, ink_of, to_image

SEVEN = ((70, 60), (200, 60), (120, 230))
EXPECTED = np.array(to_image(ink_of([Stroke(24, SEVEN)])))


def paper(size: tuple[int, int] = (640, 480), shade: int = 235) -> Image.Image:
    """Return a blank sheet of paper."""
    return Image.new("L", size, shade)


def written(sheet: Image.Image, ink: int = 40, scale: float = 1.0, left: int = 0) -> Image.Image:
    """Write a seven on a sheet with a felt-tip pen."""
    points = [(left + x * scale, y * scale) for x, y in SEVEN]
    pen = ImageDraw.Draw(sheet)
    pen.line(points, fill=ink, width=round(24 * scale))
    for x, y in points:
        pen.circle((x, y), 12 * scale, fill=ink)
    return sheet


def in_uneven_light(sheet: Image.Image) -> Image.Image:
    """Return the sheet with the light of a lamp on its left and a soft shadow on its right."""
    light = np.linspace(1.0, 0.45, sheet.width)[None, :] * np.ones((sheet.height, 1))
    return Image.fromarray(np.uint8(np.asarray(sheet) * light)).filter(ImageFilter.GaussianBlur(1))


def with_noise(sheet: Image.Image) -> Image.Image:
    """Return the sheet as a poor camera sees it in the evening."""
    noise = np.random.default_rng(1).normal(0, 9, (sheet.height, sheet.width))
    return Image.fromarray(np.uint8(np.clip(np.asarray(sheet) + noise, 0, 255)))


def on_a_dark_table(sheet: Image.Image) -> Image.Image:
    """Return the sheet lying on a table whose edges are in the picture."""
    return ImageOps.expand(sheet, border=(60, 40), fill=50)


PHOTOGRAPHS = {
    "clean": written(paper()),
    "pencil": written(paper(), ink=150),
    "uneven light": in_uneven_light(written(paper(), left=150)),
    "noise": with_noise(written(paper(), left=300)),
    "inverted": ImageOps.invert(written(paper())),
    "off centre": written(paper((900, 700)), scale=0.6, left=600),
    "on a table": on_a_dark_table(written(paper(), left=100)),
    "all at once": with_noise(in_uneven_light(written(paper(shade=200), ink=70, left=200))),
}


def close_up(ink: Ink) -> float:
    """Return how far the image of some ink is from the seven's, 0 being the same."""
    image = to_image(ink)
    assert image is not None
    return float(np.abs(np.array(image) - EXPECTED).mean())


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_photographed_seven_looks_like_a_drawn_one(name: str) -> None:
    """Light, noise, place and the table around the paper are taken out."""
    assert close_up(photograph.ink_of(PHOTOGRAPHS[name])) < 0.035


def test_paper_without_a_digit_is_blank() -> None:
    """Uneven light and noise are no ink."""
    assert to_image(photograph.ink_of(with_noise(in_uneven_light(paper())))) is None
    assert to_image(photograph.ink_of(paper())) is None


def test_a_picture_as_small_as_the_recognisers_keeps_its_strokes() -> None:
    """In 28 pixels a thin stroke is no speck."""
    image = np.array(EXPECTED).reshape(28, 28)
    small = Image.fromarray(np.uint8(255 * image))
    assert close_up(photograph.ink_of(small)) < 0.05


def test_specks_do_not_count() -> None:
    """A few dark dots far from the digit do not widen its frame."""
    sheet = written(paper(), left=100)
    pen = ImageDraw.Draw(sheet)
    for x, y in ((600, 30), (610, 440), (30, 450)):
        pen.circle((x, y), 3, fill=30)
    assert close_up(photograph.ink_of(sheet)) < 0.035


def test_a_digit_that_touches_the_border_is_kept() -> None:
    """If nearly all the ink hangs together with the border, the border is not to blame."""
    sheet = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(sheet).line(((100, 0), (100, 200)), fill=0, width=24)
    assert photograph.ink_of(sheet).sum() > 0


def encoded(picture: Image.Image, kind: str, **options: object) -> str:
    """Return a picture's file as base64."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("kind", photograph.FORMATS)
def test_png_and_jpeg_are_read(kind: str) -> None:
    """Both formats give the same digit."""
    assert close_up(photograph.ink_of_base64(encoded(written(paper()), kind))) < 0.035


def test_a_picture_turned_by_its_camera_is_turned_back() -> None:
    """The orientation that a camera writes into the file counts."""
    turned = written(paper()).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    assert close_up(photograph.ink_of_base64(encoded(turned, "JPEG", exif=exif))) < 0.035


def test_what_is_transparent_is_paper() -> None:
    """Black ink on nothing is a drawing, as graphics programs save it."""
    clear = Image.new("RGBA", (280, 280))
    ImageDraw.Draw(clear).line(SEVEN, fill=(0, 0, 0, 255), width=24)
    assert close_up(photograph.ink_of_base64(encoded(clear, "PNG"))) < 0.035


@pytest.mark.parametrize(
    "text",
    ["", "é", "not base64!", base64.b64encode(b"GIF89a").decode(), encoded(paper(), "PNG")[:80]],
)
def test_what_is_no_picture_is_refused(text: str) -> None:
    """Empty, foreign and broken files have one name."""
    with pytest.raises(photograph.PhotographUnreadableError):
        photograph.ink_of_base64(text)


def test_a_picture_with_too_many_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is read from its head, before a pixel is decoded."""
    monkeypatch.setattr(photograph, "PIXELS_LIMIT", 1000)
    with pytest.raises(photograph.PhotographTooLargeError, match="640 x 480"):
        photograph.ink_of_base64(encoded(paper(), "PNG"))


def test_a_decompression_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Pillow takes for a bomb is too large, too."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(photograph.PhotographTooLargeError):
        photograph.ink_of_base64(encoded(paper(), "PNG"))
