"""A rehearsal is green only if every promise was kept."""

import json

import pytest

from mnist_pipeline.gates.rehearsal import judge

ROW = {"name": "good release", "faults": [], "loaded": True, "allowed": 0, "sent": 900, "failed": 0}


def judged(*rows: dict[str, object], planned: tuple[str, ...] = ("good release",)) -> str:
    """The status and the first reason of a report."""
    verdict = judge(json.dumps({"planned": planned, "scenarios": rows}), 0, "the end")
    return f"{verdict.status}: {' '.join(verdict.reasons)}"


def test_kept_promises_are_green() -> None:
    """What was promised and sent, and nothing failed."""
    verdict = judge(json.dumps({"planned": ["good release"], "scenarios": [ROW]}), 0, "")
    assert verdict.passed
    assert verdict.counts == {"scenarios": 1, "requests": 900}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"failed": 1}, "1 of 900 requests failed"),
        ({"sent": 0}, "no request was sent"),
        ({"faults": ["release-1 answers"]}, "release-1 answers"),
        ({"detected_seconds": 15.1}, "detected after 15.1 s"),
        ({"back_seconds": 2.1}, "back after 2.1 s"),
    ],
)
def test_a_broken_promise_is_red(change: dict[str, object], reason: str) -> None:
    """Each broken promise alone is told with its scenario."""
    told = judged(ROW | change)
    assert told.startswith("red: good release: ")
    assert reason in told


def test_a_scenario_that_is_missing_is_red() -> None:
    """What was planned and not rehearsed is named."""
    assert judged(ROW, planned=("good release", "rollback")) == "red: rollback: was not rehearsed"


@pytest.mark.parametrize(
    ("text", "code"), [("", 1), ("{}", 0), ('{"planned": [], "scenarios": []}', 0)]
)
def test_no_report_is_not_run(text: str, code: int) -> None:
    """Nothing was rehearsed, whatever the exit code says."""
    assert judge(text, code, "it broke").status == "not run"


def test_a_bad_end_is_never_green() -> None:
    """A report without faults beside an exit code that tells of one is not believed."""
    text = json.dumps({"planned": ["good release"], "scenarios": [ROW]})
    assert judge(text, 1, "it broke").status == "not run"
