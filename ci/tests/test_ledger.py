"""The ledger of releases, and the figures that follow from it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from mnist_pipeline.gates.decision import Decision
from mnist_pipeline.gates.ledger import (
    LedgerMalformedError,
    appended,
    entries,
    failure_ratio,
    figures,
    lead_time_seconds,
    of,
    prometheus,
    restorations,
)
from mnist_pipeline.gates.policy import Ruling

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def line(action: str, days_ago: float, **more: object) -> str:
    """One line of a ledger, of production unless it says otherwise."""
    finished = (NOW - timedelta(days=days_ago)).isoformat()
    told: dict[str, object] = {"action": action, "environment": "production", "finished": finished}
    if action in {"publish", "promote"}:
        told |= {"verdict": "green", "rehearsal": False}
    return json.dumps({**told, **more}) + "\n"


LEDGER = (
    line("publish", 20, committed=(NOW - timedelta(days=20.5)).isoformat())
    + line("promote", 10, committed=(NOW - timedelta(days=12)).isoformat())
    + line("incident", 9)
    + line("restored", 8.5)
    + line("promote", 2)
    + line("incident", 1)
    + line("promote", 0.75)
    + line("incident", 0.5)
)


def test_the_four_figures_follow_from_the_ledger() -> None:
    """Frequency, lead time, failure ratio and time to restore are counted as they are defined."""
    found = figures(entries(LEDGER))
    assert found["release_deployments"] == 4
    assert found["release_deployments_per_day"] == pytest.approx(4 / 30)
    assert found["release_lead_time_seconds"] == pytest.approx(1.25 * 86400)
    assert found["release_change_failure_ratio"] == pytest.approx(3 / 4)
    assert found["release_time_to_restore_seconds"] == pytest.approx(0.375 * 86400)
    assert found["release_incidents_open"] == 1


def test_what_is_not_known_is_left_out() -> None:
    """Without deployments there is no lead time, no ratio and no time to restore, and not zero."""
    assert (lead_time_seconds([]), failure_ratio([])) == (None, None)
    assert restorations([]) == ([], 0)
    text = prometheus([], NOW)
    assert 'release_deployments{environment="dev"} 0' in text
    assert "release_lead_time_seconds{" not in text


@pytest.mark.parametrize("more", [{"verdict": "red"}, {"rehearsal": True}])
def test_what_was_refused_or_rehearsed_is_no_deployment(more: dict[str, object]) -> None:
    """Only what reached users counts."""
    assert entries(line("publish", 1, **more)) == []


def test_figures_are_of_one_environment_and_of_thirty_days() -> None:
    """What happened elsewhere or long ago does not count."""
    text = line("publish", 31) + line("publish", 1, environment="dev") + line("promote", 1)
    assert len(of(entries(text), "production", NOW)) == 1


def test_two_incidents_after_one_deployment_are_one_failed_change() -> None:
    """The ratio counts deployments that failed, so it is never above 1."""
    text = line("publish", 3) + line("incident", 2) + line("incident", 1)
    assert failure_ratio(entries(text)) == 1


def test_a_decision_is_an_entry() -> None:
    """What publish prints is appended as one line and read back."""
    known = {"finished": NOW.isoformat(), "committed": NOW.isoformat()}
    decision = Decision("publish", "dev", False, {"all": [Ruling("a", "passed")]}, {}, known)
    ledger = appended(line("incident", 1).rstrip(), decision.text())
    assert len(ledger.splitlines()) == 2
    assert entries(ledger)[1].action == "publish"


def test_metrics_are_in_the_text_form() -> None:
    """Each metric has its help and type, and a sample for each environment that has one."""
    lines = prometheus(entries(LEDGER), NOW).splitlines()
    assert "# TYPE release_lead_time_seconds gauge" in lines
    assert 'release_incidents_open{environment="production"} 1' in lines
    assert all(text.startswith("# ") or text.count(" ") == 1 for text in lines)


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "{}",
        line("deploy", 1),
        line("incident", 1, environment="prod"),
        line("incident", 1, finished="2026-11-25T10:00:00"),
        line("incident", 1, finished="yesterday"),
    ],
)
def test_a_line_that_is_no_entry_is_an_error_with_its_number(text: str) -> None:
    """A ledger that cannot be read gives no figures, and the line is named."""
    with pytest.raises(LedgerMalformedError, match="line 2"):
        entries(line("publish", 1) + text)
