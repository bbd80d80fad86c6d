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
    darkest = float(drawing.max(initial=0.0))
    if darkest < BLANK_BELOW:
        return np.zeros((SIDE, SIDE), np.float32)
    return _centre(_fit(_crop(drawing / darkest)))


def standardise(picture: Picture, mean: float, deviation: float) -> Picture:
    """Return the picture with the training set's mean and deviation taken out."""
    return ((picture - mean) / deviation).astype(np.float32)


def _crop(drawing: Picture) -> Picture:
    ink = drawing >= INK_RATIO
    return drawing[_between(ink.any(axis=1)), _between(ink.any(axis=0))]


def _between(inked: NDArray[np.bool_]) -> slice:
    return slice(int(inked.argmax()), len(inked) - int(inked[::-1].argmax()))


def _fit(ink: Picture) -> Picture:
    ratio = BOX / max(ink.shape)
    if ratio == 1:
        return ink
    height, width = (max(1, round(length * ratio)) for length in ink.shape)
    fitted = _resizing(len(ink), height) @ ink @ _resizing(ink.shape[1], width).T
    return np.minimum(np.maximum(fitted, 0), 1).astype(np.float32, copy=False)


@lru_cache(maxsize=2048)
def _resizing(before: int, after: int) -> Picture:
    """Return how Pillow weighs each value for each resized one: after by before.

    Pillow resizes one direction after the other, each linearly; as two products of matrices that
    takes a fifth of the time, and most drawings have one of few sizes.
    """
    each = Image.fromarray(np.eye(before, dtype=np.float32))
    return np.asarray(each.resize((before, after), Image.Resampling.BICUBIC), np.float32)


def _centre(ink: Picture) -> Picture:
    picture = np.zeros((SIDE, SIDE), np.float32)
    top, left = _start(ink.sum(axis=1)), _start(ink.sum(axis=0))
    picture[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return picture


def _start(mass: NDArray[np.float32]) -> int:
    middle = float(mass @ PLACES[: len(mass)]) / float(mass.sum())
    return min(max(round((SIDE - 1) / 2 - middle), 0), SIDE - len(mass))
