"""Judges Trivy's JSON reports: secrets, misconfiguration, licences, vulnerabilities.

Contract: blocking are every secret, misconfiguration and fixable vulnerabilities of HIGH and
CRITICAL, and forbidden licences, unless accepted. A report in which no system, no package or no
configuration was recognised is "not run", for an empty image passes every rule. Does not know how
Trivy was called.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from mnist_pipeline.gates.accepted import Acceptance, Finding, concerning, sifted
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

BLOCKING = {"HIGH", "CRITICAL"}
LEAST_SYSTEM_PACKAGES = 50  # a Debian that runs Python has about 100
LEAST_PYTHON_PACKAGES = 5
DATABASE_DAYS = 7  # it is made anew several times a day


class ReportMalformedError(ValueError):
    """What should be a report of Trivy is not one."""


@dataclass(frozen=True)
class Report:
    """One report of Trivy, read."""

    target: str
    system: str  # "debian 13", empty where none was recognised
    user: str  # the image's configured user, empty where none is set
    packages: Mapping[str, int]  # by class: os-pkgs, lang-pkgs
    configurations: int  # files that the misconfiguration rules were applied to
    findings: tuple[Finding, ...]


def report(target: str, text: str) -> Report:
    """Reads a report; raises where it is not one."""
    try:
        loaded = json.loads(text)
        results = loaded.get("Results") or []
        metadata = loaded.get("Metadata") or {}
        system = metadata.get("OS") or {}
        configuration = (metadata.get("ImageConfig") or {}).get("config") or {}
        packages: dict[str, int] = {}
        for result in results:
            count = len(result.get("Packages") or [])
            packages[result["Class"]] = packages.get(result["Class"], 0) + count
        return Report(
            target,
            f"{system.get('Family', '')} {system.get('Name', '')}".strip(),
            str(configuration.get("User", "")),
            packages,
            sum(result["Class"] == "config" for result in results),
            tuple(finding for result in results for finding in findings(target, result)),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"the report on {target} cannot be read: {error!r}"
        raise ReportMalformedError(message) from error


def findings(target: str, result: dict[str, Any]) -> Iterator[Finding]:
    """Every finding of one result of a report, without what a secret looks like."""
    place = result["Target"]
    for found in result.get("Secrets") or []:
        where = f"{place}:{found['StartLine']}"
        yield Finding(target, "secret", found["RuleID"], found["Severity"], where, found["Title"])
    for found in result.get("Misconfigurations") or []:
        if found["Status"] == "FAIL":
            rule, severity, text = found["ID"], found["Severity"], found["Title"]
            yield Finding(target, "misconfiguration", rule, severity, place, text)
    for found in result.get("Licenses") or []:
        where = found.get("PkgName") or found.get("FilePath") or place
        severity, category = found["Severity"], found["Category"]
        yield Finding(target, "licence", found["Name"], severity, where, category)
    for found in result.get("Vulnerabilities") or []:
        fixed = found.get("FixedVersion") or ""
        where = f"{found['PkgName']} {found['InstalledVersion']}"
        text = f"fixed in {fixed}" if fixed else "without a fix"
        rule, severity = found["VulnerabilityID"], found["Severity"]
        yield Finding(target, "vulnerability", rule, severity, where, text)


def blocks(finding: Finding) -> bool:
    """Whether a finding turns the stage red unless it is accepted."""
    if finding.kind == "secret":
        return True
    if finding.kind == "licence":
        return finding.text == "forbidden"
    fixable = finding.kind != "vulnerability" or finding.text != "without a fix"
    return finding.severity in BLOCKING and fixable


def judge_image(
    text: str, target: str, accepted: Sequence[Acceptance], today: date, *, vulnerabilities: bool
) -> Verdict:
    """The verdict on an image, after guarding against a scan that saw nothing."""
    try:
        read = report(target, text)
    except ReportMalformedError as error:
        return not_run(str(error))
    if not read.system:
        return not_run("Trivy recognised no operating system in the image")
    for kind, least in (("os-pkgs", LEAST_SYSTEM_PACKAGES), ("lang-pkgs", LEAST_PYTHON_PACKAGES)):
        if read.packages.get(kind, 0) < least:
            number = read.packages.get(kind, 0)
            return not_run(f"Trivy recognised {number} {kind}, fewer than {least}")
    root = [] if non_root(read.user) else [f"the image runs as root (User is {read.user!r})"]
    return judged(read, accepted, today, root, vulnerabilities=vulnerabilities)


def judge_source(
    text: str, accepted: Sequence[Acceptance], today: date, *, vulnerabilities: bool
) -> Verdict:
    """The verdict on the source tree, after guarding against a scan that saw nothing."""
    try:
        read = report("source", text)
    except ReportMalformedError as error:
        return not_run(str(error))
    if read.configurations < 1:
        return not_run("Trivy recognised no Dockerfile in the source")
    if read.packages.get("lang-pkgs", 0) < LEAST_PYTHON_PACKAGES:
        return not_run("Trivy recognised no locked requirements in the source")
    return judged(read, accepted, today, [], vulnerabilities=vulnerabilities)


def judged(
    read: Report,
    accepted: Sequence[Acceptance],
    today: date,
    faults: Sequence[str],
    *,
    vulnerabilities: bool,
) -> Verdict:
    """Blocking findings that nobody accepted, and acceptances that are out of date."""
    relevant = concerning(accepted, read.target, vulnerabilities=vulnerabilities)
    open_findings, outdated = sifted(read.findings, relevant, today)
    blocking = [str(finding) for finding in open_findings if blocks(finding)]
    counts = {"packages": sum(read.packages.values()), "findings": len(read.findings)}
    reasons = [*faults, *blocking, *outdated]
    return red(*reasons, **counts) if reasons else green(**counts)


def non_root(user: str) -> bool:
    """Whether an image's configured user is set and is not root."""
    name = user.partition(":")[0]
    return bool(name) and name not in {"root", "0"}


