"""From a picture of a digit, a photograph of paper included, to ink values.

Contract: pure. Uneven light is divided out, the paper is whatever there is most of, dark or light,
and what touches the picture's border or is smaller than a digit's speck is left out. Only PNG and
JPEG are read, and only up to a size that is checked before a pixel is decoded.
Does not know where the picture comes from, or who reads the digit.
"""

import base64
import binascii
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter, ImageOps

from mnist_frontend.drawing import Ink

FORMATS = ("PNG", "JPEG")
PIXELS_LIMIT = 4096 * 4096
SIDE = 256  # to which a picture is reduced; plenty for 28
CONTRAST_LEAST = 0.12  # between paper and ink: below it there is only paper
SPECK = 5  # pixels across: what a median of this size wipes away
INNER_SHARE = 0.003  # of the picture: less ink than that away from the border is no digit

Mask = NDArray[np.bool_]


class PhotographUnreadableError(ValueError):
    """The bytes are no picture that can be read."""


class PhotographTooLargeError(ValueError):
    """The picture has more pixels than are read."""


def ink_of_base64(text: str) -> Ink:
    """Return the ink of a picture file given as base64.

    Raises:
        PhotographUnreadableError: it is no PNG and no JPEG, or is broken.
        PhotographTooLargeError: it has too many pixels.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PhotographUnreadableError("not base64") from error
    return ink_of(opened(content))


def opened(content: bytes) -> Image.Image:
    """Return the picture upright, as grey values on white paper."""
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        if picture.width * picture.height > PIXELS_LIMIT:
            raise PhotographTooLargeError(f"{picture.width} x {picture.height} pixels")
        upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except Image.DecompressionBombError as error:
        raise PhotographTooLargeError(str(error)) from error
    except (OSError, SyntaxError, EOFError) as error:
        raise PhotographUnreadableError(str(error)) from error
    paper = Image.new("RGBA", upright.size, "white")
    paper.alpha_composite(upright)
    return paper.convert("L")


def ink_of(grey: Image.Image) -> Ink:
    """Return how much ink, 0 to 1, each pixel of the reduced picture holds."""
    small = grey.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    dark = _dark_ink(small)
    threshold = _otsu(dark)
    paper, ink = _mean(dark[dark < threshold]), _mean(dark[dark >= threshold])
    if ink - paper < CONTRAST_LEAST:
        return np.zeros(dark.shape, np.float32)
    kept = _without_border(_without_specks(dark >= threshold))
    values = np.clip((dark - paper) / (ink - paper), 0, 1)
    near = np.asarray(Image.fromarray(kept).convert("L").filter(ImageFilter.MaxFilter(3))) > 0
    return np.where(near, values, 0).astype(np.float32)


def _dark_ink(grey: Image.Image) -> Ink:
    """Return the picture with dark ink as high values, and the light on the paper divided out."""
    values = np.asarray(grey, np.float32) / np.float32(255)
    if float(np.median(values)) < 0.5:  # noqa: PLR2004  half way: mostly dark, so the ink is light
        grey = ImageOps.invert(grey)
    light = grey.filter(ImageFilter.MaxFilter(_odd(min(grey.size) // 6)))
    light = light.filter(ImageFilter.GaussianBlur(min(grey.size) / 12))
    relative = np.asarray(grey, np.float32) / np.maximum(np.asarray(light, np.float32), 1)
    return np.clip(1 - relative, 0, 1).astype(np.float32)


def _odd(length: int) -> int:
    return max(3, length | 1)


def _mean(values: Ink) -> float:
    return float(values.mean()) if values.size else 0.0


def _otsu(values: Ink) -> float:
    """Return the threshold that parts the values best into two groups (Otsu, 1979)."""
    counts, edges = np.histogram(values, bins=64, range=(0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts), counts.sum()
    mass = np.cumsum(counts * middles)
    sizes = np.maximum(below * (total - below), 1)  # 0 where one group is empty, and so is the rest
    between = (mass[-1] * below / total - mass) ** 2 / sizes
    return float(edges[1:][int(between.argmax())])


def _without_specks(ink: Mask) -> Mask:
    if min(ink.shape) < SIDE // 2:  # a small picture: its strokes may be as thin as specks
        return ink
    return np.asarray(Image.fromarray(ink).convert("L").filter(ImageFilter.MedianFilter(SPECK))) > 0


def _without_border(ink: Mask) -> Mask:
    """Take out what hangs together with the border: a table's edge, a shadow, a finger."""
    frame = np.ones(ink.shape, bool)
    frame[1:-1, 1:-1] = False
    within = Image.fromarray(ink).convert("L")
    reached = Image.fromarray(ink & frame).convert("L")
    while True:
        grown = ImageChops.darker(reached.filter(ImageFilter.MaxFilter(3)), within)
        if grown.tobytes() == reached.tobytes():
            break
        reached = grown
    inner = ink & ~(np.asarray(reached) > 0)
    return inner if inner.mean() >= INNER_SHARE else ink
