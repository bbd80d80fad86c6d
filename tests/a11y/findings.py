"""The verdict on axe's results: what may stand, what may not, and which exceptions are outlived.

Contract: pure and standard library only; results and exceptions in, complaints out, no complaint
means pass. Every serious or critical violation needs a listed exception; every listed exception
must still be needed and not be past its date. Does not know the browser or the page.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

TOLERATED_IMPACTS = frozenset({"minor", "moderate"})  # reported, not judged; unknown is judged


class ExceptionInvalidError(ValueError):
    """An entry of the exceptions file is incomplete or says nothing."""


@dataclass(frozen=True)
class Finding:
    """One element that breaks one rule."""

    rule: str
    impact: str
    target: str
    html: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.rule} ({self.impact}) at {self.target}: {self.html[:160]}"


@dataclass(frozen=True)
class Listed:
    """One violation that is known and accepted until a date."""

    rule: str
    element: str  # a part of the selector or of the element's HTML that survives new versions
    reason: str
    link: str
    expires: date

    def covers(self, finding: Finding) -> bool:
        """Tell whether this entry is about that finding."""
        return self.rule == finding.rule and (
            self.element in finding.target or self.element in finding.html
        )


def read_listed(text: str) -> list[Listed]:
    """Read the exceptions file; each [[exception]] has exactly the fields of `Listed`."""
    document = tomllib.loads(text)
    if unknown := set(document) - {"exception"}:
        raise ExceptionInvalidError(f"unknown tables: {sorted(unknown)}")
    return [_listed(entry) for entry in document.get("exception", [])]


def _listed(entry: Mapping[str, Any]) -> Listed:
    expected = {field.name: field.type for field in fields(Listed)}
    if set(entry) != set(expected):
        raise ExceptionInvalidError(f"fields must be exactly {sorted(expected)}: {dict(entry)}")
    for name, kind in expected.items():
        if type(entry[name]) is not kind or not entry[name]:
            raise ExceptionInvalidError(f"{name} must be a filled {kind}: {dict(entry)}")
    return Listed(**entry)


def serious(results: Mapping[str, Any], place: str) -> list[Finding]:
    """Take the violations out of axe's results that nobody may ignore."""
    return [
        Finding(
            rule=violation["id"],
            impact=violation["impact"] or "unknown",
            target=" ".join(map(str, node["target"])),
            html=node["html"],
            place=place,
        )
        for violation in results["violations"]
        if violation["impact"] not in TOLERATED_IMPACTS
        for node in violation["nodes"]
    ]


def unlisted(findings: Iterable[Finding], listed: Iterable[Listed]) -> list[str]:
    """Complain about each finding that no exception covers."""
    entries = list(listed)
    return [
        str(finding) for finding in findings if not any(entry.covers(finding) for entry in entries)
    ]


def outlived(listed: Iterable[Listed], findings: Iterable[Finding], today: date) -> list[str]:
    """Complain about each exception that is past its date or covers nothing any more."""
    found = list(findings)
    complaints = []
    for entry in listed:
        name = f"{entry.rule} at {entry.element}"
        if entry.expires < today:
            complaints.append(f"{name}: expired on {entry.expires}")
        if not any(entry.covers(finding) for finding in found):
            complaints.append(f"{name}: no longer occurs, delete the exception")
    return complaints
