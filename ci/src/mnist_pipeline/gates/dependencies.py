"""Judges dependencies: unused and undeclared ones (deptry), known faults (pip-audit).

Contract: an audit that cannot tell a package with known faults from another is "not run": the
package index may hold no advisories at all. Does not know which packages there are.
"""

import json
import re
from collections.abc import Mapping

from mnist_pipeline.gates.records import last_line
from mnist_pipeline.gates.verdicts import Verdict, green, not_run, red

CLEAN, FOUND = 0, 1
UNANSWERED = re.compile(
    r"requests\.exceptions|\w*(Connection|SSL|HTTP|Proxy|Timeout)Error|timed out"
)


def judge_deptry(project: str, text: str, exit_code: int, log: str) -> Verdict:
    """The verdict of deptry on one project, from its JSON."""
    if exit_code not in {CLEAN, FOUND}:
        return not_run(f"deptry ended with {exit_code}: {last_line(log)}")
    try:
        faults = [
            f"{project}/{found['location']['file']}: {found['error']['code']} "
            f"{found['error']['message']}"
            for found in json.loads(text)
        ]
    except (ValueError, KeyError, TypeError) as error:
        return not_run(f"the report of deptry cannot be read: {error!r}")
    if faults:
        return red(*faults, findings=len(faults))
    if exit_code == FOUND:
        return red(f"deptry ended with 1 and named no fault: {last_line(log)}")
    return green(projects=1)


def vulnerable(text: str) -> list[str]:
    """Every known fault in a report of pip-audit; raises ValueError where there is no report."""
    try:
        return [
            f"{package['name']} {package['version']}: {fault['id']}, fixed in "
            f"{', '.join(fault['fix_versions']) or 'no version'}"
            for package in json.loads(text)["dependencies"]
            for fault in package.get("vulns", [])
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"not a report of pip-audit: {error!r}"
        raise ValueError(message) from error


def audited(text: str) -> int:
    """How many packages a report of pip-audit really answers for."""
    return sum("skip_reason" not in package for package in json.loads(text)["dependencies"])


def judge_probe(text: str, log: str) -> Verdict:
    """Whether the index knows the faults of a package that is known to have some."""
    try:
        known = vulnerable(text)
    except ValueError:
        known = []
    if not known:
        return not_run(f"no advisories can be had from the package index: {last_line(log)}")
    return green()


def unasked(text: str, log: str) -> bool:
    """Whether there is no index that tells of faults: it does not answer, or knows of none."""
    try:
        return not vulnerable(text)
    except ValueError:
        return bool(UNANSWERED.search(log))


def judge_audit(probe: Verdict, reports: Mapping[str, str]) -> Verdict:
    """The verdict of pip-audit over locks, once the probe has shown that it can find something."""
    if not probe.passed:
        return probe
    try:
        faults = [
            f"{lock}: {fault}" for lock, text in reports.items() for fault in vulnerable(text)
        ]
        packages = sum(audited(text) for text in reports.values())
    except (ValueError, KeyError, TypeError) as error:
        return not_run(f"the report of pip-audit cannot be read: {error!r}")
    if not packages:
        return not_run("pip-audit answered for no package")
    return red(*faults, packages=packages) if faults else green(packages=packages)
