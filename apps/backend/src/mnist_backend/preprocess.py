"""Turns any grey drawing into the picture the network knows: the MNIST way.

Contract: `normalise` crops to the ink, fits it into 20x20, and puts its centre of mass into the
middle of 28x28; training and serving both go through it, so they cannot drift apart. It is pure,
needs numpy and Pillow only, and leaves a normalised picture as it is.
Does not know: where the drawing comes from, or who looks at the result.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.float32]

SIDE = 28
BOX = 20
BLANK_BELOW = 0.05  # a drawing with no value above this holds no ink
PLACES = np.arange(SIDE, dtype=np.float32)
INK_RATIO = 0.1  # of the darkest value: below it is the blur of an edge


def normalise(drawing: Picture) -> Picture:
    """Return the drawing as 28x28 values from 0 to 1; blank stays blank."""
    rows, columns = np.maximum.reduce(drawing, 1), np.maximum.reduce(drawing, 0)
    darkest = float(np.maximum.reduce(rows))
    if darkest < BLANK_BELOW:
        return np.zeros((SIDE, SIDE), np.float32)
    if darkest != 1:
        drawing, rows, columns = drawing / darkest, rows / darkest, columns / darkest
    return _centre(_fit(drawing[_inked(rows), _inked(columns)]))


def standardise(picture: Picture, mean: float, deviation: float) -> Picture:
    """Return the picture with the training set's mean and deviation taken out."""
    return ((picture - mean) / deviation).astype(np.float32, copy=False)


def _inked(darkest: NDArray[np.float32]) -> slice:
    """Return from where to where there is ink, by the darkest value of each row or column."""
    inked = (darkest >= INK_RATIO).tobytes()
    return slice(inked.find(1), inked.rfind(1) + 1)


def _fit(ink: Picture) -> Picture:
    height, width = ink.shape
    ratio = BOX / max(height, width)
    if ratio == 1:
        return ink
    down, across = _resizing(height, round(height * ratio)), _resizing(width, round(width * ratio))
    fitted = down @ ink @ across.T
    return np.minimum(np.maximum(fitted, 0, out=fitted), 1, out=fitted)


@lru_cache(maxsize=2048)
def _resizing(before: int, after: int) -> Picture:
    """Return how Pillow weighs each value for each resized one: after by before, at least 1.

    Pillow resizes one direction after the other, each linearly; as two products of matrices that
    takes a fifth of the time, and most drawings have one of few sizes.
    """
    each = Image.fromarray(np.eye(before, dtype=np.float32))
    resized = each.resize((before, max(1, after)), Image.Resampling.BICUBIC)
    return np.asarray(resized, np.float32)


def _centre(ink: Picture) -> Picture:
    height, width = ink.shape
    top, left = _start(np.add.reduce(ink, 1), height), _start(np.add.reduce(ink, 0), width)
    picture = np.zeros((SIDE, SIDE), np.float32)
    picture[top : top + height, left : left + width] = ink
    return picture


def _start(mass: NDArray[np.float32], length: int) -> int:
    middle = float(mass @ PLACES[:length]) / float(np.add.reduce(mass))
    return min(max(round((SIDE - 1) / 2 - middle), 0), SIDE - length)
