"""Findings that are accepted for now: a TOML file, each entry with its reason and expiry date.

Contract: an entry that has expired, or that matches nothing any more, is a fault itself; so is a
file that cannot be read, and a target that nothing scans, whose entries would never be either. Does
not know how findings are found.

    [[accepted]]
    target = "backend"             # one that is scanned
    kind = "misconfiguration"      # secret, misconfiguration, licence or vulnerability
    rule = "DS-0002"               # as the scanner names it
    location = "apps/*/Dockerfile" # a pattern of the finding's location
    reason = "one sentence"
    expires = 2027-01-31
"""

import tomllib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from fnmatch import fnmatchcase
from typing import Literal, cast, get_args

Kind = Literal["secret", "misconfiguration", "licence", "vulnerability"]


class AcceptedFindingsMalformedError(ValueError):
    """The file of accepted findings does not say what it must."""


@dataclass(frozen=True)
class Finding:
    """One thing a scanner found; the text never holds a secret."""

    target: str
    kind: Kind
    rule: str
    severity: str
    location: str
    text: str

    def __str__(self) -> str:
        """Where it is and what it is, in one line."""
        return f"{self.location}: {self.kind} {self.rule} ({self.severity}) {self.text}"


@dataclass(frozen=True)
class Acceptance:
    """A finding that someone answers for until a date."""

    target: str
    kind: Kind
    rule: str
    location: str
    reason: str
    expires: date

    def covers(self, finding: Finding) -> bool:
        """Whether this entry speaks of that finding."""
        same = (self.target, self.kind, self.rule) == (finding.target, finding.kind, finding.rule)
        return same and fnmatchcase(finding.location, self.location)


def acceptances(toml: str, targets: Collection[str]) -> list[Acceptance]:
    """Reads the file of accepted findings, each of them in one of the targets that are scanned."""
    try:
        entries = tomllib.loads(toml).get("accepted", [])
        return [acceptance(entry, targets) for entry in entries]
    except (tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
        message = f"the accepted findings cannot be read: {error}"
        raise AcceptedFindingsMalformedError(message) from error


def acceptance(entry: dict[str, object], targets: Collection[str]) -> Acceptance:
    """Reads one entry; every field must be there, filled, and of its kind."""
    names = {field.name for field in fields(Acceptance)}
    if set(entry) != names:
        wrong = ", ".join(sorted(set(entry) ^ names))
        message = f"an accepted finding has exactly the fields {sorted(names)}; check: {wrong}"
        raise AcceptedFindingsMalformedError(message)
    target, rule = filled(entry, "target"), filled(entry, "rule")
    location, reason = filled(entry, "location"), filled(entry, "reason")
    if target not in targets:
        message = (
            f"the target of the acceptance of {rule!r} is {target!r}, which nothing scans: name "
            f"one of {', '.join(targets)}, or delete the entry"
        )
        raise AcceptedFindingsMalformedError(message)
    expires, kind = entry["expires"], entry["kind"]
    if type(expires) is not date or kind not in get_args(Kind):
        message = f"{rule!r} needs a date to expire and a kind of {get_args(Kind)}"
        raise AcceptedFindingsMalformedError(message)
    return Acceptance(target, cast(Kind, kind), rule, location, reason, expires)


def filled(entry: dict[str, object], name: str) -> str:
    """A field that must be a text and say something."""
    value = entry[name]
    if not isinstance(value, str) or not value.strip():
        message = f"{name} of an accepted finding is a filled text, not {value!r}"
        raise AcceptedFindingsMalformedError(message)
    return value


def sifted(
    findings: Sequence[Finding], accepted: Sequence[Acceptance], today: date
) -> tuple[list[Finding], list[str]]:
    """The findings nobody accepted, and what is wrong with the list of accepted ones."""
    valid = [entry for entry in accepted if entry.expires >= today]
    open_findings = [f for f in findings if not any(entry.covers(f) for entry in valid)]
    faults = [
        f"the acceptance of {entry.rule} at {entry.location} expired on {entry.expires}: "
        "fix the finding or renew the entry with its reason"
        for entry in accepted
        if entry.expires < today
    ]
    faults += [
        f"the acceptance of {entry.rule} at {entry.location} matches nothing any more: delete it"
        for entry in valid
        if not any(entry.covers(f) for f in findings)
    ]
    return open_findings, faults


def concerning(
    accepted: Iterable[Acceptance], target: str, *, vulnerabilities: bool
) -> list[Acceptance]:
    """The entries that a scan of this target can confirm."""
    return [
        entry
        for entry in accepted
        if entry.target == target and (vulnerabilities or entry.kind != "vulnerability")
    ]
