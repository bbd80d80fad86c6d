"""The committed files are those that objectives.toml makes."""

from pathlib import Path

import pytest
import yaml

from monitoring.generated import files

MADE = files()
LIMITS = {  # by objective and window: worked out by hand, 14.4, 6, 3 and 1 times the budget
    ("availability", "1h"): "0.0144",
    ("availability", "6h"): "0.006",
    ("availability", "1d"): "0.003",
    ("availability", "3d"): "0.001",
    ("latency", "1h"): "0.72",
    ("latency", "6h"): "0.3",
    ("latency", "1d"): "0.15",
    ("latency", "3d"): "0.05",
    ("errors", "1h"): "0.0144",
    ("errors", "6h"): "0.006",
    ("errors", "1d"): "0.003",
    ("errors", "3d"): "0.001",
}
SHORT = {"1h": "5m", "6h": "30m", "1d": "2h", "3d": "6h"}
EVIDENCE = {"1h": "1h", "6h": "6h", "1d": "2h", "3d": "6h"}
FLOOR = {"availability": "30", "latency": "360", "errors": "360"}


@pytest.mark.parametrize("name", MADE)
def test_a_committed_file_is_what_would_be_made(name: str, folder: Path) -> None:
    """Nobody changed a generated file by hand, or objectives.toml without making them anew."""
    assert (folder / name).read_text(encoding="utf-8") == MADE[name], (
        "run `python3 -m monitoring write` and commit what it changes"
    )


def test_no_dashboard_is_left_over(folder: Path) -> None:
    """A file of a dashboard that is no longer described would still be provisioned."""
    kept = {f"grafana/dashboards/{p.name}" for p in (folder / "grafana/dashboards").iterdir()}
    assert kept == {name for name in MADE if name.startswith("grafana/")}


@pytest.mark.parametrize(("objective", "window"), LIMITS)
def test_a_burning_budget_is_told_at_the_rate_of_the_workbook(objective: str, window: str) -> None:
    """The expression has both windows, the limit worked out by hand, and the evidence."""
    groups = yaml.safe_load(MADE["rules/alerts.rules.yml"])["groups"]
    labels = {"objective": objective, "window": window}
    (rule,) = (
        rule
        for group in groups
        for rule in group["rules"]
        if labels.items() <= rule["labels"].items() and rule["alert"].endswith("BudgetBurn")
    )
    limit, chosen = LIMITS[objective, window], f'{{objective="{objective}"}}'
    assert rule["expr"] == (
        f"objective:bad:ratio{window}{chosen} > {limit}\n"
        f"and objective:bad:ratio{SHORT[window]}{chosen} > {limit}\n"
        f"and objective:events:increase{EVIDENCE[window]}{chosen} >= {FLOOR[objective]}"
    )
    assert rule["labels"]["severity"] == ("page" if window in {"1h", "6h"} else "ticket")
