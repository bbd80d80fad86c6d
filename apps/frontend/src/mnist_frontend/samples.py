"""Ten digits as someone wrote them, for visitors who would rather not draw.

Contract: `SAMPLES[d]` is the digit d as strokes on the sheet. Does not know the pad.
"""

import itertools

from mnist_frontend.drawing import SHEET_SIDE, Stroke

PEN_WIDTH = 22
CUTS = 3  # how often corners are cut: a hand does not turn on the spot

Path = tuple[tuple[float, float], ...]
PATHS: tuple[tuple[Path, ...], ...] = (  # by digit, in parts of the sheet's side
    (
        (
            (0.54, 0.15), (0.36, 0.19), (0.27, 0.45), (0.33, 0.78), (0.50, 0.86),
            (0.69, 0.74), (0.73, 0.42), (0.64, 0.18), (0.50, 0.15),
        ),
    ),
    (((0.38, 0.30), (0.54, 0.14), (0.51, 0.86)),),
    (
        (
            (0.28, 0.33), (0.36, 0.15), (0.62, 0.13), (0.71, 0.32), (0.58, 0.54),
            (0.27, 0.84), (0.45, 0.82), (0.76, 0.84),
        ),
    ),
    (
        (
            (0.29, 0.19), (0.52, 0.12), (0.70, 0.22), (0.66, 0.42), (0.44, 0.48), (0.68, 0.53),
            (0.74, 0.73), (0.56, 0.87), (0.27, 0.81),
        ),
    ),
    (((0.42, 0.13), (0.26, 0.56), (0.76, 0.55)), ((0.63, 0.34), (0.60, 0.87))),
    (
        (
            (0.70, 0.14), (0.37, 0.15), (0.33, 0.46), (0.56, 0.41), (0.73, 0.58), (0.67, 0.80),
            (0.45, 0.88), (0.27, 0.79),
        ),
    ),
    (
        (
            (0.62, 0.12), (0.40, 0.30), (0.29, 0.62), (0.40, 0.86), (0.64, 0.85), (0.72, 0.66),
            (0.56, 0.52), (0.33, 0.63),
        ),
    ),
    (((0.26, 0.16), (0.74, 0.14), (0.57, 0.44), (0.42, 0.88)),),
    (
        (
            (0.66, 0.20), (0.46, 0.12), (0.32, 0.25), (0.44, 0.43), (0.66, 0.60), (0.68, 0.80),
            (0.48, 0.88), (0.30, 0.77), (0.40, 0.57), (0.62, 0.42), (0.70, 0.26), (0.60, 0.15),
        ),
    ),
    (
        (
            (0.69, 0.30), (0.54, 0.13), (0.33, 0.22), (0.33, 0.44), (0.52, 0.52), (0.68, 0.38),
            (0.70, 0.24), (0.67, 0.58), (0.60, 0.88),
        ),
    ),
)  # fmt: skip


def rounded(path: Path) -> Path:
    """Cut each corner off at a quarter of its sides (Chaikin, 1974)."""
    cut = [path[0]]
    for (x, y), (to_x, to_y) in itertools.pairwise(path):
        cut.append((0.75 * x + 0.25 * to_x, 0.75 * y + 0.25 * to_y))
        cut.append((0.25 * x + 0.75 * to_x, 0.25 * y + 0.75 * to_y))
    return (*cut, path[-1])


def written(path: Path) -> Stroke:
    """Return the path as a pen writes it."""
    for _ in range(CUTS):
        path = rounded(path)
    points = ((round(x * SHEET_SIDE, 1), round(y * SHEET_SIDE, 1)) for x, y in path)
    return Stroke(PEN_WIDTH, tuple(points))


SAMPLES = tuple(tuple(written(path) for path in paths) for paths in PATHS)
