"""Verdicts on SARIF, whichever tool wrote it."""

import json
from typing import Any

import pytest

from mnist_pipeline.gates.sarif import categorised, judge, unfit

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