def judge_canary(text: str) -> Verdict:
    """Whether the scanner found both faults planted for it: a key and a container of root's."""
    try:
        kinds = {finding.kind for finding in report("canary", text).findings}
    except ReportMalformedError as error:
        return not_run(str(error))
    missing = {"secret", "misconfiguration"} - kinds
    if missing:
        return not_run(f"the scanner is blind: it missed the planted {' and '.join(missing)}")
    return green()


def judge_planted(text: str, packages: Sequence[str]) -> Verdict:
    """Whether the scanner knows vulnerabilities of the old packages planted for it."""
    try:
        found = report("planted packages", text).findings
    except ReportMalformedError as error:
        return not_run(str(error))
    vulnerable = {f.location.split()[0] for f in found if f.kind == "vulnerability"}
    missing = [name for name in packages if name not in vulnerable]
    if missing:
        return not_run(f"the scanner is blind: it missed the planted {' and '.join(missing)}")
    return green()


def judge_database(name: str, metadata: str, reason: str, today: date) -> Verdict:
    """Whether vulnerabilities can be judged: a database is there, and made a short while ago."""
    try:
        made = date.fromisoformat(json.loads(metadata)["UpdatedAt"][:10])
    except (ValueError, KeyError, TypeError):
        return not_run(f"no {name}: {reason}")
    if (today - made).days > DATABASE_DAYS:
        return not_run(f"the {name} is of {made}, too old: {reason}")
    return Verdict("green", (f"{name} of {made}",))


def judge_vulnerabilities(
    database: Verdict,
    planted: Verdict,
    texts: Mapping[str, str],
    accepted: Sequence[Acceptance],
    today: date,
) -> Verdict:
    """The verdict on vulnerabilities alone, over the reports by target; it names the database."""
    if not (database.passed and planted.passed):
        return planted if database.passed else database
    try:
        found = [f for name, text in texts.items() for f in report(name, text).findings]
    except ReportMalformedError as error:
        return not_run(str(error))
    known = [finding for finding in found if finding.kind == "vulnerability"]
    open_findings, _ = sifted(known, accepted, today)
    blocking = [str(finding) for finding in open_findings if blocks(finding)]
    if blocking:
        first = f"{len(blocking)} to fix, says the {database.reasons[0]}"
        return red(first, *database.reasons[1:], *blocking, known=len(known))
    return Verdict("green", database.reasons, {"known": len(known)})
