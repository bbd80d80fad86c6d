"""Digits as people draw them, as points of the unit square.

Contract: `STROKES[d]` is the digit d in one or two strokes, for a mouse or a finger; `KEYS[d]` are
keys of the pad's pen that write d from the middle of an empty pad. Both are other hands than the
page's own samples. Does not know the page.
"""

import itertools

Stroke = tuple[tuple[float, float], ...]

STROKES: dict[int, tuple[Stroke, ...]] = {
    0: (
        (
            (0.50, 0.12), (0.32, 0.22), (0.25, 0.50), (0.32, 0.78), (0.50, 0.88),
            (0.68, 0.78), (0.75, 0.50), (0.68, 0.22), (0.50, 0.12),
        ),
    ),
    1: (((0.50, 0.12), (0.50, 0.88)),),
    2: (
        (
            (0.27, 0.30), (0.35, 0.15), (0.58, 0.12), (0.73, 0.28), (0.62, 0.52),
            (0.27, 0.86), (0.78, 0.86),
        ),
    ),
    3: (
        (
            (0.27, 0.16), (0.52, 0.11), (0.72, 0.24), (0.64, 0.42), (0.45, 0.48),
            (0.68, 0.55), (0.75, 0.72), (0.58, 0.88), (0.27, 0.84),
        ),
    ),
    4: (((0.36, 0.12), (0.24, 0.56), (0.78, 0.56)), ((0.62, 0.30), (0.60, 0.88))),
    5: (
        (
            (0.70, 0.13), (0.36, 0.14), (0.32, 0.46), (0.52, 0.40), (0.72, 0.54), (0.70, 0.78),
            (0.48, 0.88), (0.28, 0.80),
        ),
    ),
    6: (
        (
            (0.62, 0.12), (0.40, 0.30), (0.29, 0.60), (0.36, 0.84), (0.60, 0.88), (0.72, 0.70),
            (0.58, 0.53), (0.34, 0.62),
        ),
    ),
    7: (((0.24, 0.14), (0.76, 0.14), (0.44, 0.88)),),
    8: (
        (
            (0.64, 0.18), (0.44, 0.12), (0.32, 0.26), (0.44, 0.44), (0.64, 0.58), (0.70, 0.76),
            (0.50, 0.88), (0.32, 0.76), (0.38, 0.58), (0.60, 0.42), (0.68, 0.26), (0.58, 0.14),
        ),
    ),
    9: (
        (
            (0.68, 0.28), (0.52, 0.12), (0.33, 0.22), (0.33, 0.42), (0.52, 0.50), (0.68, 0.36),
            (0.69, 0.28), (0.67, 0.60), (0.60, 0.88),
        ),
    ),
}  # fmt: skip

Keys = tuple[tuple[str, int], ...]  # which, and how often
KEYS: dict[int, Keys] = {
    0: (
        ("ArrowUp", 9), ("ArrowLeft", 3), ("Space", 1), ("ArrowLeft", 2), ("ArrowDown", 18),
        ("ArrowRight", 9), ("ArrowUp", 18), ("ArrowLeft", 7), ("Space", 1),
    ),
    1: (("ArrowUp", 10), ("Space", 1), ("ArrowDown", 20), ("Space", 1)),
    4: (
        ("ArrowUp", 9), ("ArrowLeft", 6), ("Space", 1), ("ArrowDown", 10), ("ArrowRight", 11),
        ("Space", 1), ("ArrowUp", 7), ("ArrowLeft", 2), ("Space", 1), ("ArrowDown", 16),
        ("Space", 1),
    ),
    7: (
        ("ArrowUp", 9), ("ArrowLeft", 6), ("Space", 1), ("ArrowRight", 12),
        *(("ArrowDown", 2), ("ArrowLeft", 1)) * 6, ("ArrowDown", 6), ("Space", 1),
    ),
}  # fmt: skip


def rounded(stroke: Stroke) -> Stroke:
    """Cut each corner off at a quarter of its sides, as a hand does not turn on the spot."""
    cut = [stroke[0]]
    for (x, y), (next_x, next_y) in itertools.pairwise(stroke):
        cut.append((0.75 * x + 0.25 * next_x, 0.75 * y + 0.25 * next_y))
        cut.append((0.25 * x + 0.75 * next_x, 0.25 * y + 0.75 * next_y))
    return (*cut, stroke[-1])
