"""Verdicts on SARIF, whichever tool wrote it."""

import json
from typing import Any

import pytest

from mnist_pipeline.gates.sarif import (
    REMARK,
    categories,
    categorised,
    judge,
    remarks,
    shelf,
    unfit,
)
from mnist_pipeline.gates.verdicts import (
    StageResult,
    green,
    not_run,
    red,
    remarked,
    status_json,
    summary,
)

CLEAN = json.dumps({"runs": [{"results": []}]})
FAULT = {
    "ruleId": "F401",
    "message": {"text": "`os` imported but unused"},
    "locations": [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "file:///src/ci/a.py"},
                "region": {"startLine": 7},
            }
        }
    ],
}
FAULTY = json.dumps({"runs": [{"results": [FAULT]}]})


def test_clean_sarif_is_green() -> None:
    """No result and exit code 0 are green, with the number of files where it is known."""
    assert judge("ruff", CLEAN, 0, "").status == "green"
    assert judge("hadolint", CLEAN, 0, "", files=3).counts == {"files": 3}


def test_a_fault_is_red_with_its_place() -> None:
    """The reason names file, line, rule and message, whatever the exit code."""
    for code in (0, 1):
        verdict = judge("ruff", FAULTY, code, "")
        assert verdict.reasons == ("ci/a.py:7: F401 `os` imported but unused",)


def test_a_clean_report_with_a_bad_exit_code_is_red() -> None:
    """Exit code 1 without a result is not taken for clean."""
    assert judge("ruff", CLEAN, 1, "").status == "red"


@pytest.mark.parametrize("text", ["", "{}", '{"runs": [{"results": [{}]}]}', "[]", "null"])
def test_malformed_sarif_is_not_run(text: str) -> None:
    """A report that is not SARIF is never green."""
    assert judge("ruff", text, 0, "").status == "not run"


def test_a_tool_without_files_is_not_run() -> None:
    """A tool that was given nothing to look at has found nothing out."""
    assert judge("hadolint", CLEAN, 0, "", files=0).reasons == ("hadolint was given no file",)


def test_a_broken_configuration_is_not_run() -> None:
    """Exit code 2 means that the tool could not work."""
    verdict = judge("ruff check", CLEAN, 2, "ruff failed\n  Cause: bad rule")
    assert verdict.reasons == ("ruff check ended with 2: Cause: bad rule",)


VALID: dict[str, Any] = {
    "version": "2.1.0",
    "runs": [{"tool": {"driver": {"name": "ruff"}}, "results": [FAULT]}],
}


def changed(*path: str | int, value: object) -> str:
    """The valid report with another value at a place."""
    report = json.loads(json.dumps(VALID))
    place = report
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(report)


def test_a_category_stands_in_every_run() -> None:
    """Reports that are uploaded together are told apart by it."""
    report = json.loads(categorised(json.dumps(VALID), "lint/ruff"))
    assert [run["automationDetails"] for run in report["runs"]] == [{"id": "lint/ruff/"}]
    assert report["runs"][0]["results"] == [FAULT]


RESULT = ("runs", 0, "results", 0)
REGION = (*RESULT, "locations", 0, "physicalLocation", "region")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "",
        changed("version", value="2.0.0"),
        changed("runs", 0, "tool", value={}),
        changed("runs", 0, "tool", "driver", "name", value=""),
        changed(*RESULT, "level", value="fatal"),
        changed(*RESULT, "message", value={}),
        changed(*RESULT, "ruleId", value=""),
        changed(*RESULT, "locations", value=[]),
        changed(*REGION, "startLine", value=0),
    ],
)
def test_what_is_not_sarif_has_no_category(text: str) -> None:
    """A report that breaks the standard is refused and not handed on."""
    with pytest.raises(ValueError, match="not SARIF"):
        categorised(text, "lint/ruff")


def said(status: str, *errors: tuple[str, str]) -> str:
    """What check-jsonschema says, as JSON."""
    faults = [{"filename": name, "path": "$.runs[0]", "message": text} for name, text in errors]
    return json.dumps({"status": status, "errors": faults, "parse_errors": []})


def test_what_breaks_the_schema_is_named_with_its_first_fault() -> None:
    """A report has one reason, where it is and what it is; one that keeps the schema has none."""
    text = said("fail", ("a.sarif", "'x' was unexpected"), ("a.sarif", "another"))
    assert unfit(text, "") == {"a.sarif": "$.runs[0]: 'x' was unexpected"}
    assert unfit(said("ok"), "") == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", said("fail"), said("ok", ("a.sarif", "bad"))])
def test_an_answer_that_cannot_be_read_is_an_error(text: str) -> None:
    """Silence, and an answer that contradicts itself, do not count as kept."""
    with pytest.raises(ValueError, match="not known"):
        unfit(text, "Traceback: no schema")


GOOD, BROKEN = "lint/ruff.sarif", "scan/source/source.sarif"


def test_what_is_refused_is_kept_from_the_shelf_and_told() -> None:
    """One report is handed over under its category; the other is named in a file and a remark."""
    kept, refused = categories({GOOD: json.dumps(VALID), BROKEN: "{}"})
    assert list(kept) == [GOOD]
    assert '"lint-ruff/"' in kept[GOOD]
    assert set(shelf(kept, refused)) == {"lint-ruff.sarif", "scan-source-source.refused.txt"}
    told = remarks([GOOD, BROKEN], refused)
    assert list(told) == ["scan"]
    assert told["scan"].status == "red"
    assert told["scan"].reasons[0].startswith(f"{BROKEN}: not SARIF")


def test_what_breaks_the_schema_is_put_aside() -> None:
    """A report that looked well at first is not handed over once the schema refuses it."""
    refused = {GOOD: "$.runs: [] is too short"}
    assert shelf({GOOD: "{}"}, refused) == {
        "lint-ruff.refused.txt": f"{GOOD}: $.runs: [] is too short\n"
    }


def test_reports_that_nobody_held_to_the_schema_are_told() -> None:
    """Every stage with a report says so, also one of whose reports is refused besides."""
    files = shelf({GOOD: "{}"}, {}, "no module")
    assert files == {"lint-ruff.sarif": "{}", "not-validated.txt": "no module\n"}
    told = remarks([GOOD, BROKEN], {BROKEN: "odd"}, "no module")
    assert told["lint"] == not_run("not held to the schema: no module")
    assert told["scan"] == red(f"{BROKEN}: odd", "not held to the schema: no module")


def test_valid_reports_need_no_word() -> None:
    """Where every report was held to the schema and keeps it, there is no remark."""
    assert remarks([GOOD, BROKEN], {}) == {}


def test_a_report_that_is_put_aside_is_told_and_turns_nothing_red() -> None:
    """status.json and summary.md name the report, and the run stays green."""
    results = [StageResult("lint", green(), 1.0, "ran"), StageResult("scan", green(), 1.0, "ran")]
    results = remarked(results, REMARK, remarks([GOOD, BROKEN], {BROKEN: "no runs"}))
    status = json.loads(status_json(results, 0.0, 1.0))
    assert status["passed"]
    assert status["sarif"]["status"] == "red"
    assert status["sarif"]["reason"] == f"{BROKEN}: no runs"
    assert "remarks" not in status["stages"]["lint"]
    assert f"| sarif | red |  |  | {BROKEN}: no runs |" in summary(results, 1.0)
