"""Drawings for requests, in the three forms that the service takes.

Contract: ink is 1 and paper is 0 in numbers, and black on white in pictures. Does not know what
anybody reads in them.
"""

import base64
import io

from PIL import Image, ImageDraw

SIDE = 28
PIXELS = SIDE * SIDE
LINES = {  # on a pad of 28 by 28
    0: [(14, 4), (9, 7), (8, 14), (9, 21), (14, 24), (19, 21), (20, 14), (19, 7), (14, 4)],
    1: [(14, 4), (14, 24)],
    7: [(7, 5), (21, 5), (12, 24)],
}


def picture(digit: int, scale: int = 1) -> Image.Image:
    """Return a digit as black lines on white."""
    image = Image.new("L", (SIDE * scale, SIDE * scale), 255)
    points = [(x * scale, y * scale) for x, y in LINES[digit]]
    ImageDraw.Draw(image).line(points, fill=0, width=3 * scale, joint="curve")
    return image


def greys(digit: int) -> list[float]:
    """Return a digit as 784 numbers."""
    return [round(1 - value / 255, 4) for value in picture(digit).tobytes()]


def rows(digit: int) -> list[list[float]]:
    """Return a digit as 28 rows of 28 numbers."""
    values = greys(digit)
    return [values[start : start + SIDE] for start in range(0, PIXELS, SIDE)]


def encoded(image: Image.Image, kind: str = "PNG") -> str:
    """Return a picture as a file in base64."""
    stream = io.BytesIO()
    image.save(stream, kind)
    return base64.b64encode(stream.getvalue()).decode()


def png(digit: int) -> str:
    """Return a digit as a PNG, ten times as large, in base64."""
    return encoded(picture(digit, 10))
