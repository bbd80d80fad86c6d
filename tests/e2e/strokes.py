"""Digits as a person draws them: one stroke each, as points of the unit square.

Contract: `draw` moves the mouse along the stroke over the pad, button down from the first point to
the last. Does not know what anybody reads in it.
"""

from playwright.sync_api import Locator

Stroke = tuple[tuple[float, float], ...]

STROKES: dict[int, Stroke] = {
    0: (
        (0.50, 0.12), (0.32, 0.22), (0.25, 0.50), (0.32, 0.78), (0.50, 0.88),
        (0.68, 0.78), (0.75, 0.50), (0.68, 0.22), (0.50, 0.12),
    ),
    1: ((0.50, 0.12), (0.50, 0.88)),
    2: (
        (0.27, 0.30), (0.35, 0.15), (0.58, 0.12), (0.73, 0.28), (0.62, 0.52),
        (0.27, 0.86), (0.78, 0.86),
    ),
    3: (
        (0.27, 0.16), (0.52, 0.11), (0.72, 0.24), (0.64, 0.42), (0.45, 0.48),
        (0.68, 0.55), (0.75, 0.72), (0.58, 0.88), (0.27, 0.84),
    ),
    7: ((0.24, 0.14), (0.76, 0.14), (0.44, 0.88)),
}  # fmt: skip


def draw(pad: Locator, stroke: Stroke) -> None:
    """Draw the stroke on the pad with the mouse."""
    mouse = pad.page.mouse
    box = pad.bounding_box()
    assert box is not None, "the pad is not visible"
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
    mouse.move(*points[0])
    mouse.down()
    for point in points[1:]:
        mouse.move(*point, steps=8)
    mouse.up()
