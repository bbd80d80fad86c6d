"""The drawing pad, and the way from its pixels to the 784 numbers the recogniser reads.

Contract: `draw` shows the pad and returns its pixels (RGBA, 280x280) or None before the first
stroke; everything else is pure. `to_image` returns ink values 0..1, row by row, the digit fitted
into 20x20 and centred by mass in 28x28 as MNIST's were, or None for an empty pad.
Does not know the backend, nor what the page does with the numbers.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

KEY = "pad"
PAD_SIDE = 280
IMAGE_SIDE = 28
DIGIT_SIDE = 20
PEN_WIDTH = 22
INK_THRESHOLD = 0.1  # below it a pixel is paper: anti-aliasing leaves traces around a stroke

Pixels = NDArray[np.uint8]
Ink = NDArray[np.float64]


class DrawingShapeError(ValueError):
    """The pad returned something other than a colour picture with transparency."""


def draw(sheet: int) -> Pixels | None:
    """Show the pad and return its pixels; a new number of the sheet empties it."""
    # The component registers itself on import, which only a running page allows.
    from streamlit_drawable_canvas import st_canvas  # noqa: PLC0415

    drawing = st_canvas(
        stroke_width=PEN_WIDTH,
        stroke_color="#000000",
        background_color="#ffffff",
        width=PAD_SIDE,
        height=PAD_SIDE,
        drawing_mode="freedraw",
        initial_drawing={"objects": [], "sheet": sheet},  # the pad redraws when this changes
        return_image_data=True,
        key=KEY,  # one for ever: another key is another pad, and strokes made meanwhile are lost
    )
    pixels = drawing.image_data
    return None if pixels is None else np.asarray(pixels, dtype=np.uint8)


def to_image(pixels: Pixels) -> tuple[float, ...] | None:
    """Turn the pad's pixels into the recogniser's 784 ink values, or None if nothing is drawn."""
    digit = crop(ink(pixels))
    if digit is None:
        return None
    image = centre(fit(digit))
    return tuple(round(float(value), 4) for value in image.ravel())  # 784 values, ~5 KB as JSON


def ink(pixels: Pixels) -> Ink:
    """Measure how dark each pixel is on white paper: 0 is paper, 1 is full ink."""
    if pixels.ndim != 3 or pixels.shape[2] != 4:  # noqa: PLR2004  rows, columns, RGBA
        raise DrawingShapeError(f"expected rows x columns x RGBA, got {pixels.shape}")
    colour = pixels[:, :, :3].astype(np.float64) / 255
    opacity = pixels[:, :, 3].astype(np.float64) / 255
    luminance = colour @ np.array([0.299, 0.587, 0.114])
    paper: Ink = np.clip(opacity * (1 - luminance), 0, 1)
    return paper


def crop(paper: Ink) -> Ink | None:
    """Cut the smallest rectangle that holds all the ink; None if there is none."""
    marked = paper > INK_THRESHOLD
    if not marked.any():
        return None
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    return paper[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fit(digit: Ink) -> Ink:
    """Scale the digit so that its longer side is 20 pixels, keeping its proportions."""
    height, width = digit.shape
    scale = DIGIT_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled = Image.fromarray(digit.astype(np.float32)).resize(size, Image.Resampling.LANCZOS)
    return np.clip(np.asarray(scaled, dtype=np.float64), 0, 1)  # LANCZOS overshoots at edges


def centre(digit: Ink) -> Ink:
    """Place the digit in a 28x28 image so that its centre of mass is the image's centre."""
    image = np.zeros((IMAGE_SIDE, IMAGE_SIDE))
    corner = []
    for axis, length in enumerate(digit.shape):
        profile = digit.sum(axis=1 - axis)
        mass = float(np.arange(length) @ profile / profile.sum())
        start = round((IMAGE_SIDE - 1) / 2 - mass)
        corner.append(min(max(start, 0), IMAGE_SIDE - length))
    top, left = corner
    image[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return image
