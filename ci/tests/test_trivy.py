"""Verdicts on Trivy's reports."""

import copy
import json
from datetime import date
from typing import Any

import pytest

from mnist_pipeline.gates.accepted import acceptances
from mnist_pipeline.gates.trivy import (
    judge_database,
    judge_image,
    judge_source,
    judge_vulnerabilities,
)
from mnist_pipeline.gates.verdicts import Verdict, green, not_run

TODAY = date(2026, 11, 23)
NAME = "official database"
DATABASE = Verdict("green", (f"{NAME} of 2026-11-23",))
IMAGE: dict[str, Any] = {
    "Metadata": {
        "OS": {"Family": "debian", "Name": "13.1"},
        "ImageConfig": {"config": {"User": "10001:10001"}},
    },
    "Results": [
        {"Target": "debian", "Class": "os-pkgs", "Packages": [{"Name": str(n)} for n in range(90)]},
        {"Target": "Python", "Class": "lang-pkgs", "Packages": [{"Name": "a"}] * 20},
    ],
}
SOURCE: dict[str, Any] = {
    "Results": [
        {"Target": "apps/Dockerfile", "Class": "config"},
        {"Target": "requirements.lock", "Class": "lang-pkgs", "Packages": [{"Name": "a"}] * 20},
    ]
}
SECRET = {"RuleID": "private-key", "Severity": "HIGH", "StartLine": 3, "Title": "Private key"}
KEY_FILE = {"Target": "a.pem", "Class": "secret", "Secrets": [SECRET]}


def misconfigured(severity: str, status: str = "FAIL") -> dict[str, Any]:
    """A result with one misconfiguration."""
    found = {"ID": "DS-0002", "Severity": severity, "Status": status, "Title": "root user"}
    return {"Target": "Dockerfile", "Class": "config", "Misconfigurations": [found]}


def licensed(category: str) -> dict[str, Any]:
    """A result with one licence."""
    found = {"Name": "X-1.0", "Severity": "LOW", "Category": category, "PkgName": "x"}
    return {"Target": "OS Packages", "Class": "license", "Licenses": [found]}


def vulnerable(severity: str, fixed: str) -> dict[str, Any]:
    """A result with one vulnerability."""
    found = {
        "VulnerabilityID": "CVE-2026-0001",
        "Severity": severity,
        "PkgName": "x",
        "InstalledVersion": "1",
        "FixedVersion": fixed,
    }
    return {"Target": "debian", "Class": "os-pkgs", "Vulnerabilities": [found]}


def image_with(*results: dict[str, Any], vulnerabilities: bool = True) -> str:
    """The status of an image whose report has these results too."""
    report = copy.deepcopy(IMAGE)
    report["Results"] += results
    text = json.dumps(report)
    return judge_image(text, "backend", [], TODAY, vulnerabilities=vulnerabilities).status


def test_a_clean_image_is_green() -> None:
    """Packages are counted, nothing is found."""
    verdict = judge_image(json.dumps(IMAGE), "backend", [], TODAY, vulnerabilities=True)
    assert (verdict.status, verdict.counts["packages"]) == ("green", 110)


@pytest.mark.parametrize(
    "result",
    [
        KEY_FILE,
        misconfigured("HIGH"),
        misconfigured("CRITICAL"),
        licensed("forbidden"),
        vulnerable("CRITICAL", "2"),
    ],
)
def test_a_blocking_finding_is_red(result: dict[str, Any]) -> None:
    """Each kind of finding that blocks does so alone."""
    assert image_with(result) == "red"


@pytest.mark.parametrize(
    "result",
    [
        misconfigured("LOW"),
        misconfigured("HIGH", status="PASS"),
        licensed("restricted"),
        vulnerable("CRITICAL", ""),
        vulnerable("MEDIUM", "2"),
    ],
)
def test_a_lesser_finding_does_not_block(result: dict[str, Any]) -> None:
    """What has no fix, or little weight, stays in the report."""
    assert image_with(result) == "green"


def test_a_reason_names_place_and_rule_and_no_secret() -> None:
    """The reason of a secret is where it is, never what it is."""
    report = {**SOURCE, "Results": [*SOURCE["Results"], KEY_FILE]}
    verdict = judge_source(json.dumps(report), [], TODAY, vulnerabilities=True)
    assert verdict.reasons == ("a.pem:3: secret private-key (HIGH) Private key",)


def test_an_accepted_finding_does_not_block() -> None:
    """An entry in the list of accepted findings lets it pass."""
    entry = acceptances(
        '[[accepted]]\ntarget = "source"\nkind = "secret"\nrule = "private-key"\n'
        'location = "a.pem:*"\nreason = "a test key"\nexpires = 2026-12-31\n',
        ["source"],
    )
    report = {**SOURCE, "Results": [*SOURCE["Results"], KEY_FILE]}
    assert judge_source(json.dumps(report), entry, TODAY, vulnerabilities=True).passed
    assert not judge_source(json.dumps(SOURCE), entry, TODAY, vulnerabilities=True).passed


