"""Digits as a person draws them: one stroke each, as points of the unit square.

Contract: `draw` moves the mouse along the stroke over the pad, button down from the first point to
the last. Does not know what anybody reads in it.
"""

import itertools
import time

from playwright.sync_api import Locator

Stroke = tuple[tuple[float, float], ...]

PAD = "canvas.upper-canvas"
READY_DEADLINE_SECONDS = 20
READY = """pad => {
    const paper = pad.parentElement.querySelector("canvas.lower-canvas");
    const pixels = paper.getContext("2d").getImageData(0, 0, paper.width, paper.height).data;
    return getComputedStyle(pad).cursor === "crosshair" && pixels.every(value => value === 255);
}"""

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
    """Draw the stroke with the mouse, once the pad is blank and takes the pen."""
    wait_until_ready(pad)
    mouse = pad.page.mouse
    first, *rest = rounded(rounded(stroke))
    mouse.move(*place(pad, first))
    mouse.down()
    for point in rest:
        mouse.move(*place(pad, point), steps=2)
    mouse.up()


def rounded(stroke: Stroke) -> Stroke:
    """Cut each corner off at a quarter of its sides, as a hand does not turn on the spot."""
    cut = [stroke[0]]
    for (x, y), (next_x, next_y) in itertools.pairwise(stroke):
        cut.append((0.75 * x + 0.25 * next_x, 0.75 * y + 0.25 * next_y))
        cut.append((0.25 * x + 0.75 * next_x, 0.25 * y + 0.75 * next_y))
    return (*cut, stroke[-1])


def wait_until_ready(pad: Locator) -> None:
    """Move the mouse over the pad until its pointer is the pen's and nothing is drawn on it."""
    deadline = time.monotonic() + READY_DEADLINE_SECONDS
    for step in itertools.count():
        pad.page.mouse.move(*place(pad, (0.5, 0.4 + 0.1 * (step % 2))))
        if pad.evaluate(READY):
            return
        assert time.monotonic() < deadline, "the pad is not blank or does not take the pen"


def place(pad: Locator, point: tuple[float, float]) -> tuple[float, float]:
    """Translate a point of the unit square into the page's pixels."""
    box = pad.bounding_box()
    assert box is not None, "the pad is not visible"
    return box["x"] + point[0] * box["width"], box["y"] + point[1] * box["height"]
