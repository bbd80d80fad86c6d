"""Verdicts on unused, undeclared and faulty dependencies."""

import json

import pytest

from mnist_pipeline.gates.dependencies import judge_audit, judge_deptry, judge_probe, unasked
from mnist_pipeline.gates.verdicts import green, not_run

UNUSED = {
    "error": {"code": "DEP002", "message": "'httpx' defined as a dependency but not used"},
    "module": "httpx",
    "location": {"file": "pyproject.toml", "line": None, "column": None},
}
FAULTY = {
    "name": "requests",
    "version": "2.19.0",
    "vulns": [{"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"]}],
}
SOUND = {"name": "numpy", "version": "2.5.5", "vulns": []}
SKIPPED = {"name": "numpy", "skip_reason": "Dependency not found on PyPI"}


def report(*packages: object) -> str:
    """A report of pip-audit."""
    return json.dumps({"dependencies": packages})


def test_used_and_declared_dependencies_are_green() -> None:
    """An empty list and exit code 0 are green."""
    assert judge_deptry("ci", "[]", 0, "").counts == {"projects": 1}


def test_an_unused_dependency_is_red() -> None:
    """The reason names project, file and package."""
    (reason,) = judge_deptry("apps/backend", json.dumps([UNUSED]), 1, "").reasons
    assert reason.startswith("apps/backend/pyproject.toml: DEP002 'httpx'")


@pytest.mark.parametrize(
    ("text", "exit_code", "status"),
    [("[]", 1, "red"), ("", 0, "not run"), ("[{}]", 1, "not run"), ("[]", 2, "not run")],
)
def test_odd_answers_of_deptry_are_never_green(text: str, exit_code: int, status: str) -> None:
    """A bad exit code and a malformed report are not taken for clean."""
    assert judge_deptry("ci", text, exit_code, "").status == status


@pytest.mark.parametrize("text", [report(SOUND), report(SKIPPED), report(), "", "null"])
def test_an_index_without_advisories_is_not_run(text: str) -> None:
    """Where a package known to be faulty has no fault, nothing can be said of others."""
    assert judge_probe(text, "no answer").status == "not run"
    assert judge_audit(judge_probe(text, ""), {"a.lock": report(SOUND)}).status == "not run"


def test_a_known_fault_is_red() -> None:
    """The reason names lock, package, fault and the version that repairs it."""
    assert judge_probe(report(FAULTY), "").status == "green"
    verdict = judge_audit(green(), {"a.lock": report(SOUND, FAULTY)})
    assert verdict.reasons == ("a.lock: requests 2.19.0: PYSEC-2018-28, fixed in 2.20.0",)


def test_sound_packages_are_green() -> None:
    """Only packages that were answered for count."""
    assert judge_audit(green(), {"a.lock": report(SOUND, SKIPPED)}).counts == {"packages": 1}


@pytest.mark.parametrize("text", [report(SKIPPED), "", "null", '{"dependencies": [1]}'])
def test_an_audit_of_nothing_is_not_run(text: str) -> None:
    """Packages that were skipped were not audited."""
    assert judge_audit(green(), {"a.lock": text}).status == "not run"


def test_the_reason_of_the_probe_is_kept() -> None:
    """The verdict says why nothing could be audited."""
    assert judge_audit(not_run("no index"), {}).reasons == ("no index",)


@pytest.mark.parametrize(
    ("text", "log", "absent"),
    [
        (report(SOUND), "", True),
        ("", "requests.exceptions.SSLError: HTTPSConnectionPool(host='index')", True),
        ("", "ReadTimeoutError: the read timed out", True),
        ("", "pip-audit: error: unrecognized arguments: --progress", False),
        ("{", "Traceback (most recent call last):\nKeyError: 'vulns'", False),
    ],
)
def test_an_index_that_is_not_there_is_told_from_a_tool_that_breaks(
    text: str, log: str, absent: bool
) -> None:
    """Only where nobody could be asked is the audit none of this network's."""
    assert unasked(text, log) is absent
