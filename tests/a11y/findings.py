"""The verdict on axe's results: what may stand, what may not, and which exceptions are outlived.

Contract: pure and standard library only; results and exceptions in, complaints out, no complaint
means pass. Every violation, whatever its impact, needs a listed exception; everything that axe
could not decide needs a listed review; every entry must still be needed and not be past its date.
Does not know the browser or the page.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal

Kind = Literal["violations", "incomplete"]
TABLES: Mapping[str, Kind] = {"exception": "violations", "review": "incomplete"}
CLAUSE = re.compile(r"(EN-9|RGAA-|wcag\d{3})")  # in axe's tags: of EN 301 549, RGAA and WCAG


class ExceptionInvalidError(ValueError):
    """An entry of the exceptions file is incomplete or says nothing."""


@dataclass(frozen=True)
class Finding:
    """One element that breaks a rule, or of which axe cannot say whether it does."""

    kind: Kind
    rule: str
    impact: str
    clauses: str
    target: str
    html: str
    place: str

    def __str__(self) -> str:
        judged = "" if self.kind == "violations" else "undecided, "
        return (
            f"{self.place}: {self.rule} ({judged}{self.impact}; {self.clauses or 'best practice'}) "
            f"at {self.target}: {self.html[:160]}"
        )


@dataclass(frozen=True)
class Listed:
    """Something that is known and accepted, or was looked at by a person, until a date."""

    kind: Kind
    rule: str
    element: str  # a part of the selector or of the element's HTML that survives new versions
    reason: str
    link: str
    expires: date

    def covers(self, finding: Finding) -> bool:
        """Tell whether this entry is about that finding."""
        return (self.kind, self.rule) == (finding.kind, finding.rule) and (
            self.element in finding.target or self.element in finding.html
        )


def read_listed(text: str) -> list[Listed]:
    """Read the exceptions file; each entry has exactly the fields of `Listed` but its kind."""
    document = tomllib.loads(text)
    if unknown := set(document) - set(TABLES):
        raise ExceptionInvalidError(f"unknown tables: {sorted(unknown)}")
    return [
        _listed(kind, entry) for table, kind in TABLES.items() for entry in document.get(table, [])
    ]


def _listed(kind: Kind, entry: Mapping[str, Any]) -> Listed:
    expected = {field.name: field.type for field in fields(Listed) if field.name != "kind"}
    if set(entry) != set(expected):
        raise ExceptionInvalidError(f"fields must be exactly {sorted(expected)}: {dict(entry)}")
    for name, of_type in expected.items():
        if type(entry[name]) is not of_type or not entry[name]:
            raise ExceptionInvalidError(f"{name} must be a filled {of_type}: {dict(entry)}")
    return Listed(kind, **entry)


def found(results: Mapping[str, Any], place: str) -> list[Finding]:
    """Take out of axe's results all that is not simply right."""
    return [
        Finding(
            kind=kind,
            rule=rule["id"],
            impact=rule["impact"] or "unrated",
            clauses=", ".join(tag for tag in rule["tags"] if CLAUSE.match(tag)),
            target=" ".join(map(str, node["target"])),
            html=node["html"],
            place=place,
        )
        for kind in TABLES.values()
        for rule in results[kind]
        for node in rule["nodes"]
    ]


def unlisted(findings: Iterable[Finding], listed: Iterable[Listed]) -> list[str]:
    """Complain about each finding that no entry covers."""
    entries = list(listed)
    return [
        str(finding) for finding in findings if not any(entry.covers(finding) for entry in entries)
    ]


def outlived(listed: Iterable[Listed], findings: Iterable[Finding], today: date) -> list[str]:
    """Complain about each entry that is past its date or covers nothing any more."""
    known = list(findings)
    complaints = []
    for entry in listed:
        name = f"{entry.rule} at {entry.element}"
        if entry.expires < today:
            complaints.append(f"{name}: expired on {entry.expires}")
        if not any(entry.covers(finding) for finding in known):
            complaints.append(f"{name}: no longer occurs, delete the entry")
    return complaints
