"""The figures as a picture: what one request costs on each server, beside the floor.

Contract: writes a PNG. Does not know: how anything was measured.
"""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from load.serving.figures import spread
from load.serving.servers import OURS, TORCH
from load.serving.table import MODELS, Results, floor

COLOURS = {OURS: "#0b5cad", TORCH: "#7fb0de"}
OTHER_COLOUR, FLOOR_COLOUR = "#a7afb8", "#c8442b"


def draw(results: Results, path: Path) -> None:
    """Draw a bar for each server, with the range of the repeats, and a line for the floor."""
    mpl.use("Agg")
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    for axes, model in zip(figure.subplots(len(MODELS), 1), MODELS, strict=True):
        named = [(k, one) for k, one in results.servers.items() if k.startswith(f"{model}/")][::-1]
        costs = [spread(one.cpu_us) for _, one in named]
        medians = [cost.median for cost in costs]
        reach = [
            [c.median - c.least for c in costs],
            [c.most - c.median for c in costs],
        ]
        colours = [COLOURS.get(key.partition("/")[2], OTHER_COLOUR) for key, _ in named]
        bars = axes.barh([one.title for _, one in named], medians, xerr=reach, color=colours)
        axes.bar_label(bars, [f"{cost:.0f}" for cost in medians], padding=6)
        least = spread(floor(results, model, prepared=False)).median
        axes.axvline(least, color=FLOOR_COLOUR, label=f"floor, {least:.0f} µs")
        axes.set_title(MODELS[model], loc="left")
        axes.set_xlabel("processor µs a request, less is better")
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="upper right", frameon=False)
    figure.savefig(path, dpi=120)
