"""Draws digits as people do with a mouse on the page: strokes, in several hands and widths.

Contract: seeded, so the same call draws the same set; a drawing is 28x28 grey values from 0 to 1,
made as the page makes them (a 280 pixel pad, averaged down), not yet normalised. They measure a
network and are never trained on.
Does not know: networks, training, or the handwritten data set.
"""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Drawing = NDArray[np.float32]  # 28 28
Points = NDArray[np.float64]  # n 2, (right, down) in the unit square

JUDGING_SEED = 2024  # of the set that every card tells of, whatever the seed of its training
SIDE = 28
PAD = 280  # pixels of the page's canvas, ten to a pixel of the picture
SMOOTH_STEPS = 8  # straight pieces between two points of a smooth stroke
SMOOTH_SHARE = 0.5  # the other half moves straight from point to point, as a script does
WIDTHS = (14, 18, 22, 28)  # pixels of the pen on the pad

# Each digit in three hands: strokes between slashes, points in hundredths, right and down.
GLYPHS = (
    (
        "50,10 28,22 20,50 28,78 50,90 72,78 80,50 72,22 50,10",
        "55,10 35,25 30,55 40,88 60,85 70,50 55,10",
        "50,10 28,22 20,50 28,78 50,90 / 50,90 72,78 80,50 72,22 50,10",
    ),  # 0
    (
        "50,10 50,90",
        "35,28 52,10 / 52,10 52,90",
        "58,10 45,90",
    ),  # 1
    (
        "25,30 35,12 60,10 75,30 60,55 25,88 / 25,88 80,88",
        "28,25 50,10 70,25 62,50 25,90 / 25,90 75,90",
        "30,20 55,12 68,32 45,65 27,86 / 27,86 72,84",
    ),  # 2
    (
        "27,17 50,10 70,25 62,42 45,47 / 45,47 70,55 74,75 50,90 25,83",
        "30,12 55,12 68,28 50,46 / 50,46 75,62 65,86 30,86",
        "28,20 48,10 66,20 60,40 42,50 / 42,50 66,60 66,80 46,90 28,80",
    ),  # 3
    (
        "60,10 20,62 / 20,62 82,62 / 62,10 62,92",
        "30,10 26,50 / 26,50 76,50 / 70,12 68,90",
        "50,10 24,58 / 24,58 78,58 / 60,36 58,90",
    ),  # 4
    (
        "75,12 30,12 / 30,12 27,45 / 27,45 55,40 75,58 70,80 48,90 25,82",
        "70,10 36,10 / 36,10 32,48 / 32,48 60,46 72,68 56,88 28,88",
        "34,12 30,44 / 30,44 58,42 70,64 54,86 28,84 / 34,12 74,10",
    ),  # 5
    (
        "65,10 40,30 27,60 35,85 60,88 73,70 58,54 33,64",
        "55,10 34,40 30,72 46,90 66,80 62,60 40,58 31,70",
        "60,12 36,36 28,66 42,88 64,82 66,62 48,54 30,68",
    ),  # 6
    (
        "22,12 78,12 / 78,12 45,90",
        "25,14 75,12 / 75,12 56,45 45,90 / 38,50 70,48",
        "26,12 74,14 / 74,14 52,50 40,88",
    ),  # 7
    (
        "66,20 50,10 33,20 34,36 50,48 68,62 70,78 50,90 30,78 32,62 50,48 66,36 66,20",
        "50,10 34,20 36,38 50,46 65,38 65,20 50,10 / 50,46 30,58 30,80 50,90 70,80 70,58 50,46",
        "50,48 30,30 50,10 70,30 50,48 27,70 50,90 73,70 50,48",
    ),  # 8
    (
        "70,32 55,48 34,38 38,15 60,10 71,32 / 71,32 66,90",
        "68,18 50,10 32,24 38,45 58,46 68,20 / 68,20 70,60 52,90",
        "66,26 50,10 32,28 46,48 66,28 / 66,28 56,90",
    ),  # 9
)


def draw(each: int, seed: int) -> tuple[list[Drawing], list[int]]:
    """Return drawings of every digit, `each` in every hand and width, and what they show."""
    chance = np.random.default_rng(seed)
    pictures, digits = [], []
    for digit, hands in enumerate(GLYPHS):
        for hand in hands:
            for width in WIDTHS:
                pictures += [_drawing(hand, width, chance) for _ in range(each)]
                digits += [digit] * each
    return pictures, digits


def _drawing(hand: str, width: int, chance: Generator) -> Drawing:
    angle, size = chance.uniform(-0.15, 0.15), chance.uniform(0.65, 1.0)
    slip = chance.uniform(-0.08, 0.08, 2)
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    smooth = chance.random() < SMOOTH_SHARE
    pad = Image.new("L", (PAD, PAD))
    pen = ImageDraw.Draw(pad)
    for stroke in _strokes(hand):
        shaky = stroke + chance.normal(0, 0.015, stroke.shape)
        points = ((shaky - 0.5) @ turn.T + 0.5 + slip) * PAD
        _ink(pen, _smooth(points) if smooth else points, width)
    small = pad.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / np.float32(255)


def _strokes(hand: str) -> Iterator[Points]:
    for stroke in hand.split("/"):
        yield np.array([point.split(",") for point in stroke.split()], float) / 100


def _smooth(points: Points) -> Points:
    """Return a Catmull-Rom curve through the points; two points stay a straight line."""
    ends = np.vstack((2 * points[0] - points[1], points, 2 * points[-1] - points[-2]))
    before, start, end, after = ends[:-3], ends[1:-2], ends[2:-1], ends[3:]  # n-1 2, each
    t = np.linspace(0, 1, SMOOTH_STEPS, endpoint=False)[None, :, None]  # 1 steps 1
    a, b, c, d = (part[:, None] for part in (before, start, end, after))  # n-1 1 2, each
    pieces = b + t / 2 * (
        c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * b - a - 3 * c + d))
    )  # n-1 steps 2
    curve: Points = np.vstack((pieces.reshape(-1, 2), points[-1]))
    return curve


def _ink(pen: ImageDraw.ImageDraw, points: Points, width: int) -> None:
    path = [(float(right), float(down)) for right, down in points]
    pen.line(path, fill=255, width=width, joint="curve")
    for right, down in path:
        pen.ellipse(
            (right - width / 2, down - width / 2, right + width / 2, down + width / 2), fill=255
        )
