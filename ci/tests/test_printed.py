"""Verdicts on faults that tools print one a line."""

import json

import pytest

from mnist_pipeline.gates.printed import commits, judge, sarif
from mnist_pipeline.gates.sarif import invalid

SHELL = "./a/b.sh:4:9: warning: x appears unused. Verify use (or export). [SC2034]\n"
WORKFLOW = (
    '.github/workflows/ci.yml:7:3: unexpected key "job" for "workflow" section [syntax-check]\n'
)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (SHELL, "a/b.sh:4: SC2034 warning: x appears unused. Verify use (or export)."),
        (
            WORKFLOW,
            '.github/workflows/ci.yml:7: syntax-check unexpected key "job" for "workflow" section',
        ),
        ("/src/a.sh:1: no rule is named\n", "a.sh:1: tool no rule is named"),
    ],
)
def test_a_printed_fault_is_red(log: str, reason: str) -> None:
    """The reason names file, line, rule and message."""
    assert judge("tool", 1, log, 1).reasons == (reason,)


def test_silence_is_green() -> None:
    """No line and exit code 0 are green, with how many files there were."""
    assert judge("shellcheck", 0, "", 5).counts == {"files": 5}


@pytest.mark.parametrize(
    ("exit_code", "log", "files", "status"),
    [
        (0, SHELL, 1, "red"),
        (1, "", 1, "red"),
        (2, "no such file", 1, "not run"),
        (0, "", 0, "not run"),
    ],
)
def test_what_is_odd_is_never_green(exit_code: int, log: str, files: int, status: str) -> None:
    """A fault, a bad exit code and a tool without files are not taken for clean."""
    assert judge("shellcheck", exit_code, log, files).status == status


def test_printed_faults_are_told_as_sarif() -> None:
    """Each fault is a result with its place and rule."""
    report = json.loads(sarif("shellcheck", SHELL))
    assert invalid(report) == []
    (run,) = report["runs"]
    assert run["tool"]["driver"] == {"name": "shellcheck", "rules": [{"id": "SC2034"}]}
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "a/b.sh"},
        "region": {"startLine": 4, "startColumn": 9},
    }


@pytest.mark.parametrize(
    ("log", "number"),
    [("\x1b[1m109 commits scanned.\x1b[0m", 109), ("0 commits scanned", 0), ("", 0)],
)
def test_commits_are_counted_as_gitleaks_says(log: str, number: int) -> None:
    """A run that says nothing of commits has looked at none."""
    assert commits(log) == number
