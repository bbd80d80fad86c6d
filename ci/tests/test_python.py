"""Verdicts on ruff's formatter, mypy and the tests of semgrep's rules."""

import pytest

from mnist_pipeline.gates.python import judge_format, judge_mypy, judge_semgrep_rules


def test_formatted_files_are_green() -> None:
    """The formatter says how many files it looked at."""
    assert judge_format(0, "84 files already formatted\n").counts == {"files": 84}


def test_an_unformatted_file_is_red() -> None:
    """The reason names the file."""
    log = (
        "unformatted: File would be reformatted\n  --> ci/a.py:57:1\n1 file would be reformatted\n"
    )
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


RULES = "rules:\n  - id: one\n    languages: [python]\n  - id: two\n"


def test_rules_that_find_their_examples_are_green() -> None:
    """Every rule has a test, and all of them passed."""
    log = "2/2: \u2713 All tests passed\n"
    assert judge_semgrep_rules(RULES, 0, log).counts == {"rules": 2}


def test_a_rule_that_misses_its_example_is_red() -> None:
    """The reason says which lines were missed."""
    log = "1/2: 1 unit tests did not pass:\n\tone\n\tmissed lines: [40], incorrect lines: []\n"
    assert judge_semgrep_rules(RULES, 1, log).reasons == (
        "missed lines: [40], incorrect lines: []",
    )


@pytest.mark.parametrize(
    ("exit_code", "log", "status"),
    [
        (0, "1/1: \u2713 All tests passed\n", "not run"),
        (0, "", "not run"),
        (1, "", "red"),
        (2, "invalid rule", "not run"),
    ],
)
def test_rules_without_tests_are_never_green(exit_code: int, log: str, status: str) -> None:
    """Fewer tests than rules, silence and a broken rule are not taken for clean."""
    assert judge_semgrep_rules(RULES, exit_code, log).status == status
