"""Draws the picture that goes with a model's card: confusion, calibration, worst mistakes.

Contract: `drawn` returns a PNG; the same answers give the same picture. It needs no display.
Does not know where the answers come from.
"""

import io
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from mnist_backend.artefact import Card, Evaluation
from mnist_backend.model import DIGITS
from mnist_backend.training.evaluation import CALIBRATION_BINS, Answers, calibration

COLUMNS, ROWS = 12, 2  # of mistakes
INK, GRID, RIGHT, WRONG, SECOND = "#222222", "#d5d9de", "#2f6f9f", "#b5442e", "#d98b2b"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A picture that the network is wrong about."""

    kind: str
    confidence: float
    true: int
    seen: int
    picture: NDArray[np.float32]  # 28 28


def drawn(card: Card, answers: dict[str, Answers]) -> bytes:
    """Return the picture as PNG."""
    figure = Figure(figsize=(13, 8.4), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"Model {card.model_version}, trained on {card.source}", fontsize=15, color=INK)
    halves = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.45, 1))
    top, bottom = halves[:, 0]
    left, middle, right = top.subplots(1, 3)
    confusion(left, card.held_out, f"Held-out {card.source}")
    confusion(middle, card.drawings, "Drawings")
    reliability(right, answers)
    mistakes(bottom.subplots(ROWS, COLUMNS), answers)
    bottom.suptitle("Worst mistakes: true → seen, and how sure", fontsize=12, color=INK)
    written = io.BytesIO()
    figure.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()


def confusion(axes: Axes, found: Evaluation, title: str) -> None:
    """Draw how often each digit was taken for each, in shades of its row."""
    counts = np.array(found.confusion)
    ratios = counts / np.maximum(1, counts.sum(1, keepdims=True))
    for true in range(DIGITS):
        for seen in range(DIGITS):
            colour = RIGHT if true == seen else WRONG
            shade = ratios[true, seen] * (1 if true == seen else 4)  # a mistake is to be seen
            cell = Rectangle((seen - 0.5, true - 0.5), 1, 1, color=colour, alpha=min(1.0, shade))
            axes.add_patch(cell)
            if counts[true, seen]:
                dark = min(1.0, shade) > 0.5  # noqa: PLR2004  half
                told = str(counts[true, seen])
                shown = axes.text(seen, true, told, fontsize=8, ha="center", va="center")
                shown.set_color("white" if dark else INK)
    axes.set(xlim=(-0.5, DIGITS - 0.5), ylim=(DIGITS - 0.5, -0.5), aspect="equal")
    axes.set(xticks=range(DIGITS), yticks=range(DIGITS), xlabel="seen", ylabel="true")
    low, high = (100 * end for end in found.interval)
    told = f"{100 * found.accuracy:.2f} % of {found.count} ({low:.2f} to {high:.2f} %)"
    axes.set_title(f"{title}\n{told}", fontsize=11, color=INK)
    plain(axes)


def reliability(axes: Axes, answers: dict[str, Answers]) -> None:
    """Draw how often the network is right against how sure it is."""
    axes.plot((0, 1), (0, 1), color=GRID, linewidth=1.5, zorder=1)
    looks = (("held_out", "held-out", RIGHT, "o"), ("drawings", "drawings", SECOND, "s"))
    for name, told, colour, marker in looks:
        asked = answers[name]
        found = calibration(asked.confidence, asked.right)
        filled = found.counts > 0
        sure, hit = found.confidence[filled], found.accuracy[filled]
        label = f"{told}, ECE {found.error:.3f}"
        axes.plot(sure, hit, color=colour, linewidth=1.3, label=label, zorder=2)
        sizes = 12 + 220 * found.counts[filled] / found.counts.sum()
        axes.scatter(sure, hit, sizes, color=colour, marker=marker, alpha=0.75, zorder=3)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal")
    axes.set(xlabel="confidence", ylabel="share that is right")
    axes.set_title(
        f"Calibration, {CALIBRATION_BINS} bins\na larger mark holds more pictures",
        fontsize=11,
        color=INK,
    )
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    axes.grid(color=GRID, linewidth=0.5)
    plain(axes)


def mistakes(grid: NDArray[np.object_], answers: dict[str, Answers]) -> None:
    """Show the pictures that the network is wrong about, those it is surest of first."""
    places = list(grid.ravel())
    for axes in places:
        axes.axis("off")
    found = worst(answers)
    for axes, wrong in zip(places, found, strict=False):
        axes.imshow(1 - wrong.picture, cmap="gray", vmin=0, vmax=1)
        axes.set_title(f"{wrong.true} → {wrong.seen}", fontsize=11, color=WRONG, pad=2)
        told = f"{100 * wrong.confidence:.0f} %, {wrong.kind}"
        axes.text(13.5, 31, told, fontsize=7, ha="center", color=INK)
    if not found:
        places[0].text(0, 0.5, "none: every picture was recognised", fontsize=11, color=INK)


def worst(answers: dict[str, Answers]) -> list[Mistake]:
    """Return what was seen wrong, the surest first."""
    found = []
    for name, told in (("held_out", "held-out"), ("drawings", "drawing")):
        asked = answers[name]
        for i in np.flatnonzero(~asked.right):
            sure, true, seen = asked.confidence[i], asked.digits[i], asked.seen[i]
            found.append(Mistake(told, float(sure), int(true), int(seen), asked.pictures[i]))
    return sorted(found, key=lambda mistake: -mistake.confidence)[: COLUMNS * ROWS]


def plain(axes: Axes) -> None:
    """Take the frame away, and let the numbers step back."""
    axes.tick_params(length=0, labelsize=8, colors=INK)
    for side in axes.spines.values():
        side.set_color(GRID)
