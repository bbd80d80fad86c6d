"""Draws dashboards without Grafana, of the files that Grafana is given.

Contract: every panel stands where its file puts it, with its title, unit, lines, limit and legend;
the parts of the rehearsal are told below. Does not know whether a panel is right.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from asking import Line
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scenario import Part, Rehearsal

from conftest import drawn

mpl.use("Agg")
COLUMNS = 24  # of a dashboard
INCHES = 0.75  # a column
SUFFIX = {"percentunit": "share", "s": "s", "Bps": "B/s", "bytes": "B"}
LEGEND_ENTRIES = 10
GAP_SECONDS = 3  # without a value, after which a line ends
LABEL_CHARACTERS = 30


def legend(template: str, line: Line) -> str:
    """The name of a series."""
    for label, value in line.labels.items():
        template = template.replace(f"{{{{{label}}}}}", value)
    if len(template) <= LABEL_CHARACTERS:
        return template
    return f"{template[: LABEL_CHARACTERS // 2]}…{template[-LABEL_CHARACTERS // 2 :]}"


def panel(axes: Axes, content: dict[str, Any], rehearsal: Rehearsal) -> None:
    """One panel."""
    defaults = content["fieldConfig"]["defaults"]
    lines = [
        (legend(target["legendFormat"], line), {at - rehearsal.started: v for at, v in line.points})
        for target in content["targets"]
        for line in drawn(target["expr"], rehearsal)
    ]
    if defaults["custom"]["stacking"]["mode"] == "normal":
        stack(axes, lines)
    else:
        for label, points in lines:
            axes.plot(*broken(points), linewidth=1, label=label)
    for step in defaults["thresholds"]["steps"][1:]:
        axes.axhline(step["value"], color="firebrick", linewidth=0.8, linestyle="--")
    axes.set_title(content["title"], fontsize=9, loc="left")
    axes.set_ylabel(SUFFIX.get(defaults["unit"], defaults["unit"]), fontsize=7)
    axes.tick_params(labelsize=6)
    axes.set_xlim(0, rehearsal.ended - rehearsal.started)
    handles, labels = axes.get_legend_handles_labels()
    shown = handles[:LEGEND_ENTRIES], labels[:LEGEND_ENTRIES]
    axes.legend(*shown, fontsize=5, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    shade(axes, rehearsal.parts, rehearsal.started)


def broken(points: dict[float, float]) -> tuple[list[float], list[float]]:
    """A line's times and values, with NaN wherever there was no value for a while."""
    times: list[float] = []
    values: list[float] = []
    for at, value in points.items():
        if times and at - times[-1] > GAP_SECONDS:
            times.append(times[-1])
            values.append(float("nan"))
        times.append(at)
        values.append(value)
    return times, values


def stack(axes: Axes, lines: list[tuple[str, dict[float, float]]]) -> None:
    """Lines upon each other; what has no value at a time adds nothing there."""
    times = sorted({at for _, points in lines for at in points})
    heights = [[points.get(at, 0.0) for at in times] for _, points in lines]
    axes.stackplot(times, heights, labels=[label for label, _ in lines], alpha=0.75)


def shade(axes: Axes, parts: Iterable[Part], started: float) -> None:
    """Every other part of the rehearsal, so that it can be seen what happened when."""
    for number, part in enumerate(parts):
        left, right = part.started - started, part.ended - started
        axes.axvspan(left, right, color="0.93" if number % 2 else "1.0", zorder=-1)
        place = {"transform": axes.get_xaxis_transform(), "fontsize": 5, "color": "0.35"}
        axes.text(left + 0.5, 0.98, part.name, rotation=90, ha="left", va="top", **place)


def draw(board: dict[str, Any], rehearsal: Rehearsal, path: Path) -> None:
    """One dashboard as a picture."""
    rows = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"])
    figure = Figure(figsize=(COLUMNS * INCHES, rows * INCHES * 0.45 + 0.6), layout="constrained")
    grid = figure.add_gridspec(rows, COLUMNS)
    for content in board["panels"]:
        place = content["gridPos"]
        y, x = place["y"], place["x"]
        axes = figure.add_subplot(grid[y : y + place["h"], x : x + place["w"]])
        panel(axes, content, rehearsal)
    figure.suptitle(f"{board['title']}: {board['description']}", fontsize=12, ha="left", x=0.01)
    figure.savefig(path, dpi=80)
