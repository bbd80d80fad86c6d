"""What every dashboard keeps to, wherever it is shown."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from monitoring.dashboards import DashboardInvalidError, dashboards
from monitoring.objectives import read

FOLDER = Path(__file__).resolve().parents[1]
UNITS = {"percentunit", "short", "s", "reqps", "ops", "bytes", "Bps"}
COUNTERS = ("_total", "_bucket", "_count", "_sum")
GAUGES = {"pg_stat_activity_count"}  # named as counters are
CHOICES = {"$__rate_interval": "5m", "$instance": ".+", "$model_version": ".+"}
FAULTS = {  # an expression, and what is said of it
    "rate(http_requests_total[5m": "does not parse",
    "http_requests_total": "counter without a rate",
    "rate(http_requests_total[5m])": "span of its own",
    "objective:bad:ratio7m": "records nothing",
    'up{instance=~"$replica"}': "unknown variable",
}


def boards() -> list[dict[str, Any]]:
    """Every dashboard as it is committed."""
    paths = sorted((FOLDER / "grafana/dashboards").glob("*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def recorded() -> set[str]:
    """The series that rules record."""
    texts = (p.read_text(encoding="utf-8") for p in (FOLDER / "rules").glob("*.rules.yml"))
    groups = [group for text in texts for group in yaml.safe_load(text)["groups"]]
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def parts(node: Any, *, ranged: bool = False) -> Iterator[tuple[str, bool]]:  # noqa: ANN401
    """The name of every series in an expression, and whether a span of it is looked at."""
    if isinstance(node, promql_parser.VectorSelector):
        yield str(node.name), ranged
    for name in ("lhs", "rhs", "expr"):
        if hasattr(node, name):
            yield from parts(getattr(node, name), ranged=ranged)
    for argument in getattr(node, "args", ()):
        yield from parts(argument, ranged=ranged)
    if isinstance(node, promql_parser.MatrixSelector):
        yield from parts(node.vector_selector, ranged=True)


def faults(expression: str, known: set[str]) -> list[str]:
    """What is wrong with an expression."""
    asked = expression
    for variable, value in CHOICES.items():
        asked = asked.replace(variable, value)
    if "$" in asked.replace('"$1"', ""):
        return [f"{expression} has an unknown variable"]
    try:
        tree = promql_parser.parse(asked)
    except ValueError as error:
        return [f"{expression} does not parse: {error}"]
    found = []
    for name, ranged in parts(tree):
        if ":" in name and name not in known:
            found.append(f"{name} records nothing")
        if name.endswith(COUNTERS) and name not in GAUGES and not ranged:
            found.append(f"{name} is a counter without a rate")
        if ranged and "[$__rate_interval]" not in expression and "[1d]" not in expression:
            found.append(f"{name} is looked at over a span of its own: {expression}")
    return found


@pytest.mark.parametrize("board", boards(), ids=lambda board: board["uid"])
def test_a_dashboard_keeps_to_the_rules(board: dict[str, Any]) -> None:
    """Its source can be chosen, it is documented, and every expression is sound."""
    known, found = recorded(), []
    assert board["templating"]["list"][0]["type"] == "datasource"
    for panel in board["panels"]:
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            found += faults(target["expr"], known)
    assert found == []


def test_panels_do_not_overlap() -> None:
    """No two panels of a dashboard have one place."""
    for board in boards():
        places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
        assert len({*places}) == len(places), board["uid"]


@pytest.mark.parametrize(("expression", "said"), FAULTS.items())
def test_a_fault_is_found(expression: str, said: str) -> None:
    """An expression that breaks a rule is named with the rule."""
    assert any(said in fault for fault in faults(expression, {"objective:bad:ratio5m"}))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('limit = "errors.budget"', 'limit = "errors.bugdet"', r"Share of failed.*errors\.bugdet"),
        ('unit = "reqps"', 'unit = ""', r"Requests by route: a panel needs unit"),
    ],
)
def test_a_panel_that_lacks_something_is_named(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    """The error says which panel, and what there is."""
    text = (FOLDER / "grafana/dashboards.toml").read_text(encoding="utf-8")
    path = tmp_path / "dashboards.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DashboardInvalidError, match=said):
        dashboards(read(), path)
