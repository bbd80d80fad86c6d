"""The scanner's own test, and what it kept out of its reports."""

import json
from datetime import date
from typing import Any

import pytest

from mnist_pipeline.gates.trivy import (
    judge_canary,
    judge_planted,
    judge_source,
    judge_statements,
)
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red
from mnist_pipeline.gates.vex import JUSTIFICATIONS, Statement

SECRET: dict[str, Any] = {
    "Target": "id_rsa",
    "Class": "secret",
    "Secrets": [{"RuleID": "private-key", "Severity": "HIGH", "StartLine": 1, "Title": "A key"}],
}
ROOT: dict[str, Any] = {
    "Target": "Dockerfile",
    "Class": "config",
    "Misconfigurations": [
        {"ID": "DS-0002", "Severity": "HIGH", "Status": "FAIL", "Title": "root user"}
    ],
}
VULNERABLE: dict[str, Any] = {
    "Target": "requirements.txt",
    "Class": "lang-pkgs",
    "Vulnerabilities": [
        {
            "VulnerabilityID": "CVE-2026-0002",
            "Severity": "LOW",
            "PkgName": "x",
            "InstalledVersion": "1",
        }
    ],
}
SOURCE: list[dict[str, Any]] = [
    {"Target": "apps/Dockerfile", "Class": "config"},
    {"Target": "requirements.lock", "Class": "lang-pkgs", "Packages": [{"Name": "a"}] * 20},
]
STATED = Statement("CVE-2026-0001", "pkg:pypi/x", JUSTIFICATIONS[2], "nobody calls it")


def told(*results: dict[str, Any]) -> str:
    """A report with these results."""
    return json.dumps({"Results": results})


def of_source(*results: dict[str, Any]) -> Verdict:
    """The verdict on a source whose report has these results, too."""
    return judge_source(told(*SOURCE, *results), [], date(2026, 11, 23), vulnerabilities=True)


def licensed(name: str, category: str = "forbidden") -> dict[str, Any]:
    """A result with one licence."""
    found = {"Name": name, "Severity": "HIGH", "Category": category, "PkgName": "x"}
    return {"Target": "Python", "Class": "license", "Licenses": [found]}


def hiding(kind: str, status: str, source: str, **names: str) -> dict[str, Any]:
    """A result out of which the scanner kept one finding."""
    found = {"PkgIdentifier": {"PURL": "pkg:pypi/x@1"}, **names}
    kept = {"Type": kind, "Status": status, "Statement": "", "Source": source, "Finding": found}
    return {"Target": "debian", "Class": "os-pkgs", "ExperimentalModifiedFindings": [kept]}


HEEDED = hiding("vulnerability", "not_affected", "/vex", VulnerabilityID="CVE-2026-0001")
CANARY = told(SECRET, ROOT)
LICENCES = told(licensed("A-1"), licensed("B-1"))


def test_a_finding_that_a_statement_suppresses_does_not_block() -> None:
    """The scanner keeps it out of its results and says so."""
    assert of_source(HEEDED).passed


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("vulnerability", "VulnerabilityID"),
        ("misconfiguration", "ID"),
        ("secret", "RuleID"),
        ("license", "Name"),
    ],
)
def test_a_finding_that_anything_else_suppresses_is_red(kind: str, field: str) -> None:
    """A list of the scanner's own has neither reason nor end, and is named."""
    hidden = hiding(kind, "ignored", ".trivyignore", **{field: "X-1"})
    verdict = of_source(hidden)
    assert verdict.status == "red"
    assert verdict.reasons[0].startswith(f".trivyignore kept the {kind} X-1 out of the report")


def test_a_suppressed_finding_without_its_fields_is_not_run() -> None:
    """What was kept out and cannot be read does not vanish."""
    assert of_source(hiding("vulnerability", "not_affected", "/vex")).status == "not run"


def test_a_statement_that_suppresses_something_is_needed() -> None:
    """One target in which it does is enough."""
    texts = {"backend": CANARY, "source": told(HEEDED)}
    verdict = judge_statements([STATED], texts, ["backend", "source"], vulnerabilities=True)
    assert verdict == green()


def test_a_statement_that_suppresses_nothing_is_red() -> None:
    """A finding that is gone needs no statement, unless nothing looked for vulnerabilities."""
    texts = {"source": told()}
    fault = "the statement on CVE-2026-0001 in pkg:pypi/x suppresses nothing any more: delete it"
    assert judge_statements([STATED], texts, ["source"], vulnerabilities=True) == red(fault)
    assert judge_statements([STATED], texts, ["source"], vulnerabilities=False) == green()


def test_statements_without_every_report_are_not_run() -> None:
    """A target whose report is missing might have the finding."""
    texts = {"source": told()}
    verdict = judge_statements([STATED], texts, ["backend", "source"], vulnerabilities=True)
    assert verdict.status == "not run"


def test_a_scanner_that_finds_the_planted_faults_is_alive() -> None:
    """A secret, a misconfiguration and each forbidden licence must be found."""
    assert judge_canary(CANARY, LICENCES, ["A-1", "B-1"]).passed


@pytest.mark.parametrize(
    ("text", "licences", "missed"),
    [
        (told(SECRET), LICENCES, "misconfiguration"),
        (told(ROOT), LICENCES, "secret"),
        (CANARY, told(licensed("B-1")), "licence A-1"),
        (CANARY, LICENCES.replace("forbidden", "unknown"), "licence A-1 and licence B-1"),
        (LICENCES, CANARY, "secret and misconfiguration and licence A-1 and licence B-1"),
    ],
)
def test_a_blind_scanner_is_not_run(text: str, licences: str, missed: str) -> None:
    """A planted fault that is missed is named, and so is a licence that is not called forbidden."""
    verdict = judge_canary(text, licences, ["A-1", "B-1"])
    assert verdict == not_run(f"the scanner is blind: it missed the planted {missed}")


def test_a_scanner_that_knows_the_planted_packages_is_alive() -> None:
    """Each of the old packages must have a vulnerability."""
    text = told(VULNERABLE)
    assert judge_planted(text, ["x"], []).passed


def test_a_scanner_that_misses_a_planted_package_is_blind() -> None:
    """It is named, and nothing is green."""
    text = told(VULNERABLE)
    verdict = judge_planted(text, ["x", "openssl"], [])
    assert verdict == not_run("the scanner is blind: it missed the planted openssl")
    assert judge_planted("", ["x"], []).status == "not run"


def test_a_scanner_that_passes_over_a_planted_statement_is_blind() -> None:
    """What it says must have taken its finding out, and only where it did is the scanner sound."""
    assert judge_planted(told(VULNERABLE, HEEDED), ["x"], [STATED]).passed
    blind = judge_planted(told(VULNERABLE), ["x"], [STATED])
    assert blind == not_run(f"the scanner is blind: it missed the planted {STATED}")


@pytest.mark.parametrize("text", ["", "[]", '{"Results": [{}]}'])
def test_a_malformed_report_proves_nothing(text: str) -> None:
    """What is no report is never green, whichever of them it is."""
    assert judge_canary(text, LICENCES, []).status == "not run"
    assert judge_canary(CANARY, text, []).status == "not run"
    assert judge_planted(text, [], []).status == "not run"
