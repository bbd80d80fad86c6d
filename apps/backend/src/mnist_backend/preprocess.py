"""Turns any grey drawing into the picture the network knows: the MNIST way.

Contract: `normalise` crops to the ink, fits it into 20x20, and puts its centre of mass into the
middle of 28x28; training and serving both go through it, so they cannot drift apart. It is pure,
needs numpy and Pillow only, and leaves a normalised picture as it is.
Does not know: where the drawing comes from, or who looks at the result.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.float32]

SIDE = 28
BOX = 20
BLANK_BELOW = 0.05  # a drawing with no value above this holds no ink
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
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fit(ink: Picture) -> Picture:
    ratio = BOX / max(ink.shape)
    if ratio == 1:
        return ink
    height, width = (max(1, round(length * ratio)) for length in ink.shape)
    image = Image.fromarray(np.ascontiguousarray(ink, np.float32))
    resized = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized, np.float32).clip(0, 1)


def _centre(ink: Picture) -> Picture:
    picture = np.zeros((SIDE, SIDE), np.float32)
    top, left = (_start(ink.sum(axis=1 - axis)) for axis in (0, 1))
    picture[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return picture


def _start(mass: NDArray[np.float32]) -> int:
    middle = float(mass @ np.arange(len(mass)) / mass.sum())
    return int(np.clip(round((SIDE - 1) / 2 - middle), 0, SIDE - len(mass)))
