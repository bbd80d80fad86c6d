"""From strokes of a pen to the 784 numbers that the recogniser reads.

Contract: pure. A sheet is 280x280, a stroke a width and points on it; `ink_of` rasters strokes into
values 0 (paper) to 1 (ink), and `to_image` fits any ink into 20x20, centred by mass in 28x28, by
the rules the recogniser trains with, so that what is shown is what the model sees. None means that
there is nothing to read. Does not know who drew, nor what the numbers are used for.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SHEET_SIDE = 280
IMAGE_SIDE = 28
DIGIT_SIDE = 20
SCALE = 2  # strokes are drawn so much larger and then reduced, which smooths their edges
BLANK_BELOW = 0.05  # of full ink: a picture without a darker spot is blank
INK_RATIO = 0.1  # of the darkest value: below it is the blur of an edge

Point = tuple[float, float]
Ink = NDArray[np.float32]
Values = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Stroke:
    """What a pen leaves between going down and being lifted, in units of the sheet."""

    width: float
    points: tuple[Point, ...]


def ink_of(strokes: Sequence[Stroke]) -> Ink:
    """Return the sheet with the strokes on it: 280 rows of 280 values."""
    side = SHEET_SIDE * SCALE
    sheet = Image.new("L", (side, side))
    pen = ImageDraw.Draw(sheet)
    for stroke in strokes:
        line = [(x * SCALE, y * SCALE) for x, y in stroke.points]
        width = stroke.width * SCALE
        pen.line(line, fill=255, width=round(width))
        for x, y in line:  # round ends and corners
            pen.circle((x, y), width / 2, fill=255)
    return np.asarray(sheet.reduce(SCALE), np.float32) / np.float32(255)


def to_image(ink: Ink) -> Values | None:
    """Return the recogniser's 784 values, row by row, or None if nothing is drawn."""
    darkest = float(ink.max(initial=0))
    if darkest < BLANK_BELOW:
        return None
    image = centre(fit(crop(ink / darkest)))
    return tuple(round(float(value), 4) for value in image.ravel())  # ~5 KB as JSON


def crop(ink: Ink) -> Ink:
    """Cut the smallest rectangle that holds all the ink."""
    marked = ink >= INK_RATIO
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fit(digit: Ink) -> Ink:
    """Scale the digit so that its longer side is 20 pixels, keeping its proportions."""
    height, width = digit.shape
    scale = DIGIT_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled = Image.fromarray(digit).resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(scaled, np.float32), 0, 1)  # it overshoots at edges


def centre(digit: Ink) -> Ink:
    """Place the digit in a 28x28 image so that its centre of mass is the image's centre."""
    image = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32)
    top, left = (start(digit.sum(axis=1 - axis)) for axis in (0, 1))
    image[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return image


def start(mass: Ink) -> int:
    """Return where a side begins whose mass shall lie in the middle, kept inside the image."""
    middle = float(np.arange(len(mass)) @ mass / mass.sum())
    return min(max(round((IMAGE_SIDE - 1) / 2 - middle), 0), IMAGE_SIDE - len(mass))


@lru_cache(maxsize=256)  # a run of the page shows the last drawings again
def png_of(image: Values) -> bytes:
    """Return the image as a PNG of 28x28 pixels, dark ink on white paper."""
    values = np.array(image, np.float32).reshape(IMAGE_SIDE, IMAGE_SIDE)
    picture = Image.fromarray(np.round(255 * (1 - values)).astype(np.uint8))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
