"""Every panel of every dashboard shows something, and shows it right."""

import json
import re
from pathlib import Path
from typing import Any

import asking
import pictures
import pytest
from runbook import STEPS
from scenario import Rehearsal

from conftest import dashboards, drawn

PANELS = [(board, panel) for board in dashboards() for panel in board["panels"]]
FEWEST_POINTS = 10
SHARES = (-0.001, 1.001)  # within which a share lies; a rounding error may lie beside it
UNBOUNDED = {"Budget left", "Digits more often than in the reference"}  # shares that may be below 0
UNMEASURED = "Unmeasured"  # alerts of what is absent: their entries say how to see that it is


def name(board: dict[str, Any], panel: dict[str, Any]) -> str:
    """A panel in words."""
    return f"{board['uid']}: {panel['title']}"


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=[name(*pair) for pair in PANELS])
def test_a_panel_shows_something(
    rehearsal: Rehearsal, board: dict[str, Any], panel: dict[str, Any]
) -> None:
    """Each expression has values, whose series carry the labels that name them."""
    for target in panel["targets"]:
        lines = [line for line in drawn(target["expr"], rehearsal) if line.points]
        assert lines, f"{name(board, panel)} is empty: {target['expr']}"
        assert max(len(line.points) for line in lines) >= FEWEST_POINTS
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            lacking = [line.labels for line in lines if not line.labels.get(label)]
            assert lacking == [], f"{name(board, panel)} names its series by {label}"
        if panel["fieldConfig"]["defaults"]["unit"] == "percentunit":
            values = [value for line in lines for _, value in line.points]
            least = float("-inf") if panel["title"] in UNBOUNDED else SHARES[0]
            assert least <= min(values) <= max(values) <= SHARES[1]


def test_each_variable_has_something_to_choose(rehearsal: Rehearsal) -> None:
    """The labels that a reader may choose by have values."""
    assert rehearsal.ended
    variables = [
        variable
        for board in dashboards()
        for variable in board["templating"]["list"]
        if variable["type"] == "query"
    ]
    assert variables
    for variable in variables:
        metric = variable["definition"].removeprefix("label_values(").rpartition(",")[0]
        found = asking.between(metric, rehearsal.started, rehearsal.ended, 1)
        assert any(line.labels.get(variable["name"]) for line in found), variable["definition"]


def test_what_visitors_got_is_what_is_counted(rehearsal: Rehearsal) -> None:
    """Prometheus counts as many failed look-backs as the visitors do, within two hundredths."""
    (got,) = (part.failed for part in rehearsal.parts if part.name == "errors")
    failed = 'http_requests_total{job="backend", route="/api/v1/predictions/{id}", status="503"}'
    (line,) = asking.now(f"sum(max_over_time({failed}[1h]))")  # replicas begin anew at 0
    counted = line.points[0][1]
    assert got > 0
    assert abs(counted - got) <= 0.02 * got, f"visitors got {got}, the replicas counted {counted}"


def test_what_the_runbook_asks_can_be_asked(rehearsal: Rehearsal) -> None:
    """Every expression that the runbook gives is understood by Prometheus."""
    assert rehearsal.ended
    asked = [expression for entry in STEPS.values() for expression in entry]
    assert len(asked) > 10
    for expression in asked:
        asking.now(expression)


def test_the_runbook_tells_something_while_its_alert_fires(
    rehearsal: Rehearsal, reports: Path
) -> None:
    """Whoever is told of an alert and asks what its entry says gets an answer, then and there."""
    (reports / "runbook.json").write_text(json.dumps(rehearsal.tried, indent=1))
    fired = {alert.partition(" ")[0] for part in rehearsal.parts for alert in part.expected}
    assert {*rehearsal.tried} == fired
    silent = {}
    for name, told in rehearsal.tried.items():
        nothing = [expression for expression, series in told.items() if not series]
        if nothing and (not name.endswith(UNMEASURED) or len(nothing) == len(told)):
            silent[name] = nothing
    assert silent == {}


def test_every_dashboard_is_drawn(rehearsal: Rehearsal, reports: Path) -> None:
    """A picture of each is in the evidence, made of the very file that Grafana is given."""
    for board in dashboards():
        path = reports / f"dashboard-{board['uid']}.png"
        pictures.draw(board, rehearsal, path)
        assert path.stat().st_size > 20_000
