"""Judges Trivy's JSON reports: secrets, misconfiguration, licences, vulnerabilities.

Contract: blocking are every secret, misconfiguration and fixable vulnerabilities of HIGH and
CRITICAL, and forbidden licences, unless accepted; and what anything but a statement kept out of the
report. A report in which no system, no package or no configuration was recognised is "not run", for
an empty image passes every rule. Does not know how Trivy was called.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from mnist_pipeline.gates.accepted import Acceptance, Finding, concerning, sifted
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red
from mnist_pipeline.gates.vex import NOT_AFFECTED, Statement, Suppressed, unheard

SOURCE = "source"  # the target that is no image
NAMED_BY = {  # the field that names a finding which was kept out, by its kind there
    "vulnerability": "VulnerabilityID",
    "misconfiguration": "ID",
    "secret": "RuleID",
    "license": "Name",
}
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
    suppressed: tuple[Suppressed, ...]


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
            tuple(found for result in results for found in suppressed(result)),
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


def suppressed(result: dict[str, Any]) -> Iterator[Suppressed]:
    """Every finding that was kept out of one result of a report."""
    for kept in result.get("ExperimentalModifiedFindings") or []:
        found = kept["Finding"]
        product = (found.get("PkgIdentifier") or {}).get("PURL") or ""
        rule = found[NAMED_BY[kept["Type"]]]
        yield Suppressed(kept["Type"], rule, product, kept["Status"], kept["Source"])


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
        read = report(SOURCE, text)
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
    """Blocking findings that nobody accepted, hidden ones, and acceptances that are out of date."""
    relevant = concerning(accepted, read.target, vulnerabilities=vulnerabilities)
    open_findings, outdated = sifted(read.findings, relevant, today)
    blocking = [str(finding) for finding in open_findings if blocks(finding)]
    counts = {"packages": sum(read.packages.values()), "findings": len(read.findings)}
    hidden = [
        f"{found.source or 'something'} kept the {found.kind} {found.rule} out of the report: "
        "delete that, and accept the finding or state why it does not affect us"
        for found in read.suppressed
        if (found.kind, found.status) != ("vulnerability", NOT_AFFECTED)
    ]
    reasons = [*faults, *blocking, *hidden, *outdated]
    return red(*reasons, **counts) if reasons else green(**counts)


def non_root(user: str) -> bool:
    """Whether an image's configured user is set and is not root."""
    name = user.partition(":")[0]
    return bool(name) and name not in {"root", "0"}


def judge_canary(text: str, licences: str, forbidden: Sequence[str]) -> Verdict:
    """Whether the scanner found what is planted for it: a key, a container of root's, licences.

    The licences are planted because our own classification forbids them.
    """
    try:
        kinds = {finding.kind for finding in report("canary", text).findings}
        named = [found for found in report("canary", licences).findings if found.kind == "licence"]
    except ReportMalformedError as error:
        return not_run(str(error))
    blocked = {finding.rule for finding in named if blocks(finding)}
    missing = [kind for kind in ("secret", "misconfiguration") if kind not in kinds]
    return seeing([*missing, *(f"licence {name}" for name in forbidden if name not in blocked)])


def judge_planted(text: str, packages: Sequence[str], stated: Sequence[Statement]) -> Verdict:
    """Whether the scanner knows vulnerabilities of the old packages, and heeds the statements."""
    try:
        read = report("planted packages", text)
    except ReportMalformedError as error:
        return not_run(str(error))
    vulnerable = {f.location.split()[0] for f in read.findings if f.kind == "vulnerability"}
    missing = [name for name in packages if name not in vulnerable]
    return seeing([*missing, *(str(each) for each in unheard(stated, read.suppressed))])


def seeing(missing: Sequence[str]) -> Verdict:
    """The verdict on a scanner that missed this of what was planted for it."""
    if missing:
        return not_run(f"the scanner is blind: it missed the planted {' and '.join(missing)}")
    return green()


def judge_statements(
    stated: Sequence[Statement],
    texts: Mapping[str, str],
    targets: Sequence[str],
    *,
    vulnerabilities: bool,
) -> Verdict:
    """Whether each statement took a finding out of the report on some target.

    Where nothing looked for vulnerabilities, that cannot be told, and is no fault of theirs.
    """
    if not vulnerabilities:
        return green()
    try:
        found = [each for name in targets for each in report(name, texts.get(name, "")).suppressed]
    except ReportMalformedError as error:
        return not_run(str(error))
    stale = [f"{each} suppresses nothing any more: delete it" for each in unheard(stated, found)]
    return red(*stale) if stale else green()


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