@pytest.mark.parametrize("user", ["", "root", "0", "0:0", "root:root"])
def test_an_image_of_roots_is_red(user: str) -> None:
    """The configured user must be set and not be root."""
    report = copy.deepcopy(IMAGE)
    report["Metadata"]["ImageConfig"]["config"]["User"] = user
    verdict = judge_image(json.dumps(report), "backend", [], TODAY, vulnerabilities=True)
    assert verdict.status == "red"


@pytest.mark.parametrize(
    "change",
    [
        {"Metadata": {"ImageConfig": IMAGE["Metadata"]["ImageConfig"]}},
        {"Results": []},
        {"Results": None},
        {"Results": IMAGE["Results"][:1]},
        {"Results": IMAGE["Results"][1:]},
    ],
)
def test_an_image_in_which_nothing_was_seen_is_not_run(change: dict[str, Any]) -> None:
    """No system, no packages or no Python packages mean that the scan was blind."""
    text = json.dumps({**IMAGE, **change})
    assert judge_image(text, "x", [], TODAY, vulnerabilities=True).status == "not run"


@pytest.mark.parametrize("results", [[], SOURCE["Results"][:1], SOURCE["Results"][1:]])
def test_a_source_in_which_nothing_was_seen_is_not_run(results: list[Any]) -> None:
    """Without a Dockerfile or locked requirements the scan was blind."""
    text = json.dumps({"Results": results})
    assert judge_source(text, [], TODAY, vulnerabilities=True).status == "not run"


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"Results": 1}', '{"Results": [{}]}', '{"Metadata": 1}']
)
def test_a_malformed_report_is_not_run(text: str) -> None:
    """What is no report is never green, whoever asks."""
    assert judge_image(text, "x", [], TODAY, vulnerabilities=True).status == "not run"
    assert judge_source(text, [], TODAY, vulnerabilities=True).status == "not run"


def test_a_finding_without_its_fields_is_not_run() -> None:
    """A finding that cannot be read does not vanish."""
    assert image_with({"Target": "a", "Class": "secret", "Secrets": [{}]}) == "not run"


@pytest.mark.parametrize(
    ("made", "status"),
    [("2026-11-23", "green"), ("2026-11-16", "green"), ("2026-11-15", "not run")],
)
def test_an_old_database_is_none(made: str, status: str) -> None:
    """A database that nobody renewed for a week does not speak for today."""
    metadata = f'{{"UpdatedAt": "{made}T06:12:13.123456789Z"}}'
    assert judge_database(NAME, metadata, "no such host", TODAY).status == status


@pytest.mark.parametrize("metadata", ["", "{}", "[]", "null", '{"UpdatedAt": "soon"}'])
def test_no_database_is_not_run_with_the_reason(metadata: str) -> None:
    """Without a database, the remark carries the reason."""
    verdict = judge_database(NAME, metadata, "no such host", TODAY)
    assert verdict.reasons == ("no official database: no such host",)
    assert verdict.status == "not run"


def test_a_database_is_named_with_its_day() -> None:
    """What it is and when it was made is the first thing that is told."""
    verdict = judge_database(NAME, '{"UpdatedAt": "2026-11-23T06:12:13Z"}', "", TODAY)
    assert verdict == DATABASE


def test_vulnerabilities_of_a_blind_scanner_are_not_run() -> None:
    """A database that knows nothing of what is planted is none."""
    blind = not_run("the scanner is blind: it missed the planted openssl")
    assert judge_vulnerabilities(DATABASE, blind, {}, [], TODAY) == blind


def test_vulnerabilities_are_told_apart() -> None:
    """Only they count in their own verdict, and only those that block make it red."""
    report = {"Results": [KEY_FILE, vulnerable("HIGH", "2"), vulnerable("LOW", "2")]}
    texts = {"backend": json.dumps(report), "source": json.dumps({"Results": [KEY_FILE]})}
    verdict = judge_vulnerabilities(DATABASE, green(), texts, [], TODAY)
    assert (verdict.status, verdict.counts) == ("red", {"known": 2})
    assert verdict.reasons == (
        "1 to fix, says the official database of 2026-11-23",
        "x 1: vulnerability CVE-2026-0001 (HIGH) fixed in 2",
    )


def test_vulnerabilities_without_a_database_are_not_run() -> None:
    """What the database's verdict says is passed on."""
    missing = not_run("no official database: no such host")
    assert judge_vulnerabilities(missing, green(), {}, [], TODAY) == missing


def test_vulnerabilities_in_a_malformed_report_are_not_run() -> None:
    """A report that cannot be read hides no vulnerability."""
    assert judge_vulnerabilities(DATABASE, green(), {"backend": ""}, [], TODAY).status == "not run"


def test_no_open_vulnerability_is_green() -> None:
    """What is known but has no fix, or little weight, does not block."""
    texts = {"backend": json.dumps({"Results": [vulnerable("CRITICAL", "")]})}
    verdict = judge_vulnerabilities(DATABASE, green(), texts, [], TODAY)
    assert verdict == Verdict("green", DATABASE.reasons, {"known": 1})
