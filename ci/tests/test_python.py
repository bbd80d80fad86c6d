"""Verdicts on ruff and mypy."""

import json

import pytest

from mnist_pipeline.gates.python import judge_format, judge_mypy, judge_ruff

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


def test_clean_sarif_is_green() -> None:
    """No result and exit code 0 are green."""
    assert judge_ruff(CLEAN, 0, "").status == "green"


def test_a_lint_fault_is_red_with_its_place() -> None:
    """The reason names file, line, rule and message."""
    verdict = judge_ruff(json.dumps({"runs": [{"results": [FAULT]}]}), 1, "")
    assert verdict.reasons == ("ci/a.py:7: F401 `os` imported but unused",)


def test_a_clean_report_with_a_bad_exit_code_is_red() -> None:
    """Exit code 1 without a result is not taken for clean."""
    assert judge_ruff(CLEAN, 1, "").status == "red"


@pytest.mark.parametrize("sarif", ["", "{}", '{"runs": [{"results": [{}]}]}', "[]", "null"])
def test_malformed_sarif_is_not_run(sarif: str) -> None:
    """A report that is not SARIF is never green."""
    assert judge_ruff(sarif, 0, "").status == "not run"


def test_a_broken_configuration_is_not_run() -> None:
    """Exit code 2 means that ruff could not work."""
    verdict = judge_ruff(CLEAN, 2, "ruff failed\n  Cause: bad rule")
    assert verdict.reasons == ("ruff check ended with 2: Cause: bad rule",)


def test_formatted_files_are_green() -> None:
    """The formatter says how many files it looked at."""
    assert judge_format(0, "84 files already formatted\n").counts == {"files": 84}


def test_an_unformatted_file_is_red() -> None:
    """The reason names the file."""
    log = "Would reformat: ci/a.py\n1 file would be reformatted, 3 files already formatted\n"
    assert judge_format(1, log).reasons == ("ci/a.py: is not formatted",)


@pytest.mark.parametrize(
    ("code", "log", "status"),
    [
        (0, "", "not run"),
        (0, "0 files already formatted", "not run"),
        (1, "error: cannot parse", "red"),
        (2, "ruff failed", "not run"),
    ],
)
def test_formatting_nothing_is_not_green(code: int, log: str, status: str) -> None:
    """A formatter that saw no file, or failed, has not judged."""
    assert judge_format(code, log).status == status


def test_typed_files_are_green() -> None:
    """Mypy says how many files it looked at."""
    assert judge_mypy(0, "Success: no issues found in 12 source files").counts == {"files": 12}


def test_a_type_error_is_red_with_its_place() -> None:
    """Errors are reasons, notes are not."""
    log = "a.py:3: error: Bad  [misc]\na.py:3: note: see docs\nFound 1 error in 1 file\n"
    assert judge_mypy(1, log).reasons == ("a.py:3: error: Bad  [misc]",)


@pytest.mark.parametrize(
    ("code", "log"), [(0, ""), (2, "mypy: can't read file"), (1, ""), (0, "in 0 source files")]
)
def test_a_type_check_that_says_nothing_is_not_run(code: int, log: str) -> None:
    """Without mypy's own sentence nothing counts as typed."""
    assert judge_mypy(code, log).status == "not run"
