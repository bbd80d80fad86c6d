"""The dashboards, as grafana/dashboards.toml describes them.

Contract: a limit is a number or the name of one that objectives.toml states; what is unknown raises
`DashboardInvalidError` with the dashboard, the panel and what there is. Does not know how Grafana
writes a panel, or what an expression means.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitoring.objectives import FOLDER, Objectives, seconds
from monitoring.panels import Dashboard, Panel, Query, Variable


class DashboardInvalidError(ValueError):
    """dashboards.toml names something that is not there."""


def limits(objectives: Objectives) -> dict[str, float]:
    """The numbers of objectives.toml that a panel may draw as its limit, by name."""
    budgets = {f"{o.name}.budget": float(o.budget) for o in objectives.objectives}
    return {
        **budgets,
        "burn.fastest": float(max(burn.rate for burn in objectives.burns)),
        "resources.limit": float(objectives.resources.limit),
        "accuracy.target": float(objectives.accuracy.limit),
        "drift.major": float(objectives.major_drift.limit),
        "drift.floor": float(objectives.major_drift.floor),
    }


def panel(table: Mapping[str, Any], where: str, known: Mapping[str, float]) -> Panel:
    """One panel."""
    limit = table.get("limit")
    if isinstance(limit, str) and limit not in known:
        message = f"{where}: limit is {limit!r}, but must be a number or of {', '.join(known)}"
        raise DashboardInvalidError(message)
    missing = [name for name in ("title", "unit", "tells", "queries") if not table.get(name)]
    if missing:
        message = f"{where}: a panel needs {', '.join(missing)}"
        raise DashboardInvalidError(message)
    return Panel(
        title=table["title"],
        unit=table["unit"],
        tells=table["tells"],
        queries=tuple(Query(*query) for query in table["queries"]),
        limit=known[limit] if isinstance(limit, str) else limit,
        stacked=table.get("stacked", False),
    )


def dashboard(table: Mapping[str, Any], known: Mapping[str, float]) -> Dashboard:
    """One dashboard."""
    panels = (
        panel(p, f"dashboards.toml: {table['uid']}: {p.get('title', i)}", known)
        for i, p in enumerate(table["panel"])
    )
    variables = (Variable(*variable) for variable in table.get("variables", ()))
    return Dashboard(table["uid"], table["title"], table["tells"], (*panels,), (*variables,))


def dashboards(
    objectives: Objectives, path: Path = FOLDER / "grafana/dashboards.toml"
) -> list[Dashboard]:
    """Every dashboard.

    Raises:
        DashboardInvalidError: a panel lacks something or names an unknown limit.
    """
    text = path.read_text(encoding="utf-8").replace("$window", objectives.window)
    text = text.replace("$seconds", str(seconds(objectives.window)))
    known = limits(objectives)
    return [dashboard(table, known) for table in tomllib.loads(text)["dashboard"]]
